//! What the sequence number of a packet says about those before it.
//!
//! `endpoint → **numbers** → receiver (loss, order) · srtp (the index to decrypt with)`

use crate::seq::SeqUnwrapper;
use crate::srtp::replay::ReplayWindow;

/// A jump this far ahead is another stream under the same SSRC, not loss (RFC 3550 appendix A.1, MAX_DROPOUT).
const MAX_JUMP: u64 = 3_000;
/// SRTP counts from the first sequence number of a source; the unwrapper starts one turn later.
const FIRST_TURN: u64 = 1 << 16;

/// How a packet stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The newest so far; so many numbers are expected because of it, its own included.
    Newest {
        /// 1 if nothing is missing in front of it.
        expects: u64,
    },
    /// Not seen, and older than the newest; `expects` is 1 if it is older than all, else 0.
    Late {
        /// Numbers that are expected because of it.
        expects: u64,
    },
    /// Seen before, or too old to know.
    Seen,
    /// The numbers begin anew.
    Restarted,
}

/// The sequence numbers of one source.
#[derive(Debug, Default)]
pub struct Numbers {
    unwrapper: SeqUnwrapper,
    window: Option<ReplayWindow>,
    first: u64,
}

impl Numbers {
    /// Notes a packet; gives its unwrapped number, and what it says.
    #[inline]
    pub fn note(&mut self, sequence: u16) -> (u64, Standing) {
        let Some(window) = &mut self.window else {
            return self.begin(sequence);
        };
        let ext = self.unwrapper.peek(sequence);
        let highest = window.highest();
        if ext > highest + MAX_JUMP {
            self.window = None;
            let (ext, _) = self.begin(sequence);
            return (ext, Standing::Restarted);
        }
        if window.check(ext).is_err() {
            return (ext, Standing::Seen);
        }
        window.accept(ext);
        self.unwrapper.unwrap(sequence);
        if ext > highest {
            let expects = ext - highest;
            return (ext, Standing::Newest { expects });
        }
        let expects = self.first.saturating_sub(ext);
        self.first = self.first.min(ext);
        (ext, Standing::Late { expects })
    }

    fn begin(&mut self, sequence: u16) -> (u64, Standing) {
        let ext = self.unwrapper.unwrap(sequence);
        self.window = Some(ReplayWindow::starting_at(ext));
        self.first = ext;
        (ext, Standing::Newest { expects: 1 })
    }

    /// Notes a number that came by retransmission; its unwrapped form if it was missing.
    pub fn recover(&mut self, sequence: u16) -> Option<u64> {
        let ext = self.unwrapper.peek(sequence);
        let window = self.window.as_mut()?;
        let is_missing = ext > self.first && ext < window.highest() && window.check(ext).is_ok();
        is_missing.then(|| {
            window.accept(ext);
            ext
        })
    }

    /// SRTP's packet index of an unwrapped number; `None` if it is from before the first packet.
    #[must_use]
    pub const fn srtp_index(ext: u64) -> Option<u64> {
        ext.checked_sub(FIRST_TURN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTS: [u16; 5] = [0, 1_000, 32_767, 65_000, 65_535];

    fn standings(start: u16, offsets: &[u16]) -> Vec<Standing> {
        let mut numbers = Numbers::default();
        let note = |offset: &u16| numbers.note(start.wrapping_add(*offset)).1;
        offsets.iter().map(note).collect()
    }

    const NEWEST: Standing = Standing::Newest { expects: 1 };

    #[test]
    fn gaps_latecomers_and_duplicates_are_told_apart_wherever_the_numbers_wrap() {
        for start in STARTS {
            let told = standings(start, &[10, 11, 14, 12, 12, 14, 9, 15]);
            let late = Standing::Late { expects: 0 };
            let expected = [
                NEWEST,
                NEWEST,
                Standing::Newest { expects: 3 },
                late,
                Standing::Seen,
                Standing::Seen,
                Standing::Late { expects: 1 },
                NEWEST,
            ];
            assert_eq!(told, expected, "from {start}");
        }
    }

    #[test]
    fn a_jump_that_is_no_loss_begins_anew() {
        for start in STARTS {
            assert_eq!(
                standings(start, &[0, 3_000])[1],
                Standing::Newest { expects: 3_000 }
            );
            assert_eq!(
                standings(start, &[0, 3_001, 3_002])[1..],
                [Standing::Restarted, NEWEST]
            );
        }
    }

    #[test]
    fn a_retransmission_recovers_what_is_missing_once_and_its_original_is_then_a_duplicate() {
        for start in STARTS {
            let mut numbers = Numbers::default();
            numbers.note(start);
            numbers.note(start.wrapping_add(3));
            assert!(numbers.recover(start.wrapping_add(2)).is_some());
            for seen in [0, 2, 3, 4] {
                assert_eq!(numbers.recover(start.wrapping_add(seen)), None, "{seen}");
            }
            assert_eq!(numbers.note(start.wrapping_add(2)).1, Standing::Seen);
        }
    }

    #[test]
    fn the_index_to_decrypt_with_counts_turns_from_the_first_packet() {
        let mut numbers = Numbers::default();
        for (sequence, index) in [
            (65_535, Some(65_535)),
            (0, Some(65_536)),
            (65_534, Some(65_534)),
        ] {
            assert_eq!(Numbers::srtp_index(numbers.note(sequence).0), index);
        }
        let mut numbers = Numbers::default();
        numbers.note(0);
        assert_eq!(Numbers::srtp_index(numbers.note(65_535).0), None);
    }
}
