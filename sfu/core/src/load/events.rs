//! What an engine tells Python: values, in one bounded queue with one wake-up descriptor.
//!
//! `endpoint → **events** → python`
//!
//! Drop rule of a full queue: DTLS datagrams, which are sent again.  Of the others there are as many as endpoints and
//! m-lines.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::net::WakeUp;
use crate::time::Instant;

/// DTLS datagrams waiting for Python: 3,000 handshakes' flights.
const MOST_DTLS: usize = 20_000;

/// Something the load tester has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadEvent {
    /// The first connectivity check was answered.
    Connected {
        /// Whose.
        endpoint: u32,
        /// When the answer came.
        at: Instant,
    },
    /// A DTLS datagram from the server.
    Dtls {
        /// To whom.
        endpoint: u32,
        /// As it came.
        datagram: Vec<u8>,
    },
    /// The first media packet of a received m-line.
    FirstMedia {
        /// To whom.
        endpoint: u32,
        /// Its m-line.
        mid: String,
        /// When it came.
        at: Instant,
    },
    /// The server has stopped answering, or never did.
    Lost {
        /// To whom.
        endpoint: u32,
    },
}

/// The queue between an engine and Python.
pub struct LoadEvents {
    waiting: Mutex<Waiting>,
    wake: WakeUp,
}

#[derive(Default)]
struct Waiting {
    events: Vec<LoadEvent>,
    dtls: usize,
}

impl LoadEvents {
    /// An empty queue.
    ///
    /// # Errors
    /// The process is out of descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            waiting: Mutex::default(),
            wake: WakeUp::new()?,
        })
    }

    /// Adds a batch and wakes Python unless it is awake already.
    pub fn push(&self, batch: &mut Vec<LoadEvent>) {
        if batch.is_empty() {
            return;
        }
        let mut waiting = self.lock();
        let was_empty = waiting.events.is_empty();
        batch.drain(..).for_each(|event| waiting.add(event));
        if was_empty {
            self.wake.notify();
        }
    }

    /// Takes everything that waits.
    pub fn take(&self) -> Vec<LoadEvent> {
        let mut waiting = self.lock();
        self.wake.clear();
        waiting.dtls = 0;
        std::mem::take(&mut waiting.events)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn add(&mut self, event: LoadEvent) {
        if matches!(event, LoadEvent::Dtls { .. }) {
            if self.dtls >= MOST_DTLS {
                return;
            }
            self.dtls += 1;
        }
        self.events.push(event);
    }
}

impl AsRawFd for LoadEvents {
    fn as_raw_fd(&self) -> RawFd {
        self.wake.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::wait;
    use std::time::Duration;

    #[test]
    fn a_flood_of_dtls_is_bounded_and_the_rest_is_kept() {
        let queue = LoadEvents::new().expect("eventfd");
        let dtls = LoadEvent::Dtls {
            endpoint: 1,
            datagram: vec![22],
        };
        for _ in 0..10 {
            queue.push(&mut vec![dtls.clone(); MOST_DTLS / 8]);
        }
        queue.push(&mut vec![LoadEvent::Lost { endpoint: 1 }]);
        let events = queue.take();
        assert_eq!(events.len(), MOST_DTLS + 1);
        assert_eq!(events.last(), Some(&LoadEvent::Lost { endpoint: 1 }));
    }

    #[test]
    fn python_is_woken_once_for_what_it_has_not_taken() {
        let queue = LoadEvents::new().expect("eventfd");
        let readable = || wait([queue.as_raw_fd()], Some(Duration::ZERO))[0];
        queue.push(&mut vec![]);
        assert!(!readable());
        queue.push(&mut vec![LoadEvent::Lost { endpoint: 1 }]);
        queue.push(&mut vec![LoadEvent::Lost { endpoint: 2 }]);
        assert!(readable());
        assert_eq!(queue.take().len(), 2);
        assert!(!readable());
    }
}
