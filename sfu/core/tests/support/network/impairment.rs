//! What one way of a link does to datagrams, field by field as `tests/support/network/impairment.py` has it.

use std::time::Duration;

/// A rate that a link has for some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// UDP payload: headers of IP and UDP are not counted.
    pub bits_per_second: f64,
    pub lasts: Duration,
}

/// A rate that stays.
pub fn steady(bits_per_second: f64) -> Vec<Stretch> {
    let lasts = Duration::MAX;
    vec![Stretch {
        bits_per_second,
        lasts,
    }]
}

/// What one way of a link does; as it comes, nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Impairment {
    pub delay: Duration,
    /// Each datagram is under way for up to so much longer, evenly spread; it never overtakes another by that.
    pub jitter: Duration,
    /// Share of datagrams that are lost, each for itself.
    pub loss: f64,
    /// Share of datagrams that are lost in bursts (Gilbert-Elliott: all that come while the link is bad).
    pub burst_loss: f64,
    /// Mean length of such a burst.
    pub burst_datagrams: f64,
    /// Share of datagrams that are held back while others overtake them.
    pub reordered: f64,
    pub reordered_by: Duration,
    /// Share of datagrams that come twice.
    pub duplicated: f64,
    /// One after the other, then from the first again; none: no limit.
    pub rate: Vec<Stretch>,
    /// Longest wait in front of the rate; what would wait longer is dropped.
    pub queue: Duration,
}

impl Default for Impairment {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            burst_loss: 0.0,
            burst_datagrams: 1.0,
            reordered: 0.0,
            reordered_by: Duration::from_millis(20),
            duplicated: 0.0,
            rate: Vec::new(),
            queue: Duration::from_millis(250),
        }
    }
}

impl Impairment {
    /// Of a clean link with this rate, 25 ms long, with a queue of 300 ms.
    pub fn of(bits_per_second: f64) -> Self {
        Self {
            delay: Duration::from_millis(25),
            rate: steady(bits_per_second),
            queue: Duration::from_millis(300),
            ..Self::default()
        }
    }

    /// Of a datagram that waits for nothing.
    pub fn mean_delay(&self) -> Duration {
        self.delay + self.jitter / 2
    }

    /// Bit/s, so long after it began; `None`: no limit.
    pub fn rate_at(&self, since: Duration) -> Option<f64> {
        let lengths = self.rate.iter().map(|stretch| stretch.lasts);
        let round = lengths.fold(Duration::ZERO, Duration::saturating_add);
        let mut into = since.as_nanos().checked_rem(round.as_nanos())?;
        let mut stretches = self.rate.iter();
        let at = stretches.find(|stretch| match into.checked_sub(stretch.lasts.as_nanos()) {
            Some(beyond) => {
                into = beyond;
                false
            }
            None => true,
        });
        at.map(|stretch| stretch.bits_per_second)
    }
}
