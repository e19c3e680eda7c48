//! Which packet indices have been seen: a sliding window over the newest ones, RFC 3711 §3.3.2.

use super::Rejected;

/// Indices the window reaches back; 4 s of video at 2.5 Mbit/s. RFC 3711 asks for 64 at least.
pub(crate) const WINDOW: u64 = 1024;

const WORDS: usize = (WINDOW / 64) as usize;

/// One bit for each of the newest [`WINDOW`] indices.
#[derive(Debug)]
pub(crate) struct ReplayWindow {
    highest: u64,
    /// Bit `index % WINDOW` is set if that index was seen.
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// A window in which only `index` was seen.
    pub(crate) fn starting_at(index: u64) -> Self {
        let mut window = Self {
            highest: index,
            seen: [0; WORDS],
        };
        window.mark(index);
        window
    }

    /// The highest index so far.
    pub(crate) const fn highest(&self) -> u64 {
        self.highest
    }

    /// Refuses an index that was seen or that the window has left behind.
    pub(crate) fn check(&self, index: u64) -> Result<(), Rejected> {
        let too_old = index.saturating_add(WINDOW) <= self.highest;
        if too_old || (index <= self.highest && self.is_marked(index)) {
            return Err(Rejected::Replayed);
        }
        Ok(())
    }

    /// Remembers an index that [`Self::check`] let pass and that proved authentic.
    pub(crate) fn accept(&mut self, index: u64) {
        if index > self.highest {
            self.advance(index);
        }
        self.mark(index);
    }

    fn advance(&mut self, index: u64) {
        if index - self.highest >= WINDOW {
            self.seen = [0; WORDS];
        } else {
            (self.highest + 1..index).for_each(|skipped| self.clear(skipped));
        }
        self.highest = index;
    }

    fn place(index: u64) -> (usize, u64) {
        let bit = index % WINDOW;
        ((bit / 64) as usize, 1 << (bit % 64))
    }

    fn is_marked(&self, index: u64) -> bool {
        let (word, bit) = Self::place(index);
        self.seen[word] & bit != 0
    }

    fn mark(&mut self, index: u64) {
        let (word, bit) = Self::place(index);
        self.seen[word] |= bit;
    }

    fn clear(&mut self, index: u64) {
        let (word, bit) = Self::place(index);
        self.seen[word] &= !bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_index_passes_once() {
        let mut window = ReplayWindow::starting_at(5000);
        for index in [5000, 5001, 4999, 5500, 5250, 4477] {
            if index != 5000 {
                assert_eq!(window.check(index), Ok(()), "{index}");
                window.accept(index);
            }
            assert_eq!(window.check(index), Err(Rejected::Replayed), "{index}");
        }
    }

    #[test]
    fn the_window_reaches_back_1023_and_no_further() {
        let window = ReplayWindow::starting_at(70_000);
        assert_eq!(window.check(70_000 - 1023), Ok(()));
        assert_eq!(window.check(70_000 - 1024), Err(Rejected::Replayed));
        assert_eq!(window.check(0), Err(Rejected::Replayed));
        assert_eq!(window.check(u64::MAX), Ok(()));
    }

    #[test]
    fn jumps_of_every_size_leave_only_what_was_seen() {
        for jump in [1, 2, 63, 64, 65, 1022, 1023, 1024, 1025, 70_000] {
            let mut window = ReplayWindow::starting_at(10_000);
            window.accept(9_999);
            window.accept(10_000 + jump);
            let highest = 10_000 + jump;
            for index in highest - 1023..=highest {
                let seen = [9_999, 10_000, highest].contains(&index);
                assert_eq!(
                    window.check(index).is_err(),
                    seen,
                    "index {index} after a jump of {jump}"
                );
            }
        }
    }
}
