//! What is under way on a path, each with the moment at which it comes out.

use std::collections::BTreeMap;

use _core::time::Instant;

use super::path::Arrivals;

/// In the order in which it comes out, and of one moment in the order in which it set out.
pub struct UnderWay<T> {
    waiting: BTreeMap<(Instant, u64), T>,
    count: u64,
}

impl<T> Default for UnderWay<T> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            count: 0,
        }
    }
}

impl<T: Clone> UnderWay<T> {
    /// It sets out; whether it comes out.
    pub fn add(&mut self, arrivals: &Arrivals, thing: T) -> bool {
        for &at in arrivals {
            self.waiting.insert((at, self.count), thing.clone());
            self.count += 1;
        }
        !arrivals.is_empty()
    }

    /// The next that has come out, and when it did.
    pub fn take(&mut self, now: Instant) -> Option<(Instant, T)> {
        let first = self.waiting.first_entry()?;
        let at = first.key().0;
        (at <= now).then(|| (at, first.remove()))
    }

    /// Everything, whether it has come out or not.
    pub fn take_all(&mut self) -> impl Iterator<Item = T> + use<T> {
        std::mem::take(&mut self.waiting).into_values()
    }
}
