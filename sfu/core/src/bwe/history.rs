//! What was sent lately, until feedback tells what became of it.
//!
//! `mod (sent, feedback) → **history** → arrival, acknowledged, loss, probe`
//!
//! Eight octets a packet; its place says its number.  Feedback is read against the newest number, so that one which is
//! too old or was never sent finds nothing.

use std::collections::VecDeque;

/// Packets kept at most: 0.8 s at the highest estimate.
pub const MAX_SENT: usize = 8_192;
/// Feedback that comes later than this is of no use.
const FORGET_US: u64 = 2_000_000;

/// What feedback has said of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Unknown,
    Lost,
    Arrived,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The low bits: what is kept is far younger than the 71 minutes after which they come again.
    sent_us: u32,
    octets: u16,
    cluster: u8,
    fate: Fate,
}

/// A packet that feedback says has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// On our clock.
    pub sent_us: u64,
    /// UDP payload.
    pub octets: u16,
    /// The probe it was part of; 0 for none.
    pub cluster: u8,
    /// Earlier feedback said that it had not arrived.
    pub was_lost: bool,
}

/// The packets of the last two seconds.
#[derive(Debug, Default)]
pub struct History {
    entries: VecDeque<Entry>,
    /// The number of the first entry.
    base: u64,
    newest_us: u64,
}

impl History {
    /// Notes a packet; gives its number.
    pub fn push(&mut self, octets: usize, cluster: u8, now_us: u64) -> u16 {
        self.forget(now_us);
        self.newest_us = self.newest_us.max(now_us);
        let number = self.base + self.entries.len() as u64;
        self.entries.push_back(Entry {
            sent_us: self.newest_us as u32,
            octets: u16::try_from(octets).unwrap_or(u16::MAX),
            cluster,
            fate: Fate::Unknown,
        });
        number as u16
    }

    /// Makes room, a few entries at a time.
    fn forget(&mut self, now_us: u64) {
        if now_us.saturating_sub(self.newest_us) > FORGET_US {
            self.base += self.entries.len() as u64;
            self.entries.clear();
        }
        for _ in 0..2 {
            let old = self
                .entries
                .front()
                .is_some_and(|entry| self.age_us(entry) > FORGET_US);
            if !old && self.entries.len() < MAX_SENT {
                break;
            }
            self.entries.pop_front();
            self.base += 1;
        }
    }

    /// How long before the newest packet this one left.
    fn age_us(&self, entry: &Entry) -> u64 {
        (self.newest_us as u32).wrapping_sub(entry.sent_us).into()
    }

    /// When the newest packet left; 0 before the first.
    pub const fn newest_us(&self) -> u64 {
        self.newest_us
    }

    /// Notes that `number` has arrived; what it was, the first time that this is said.
    pub fn arrived(&mut self, number: u16) -> Option<Arrived> {
        let place = self.place(number)?;
        let entry = self.entries.get_mut(place)?;
        let before = std::mem::replace(&mut entry.fate, Fate::Arrived);
        let entry = *entry;
        (before != Fate::Arrived).then(|| Arrived {
            sent_us: self.newest_us.saturating_sub(self.age_us(&entry)),
            octets: entry.octets,
            cluster: entry.cluster,
            was_lost: before == Fate::Lost,
        })
    }

    /// Notes that `number` has not arrived; whether that is news.
    pub fn lost(&mut self, number: u16) -> bool {
        let place = self.place(number);
        let Some(entry) = place.and_then(|place| self.entries.get_mut(place)) else {
            return false;
        };
        let is_news = entry.fate == Fate::Unknown;
        if is_news {
            entry.fate = Fate::Lost;
        }
        is_news
    }

    /// Counted back from the newest.
    fn place(&self, number: u16) -> Option<usize> {
        let newest = self.entries.len().checked_sub(1)?;
        let newest_number = (self.base + newest as u64) as u16;
        newest.checked_sub(newest_number.wrapping_sub(number).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_found_by_its_number_once() {
        let mut history = History::default();
        assert_eq!(history.push(1_000, 3, 5_000), 0);
        assert_eq!(history.push(500, 0, 6_000), 1);
        let first = Arrived {
            sent_us: 5_000,
            octets: 1_000,
            cluster: 3,
            was_lost: false,
        };
        assert_eq!(history.arrived(0), Some(first));
        assert_eq!(history.arrived(0), None);
        assert!(!history.lost(0));
    }

    #[test]
    fn numbers_never_sent_are_unknown() {
        let mut history = History::default();
        assert_eq!((history.arrived(0), history.lost(0)), (None, false));
        history.push(1_000, 0, 0);
        for number in [1, 2, 32_768, 65_535] {
            assert_eq!(history.arrived(number), None, "{number}");
        }
    }

    #[test]
    fn a_packet_said_to_be_lost_can_arrive_later() {
        let mut history = History::default();
        history.push(1_000, 0, 0);
        assert!(history.lost(0) && !history.lost(0));
        assert!(history.arrived(0).is_some_and(|packet| packet.was_lost));
    }

    #[test]
    fn numbers_and_times_wrap() {
        let mut history = History::default();
        let start = u64::from(u32::MAX) - 35_000;
        let mut newest = 0;
        for step in 0..70_000 {
            newest = history.push(100, 0, start + step);
        }
        assert_eq!(newest, (69_999_u32 % 65_536) as u16);
        let arrived = history.arrived(newest.wrapping_sub(8_000));
        assert_eq!(
            arrived.map(|packet| packet.sent_us),
            Some(start + 69_999 - 8_000)
        );
    }

    #[test]
    fn no_more_is_kept_than_is_of_use() {
        let mut history = History::default();
        (0..10_000).for_each(|at| {
            history.push(100, 0, at);
        });
        assert_eq!(history.entries.len(), MAX_SENT);
        assert_eq!(history.arrived(10_000 - 8_193), None);
        assert!(history.arrived(10_000 - 8_192).is_some());
        history.push(100, 0, 10_000 + FORGET_US + 1);
        assert_eq!(history.entries.len(), 1);
        assert_eq!(history.arrived(9_999), None);
    }

    #[test]
    fn old_packets_go_while_new_ones_come() {
        let mut history = History::default();
        (0..1_000).for_each(|at| {
            history.push(100, 0, at * 10_000);
        });
        assert_eq!(history.entries.len(), 202);
    }

    #[test]
    fn a_packet_takes_eight_octets_and_no_new_memory_once_there_is_enough() {
        assert_eq!(size_of::<Entry>(), 8);
        let mut history = History::default();
        let mut send = |from: u64, to: u64| {
            (from..to).for_each(|at| {
                history.push(100, 0, at * 2_000);
            });
            history.entries.capacity()
        };
        let warm = send(0, 2_000);
        assert_eq!(send(2_000, 100_000), warm);
    }
}
