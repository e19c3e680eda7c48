//! What other workers have put in front of a worker: one bounded queue each.
//!
//! `relays of a router → **mailbox** → router of another worker`
//!
//! Drop rule: of each other worker so many packets wait at most; what comes beyond is given back to who sent it, who
//! counts it and asks the publisher for a keyframe.  Everything else is kept: it is one message for a command of the
//! node, a change of a track or 300 ms of wishes.
//!
//! A worker that is at work, or lets packets gather, finds its mail by itself; only one that dozes has to be woken, and
//! that once.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::relay::Relay;

/// Packets of one other worker that wait: 80 ms of 100,000 a second, ten times as long as a busy worker rests.
pub const MAX_PACKETS: usize = 8_192;

/// The queue of one worker.
#[derive(Debug, Default)]
pub struct Mailbox(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    relays: Vec<(usize, Relay)>,
    /// Packets in them, by sending worker.
    packets: Vec<usize>,
    dozing: bool,
}

impl Mailbox {
    /// Puts everything of `relays` in; what finds no room is left in it.  Whether the owner has to be woken.
    pub fn post(&self, from: usize, relays: &mut Vec<Relay>) -> bool {
        let mut waiting = self.lock();
        let rest = relays
            .drain(..)
            .filter_map(|relay| waiting.add(from, relay));
        let rest: Vec<Relay> = rest.collect();
        relays.extend(rest);
        !waiting.relays.is_empty() && std::mem::take(&mut waiting.dozing)
    }

    /// Takes everything, in order; `into` is empty.  The owner is awake.
    pub fn take(&self, into: &mut Vec<(usize, Relay)>) {
        let mut waiting = self.lock();
        waiting.dozing = false;
        waiting.packets.fill(0);
        std::mem::swap(&mut waiting.relays, into);
    }

    /// The owner goes to sleep, unless something waits: whoever posts next has to wake it.
    pub fn doze(&self) -> bool {
        let mut waiting = self.lock();
        waiting.dozing = waiting.relays.is_empty();
        waiting.dozing
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Gives back what finds no room.
    fn add(&mut self, from: usize, relay: Relay) -> Option<Relay> {
        if self.packets.len() <= from {
            self.packets.resize(from + 1, 0);
        }
        let packets = self.packets[from] + relay.packets();
        if relay.packets() > 0 && packets > MAX_PACKETS {
            return Some(relay);
        }
        self.packets[from] = packets;
        self.relays.push((from, relay));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::Batch;
    use crate::ring::Meta;
    use crate::slab::{Key, Slab};
    use std::sync::Arc;

    fn key() -> Key {
        Slab::default().insert(())
    }

    fn packets(count: usize) -> Relay {
        let mut batch = Batch::new(key(), 0);
        let meta = Meta {
            ext_seq: 1,
            payload_type: 96,
            ..Meta::default()
        };
        (0..count).for_each(|_| batch.push(&meta, &[1], &[]));
        Relay::Packets {
            mirror: key(),
            batch: Arc::new(batch),
        }
    }

    fn ended() -> Relay {
        Relay::Ended { mirror: key() }
    }

    fn taken(mailbox: &Mailbox) -> usize {
        let mut taken = Vec::new();
        mailbox.take(&mut taken);
        taken.len()
    }

    #[test]
    fn packets_beyond_the_bound_are_given_back_and_everything_else_is_kept() {
        let mailbox = Mailbox::default();
        mailbox.post(0, &mut vec![packets(MAX_PACKETS)]);
        let mut more = vec![ended(), packets(1), ended()];
        mailbox.post(0, &mut more);
        assert_eq!(more.iter().map(Relay::packets).sum::<usize>(), 1);
        assert_eq!(more.len(), 1);
        assert_eq!(taken(&mailbox), 3);
        mailbox.post(0, &mut more);
        assert_eq!((more.len(), taken(&mailbox)), (0, 1));
    }

    #[test]
    fn one_worker_that_sends_too_much_leaves_room_for_the_others() {
        let mailbox = Mailbox::default();
        mailbox.post(3, &mut vec![packets(MAX_PACKETS)]);
        let mut others = vec![packets(MAX_PACKETS)];
        mailbox.post(1, &mut others);
        assert!(others.is_empty());
    }

    #[test]
    fn only_who_dozes_is_woken_and_that_once() {
        let mailbox = Mailbox::default();
        assert!(!mailbox.post(0, &mut vec![ended()]), "awake");
        assert!(!mailbox.doze(), "something waits");
        taken(&mailbox);
        assert!(mailbox.doze());
        assert!(!mailbox.post(0, &mut Vec::new()), "nothing to wake for");
        assert!(mailbox.post(0, &mut vec![ended()]));
        assert!(!mailbox.post(0, &mut vec![ended()]), "on its way");
        taken(&mailbox);
        assert!(!mailbox.post(0, &mut vec![ended()]), "awake again");
    }
}
