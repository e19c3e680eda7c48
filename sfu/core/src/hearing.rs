//! Whether a receiver is still there: one that is sent pictures and says nothing at all is not.
//!
//! `stun, rtp, rtcp (what is authentic) → **hearing** → allotting (no pictures for who is not heard)`
//!
//! Who gets pictures reports on them once a second (RFC 4585 §3.4 allows no less often by default), sends transport-wide
//! feedback some times a second, and asks for consent every 4 to 6 s (RFC 7675 §5.1).  So some seconds without any of it
//! mean a path or a device that is gone, long before consent ends after 30 s.  Sound goes on: it costs little, and it
//! finds the way back as soon as there is one.

use std::time::Duration;

use crate::time::Instant;

/// So long a receiver may owe a word: five reports, or two that were lost and a late one.
const OWES: Duration = Duration::from_secs(5);

/// What is heard of one receiver.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hearing {
    /// Since when it is sent pictures and has said nothing.
    owes_since: Option<Instant>,
    last: Option<Instant>,
    is_gone: bool,
}

impl Hearing {
    /// Something authentic has come; whether it was taken for gone until now.
    #[inline]
    pub fn heard(&mut self, now: Instant) -> bool {
        (self.owes_since, self.last) = (None, Some(now));
        std::mem::take(&mut self.is_gone)
    }

    /// To be called once a second: whether it is sent pictures now.  Says whether it is taken for gone from now on.
    pub fn look(&mut self, is_sent: bool, now: Instant) -> bool {
        if self.is_gone {
            return false;
        }
        if !is_sent {
            self.owes_since = None;
            return false;
        }
        let since = *self.owes_since.get_or_insert(now);
        self.is_gone = now.saturating_since(since) >= OWES;
        self.is_gone
    }

    /// Since it said anything; zero before its first word.
    pub fn silence(&self, now: Instant) -> Duration {
        let silence = self.last.map(|last| now.saturating_since(last));
        silence.unwrap_or_default()
    }

    /// It has said nothing for so long that it gets no pictures.
    pub fn is_gone(&self) -> bool {
        self.is_gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(1_000 * seconds)
    }

    /// When it was taken for gone, looked at every second, if it is heard and sent to in these seconds.
    fn gone(heard: impl Fn(u64) -> bool, is_sent: impl Fn(u64) -> bool) -> Vec<u64> {
        let mut hearing = Hearing::default();
        let mut look = |&second: &u64| {
            if heard(second) {
                hearing.heard(at(second));
            }
            hearing.look(is_sent(second), at(second))
        };
        (1..=60).filter(|second| look(second)).collect()
    }

    #[test]
    fn who_is_sent_pictures_and_says_nothing_for_5_s_is_gone() {
        assert_eq!(gone(|second| second <= 10, |_| true), [15]);
        assert_eq!(gone(|_| false, |second| second >= 20), [25]);
    }

    #[test]
    fn who_says_something_every_5_s_or_is_sent_nothing_is_not() {
        assert_eq!(gone(|second| second % 5 == 0, |_| true), []);
        assert_eq!(gone(|_| false, |_| false), []);
        assert_eq!(gone(|_| false, |second| second % 5 != 0), []);
    }

    #[test]
    fn whatever_comes_brings_it_back_and_that_is_told_once() {
        let mut hearing = Hearing::default();
        for second in 0..=30 {
            assert_eq!(hearing.look(second < 6, at(second)), second == 5);
        }
        assert!(hearing.is_gone());
        assert!(hearing.heard(at(31)) && !hearing.is_gone() && !hearing.heard(at(31)));
        assert!(!hearing.look(true, at(31)));
    }

    #[test]
    fn its_silence_lasts_from_one_word_to_the_next() {
        let mut hearing = Hearing::default();
        assert_eq!(hearing.silence(at(9)).as_secs(), 0);
        hearing.heard(at(10));
        assert_eq!(hearing.silence(at(17)).as_secs(), 7);
        hearing.heard(at(17));
        assert_eq!(hearing.silence(at(18)).as_secs(), 1);
    }
}
