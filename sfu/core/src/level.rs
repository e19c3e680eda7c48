//! How loud a voice is, from the audio levels its publisher measures (RFC 6464).

use std::time::Duration;

use crate::time::Instant;

/// -dBov of silence.
pub const SILENCE: u8 = 127;
/// A publisher that sends nothing for so long is silent: DTX sends a packet every 400 ms.
const FORGET: Duration = Duration::from_millis(600);
/// Share of a new, louder packet: a word is heard within some 60 ms.
const ATTACK: f32 = 0.3;
/// Share of a new, softer packet: the pause between two words is not the end of a turn.
const RELEASE: f32 = 0.08;

/// The smoothed level of one audio track.
#[derive(Clone, Copy, Debug, Default)]
pub struct LevelMeter {
    smoothed: Option<f32>,
    last: Instant,
}

impl LevelMeter {
    /// A packet's level in -dBov.
    pub fn heard(&mut self, level: u8, now: Instant) {
        let level = f32::from(level.min(SILENCE));
        let before = self.smoothed.unwrap_or(f32::from(SILENCE));
        let share = if level < before { ATTACK } else { RELEASE };
        self.smoothed = Some(before + (level - before) * share);
        self.last = now;
    }

    /// The level in -dBov, 127 for silence; `None` if the publisher never told one.
    pub fn level(&self, now: Instant) -> Option<u8> {
        let smoothed = self.smoothed?;
        let stale = now.saturating_since(self.last) > FORGET;
        Some(if stale {
            SILENCE
        } else {
            smoothed.round() as u8
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(levels: impl IntoIterator<Item = u8>) -> (LevelMeter, Instant) {
        let (mut meter, mut now) = (LevelMeter::default(), Instant::default());
        for level in levels {
            now = now + Duration::from_millis(20);
            meter.heard(level, now);
        }
        (meter, now)
    }

    #[test]
    fn speech_is_heard_soon_and_a_pause_does_not_end_it() {
        let (meter, now) = after([30; 8]);
        assert!(meter.level(now).is_some_and(|level| level < 40));
        let (meter, now) = after([[30u8; 20], [127; 20]].concat().into_iter().take(26));
        assert!(meter.level(now).is_some_and(|level| level < 75));
    }

    #[test]
    fn who_stops_sending_is_silent_and_who_never_told_has_no_level() {
        let (meter, now) = after([10; 50]);
        assert_eq!(meter.level(now + Duration::from_secs(1)), Some(SILENCE));
        assert_eq!(LevelMeter::default().level(now), None);
    }
}
