//! When pictures stand still, told from packets alone.
//!
//! `receiver (complete frames) → **playback** → totals`
//!
//! A frame is shown once all packets up to its last have come and a keyframe has started the picture.  W3C webrtc-stats,
//! `freezeCount`: an interval longer than three mean ones and than the mean plus 150 ms is a freeze.  A publisher that
//! pauses is none: then the timestamp of the frame that follows has moved by as much.

use std::time::Duration;

use crate::time::Instant;

const SLACK: Duration = Duration::from_millis(150);
/// The mean is over about so many frames.
const FRAMES: u32 = 30;

/// The frames of one track as they are shown.
#[derive(Debug, Default)]
pub struct Playback {
    last: Option<(Instant, u32)>,
    mean: Option<Duration>,
}

impl Playback {
    /// A frame is shown; `follows` says that none between the last and this was left out.  How long the picture stood
    /// still before it, if it froze.
    pub fn shown(
        &mut self,
        timestamp: u32,
        rate: u32,
        follows: bool,
        now: Instant,
    ) -> Option<Duration> {
        let (before, timestamp_before) = self.last.replace((now, timestamp))?;
        let interval = now.saturating_since(before);
        let Some(mean) = self.mean else {
            self.mean = Some(interval);
            return None;
        };
        let explained = media_time(timestamp.wrapping_sub(timestamp_before), rate);
        let stood = if follows {
            interval.saturating_sub(explained) + mean.min(interval)
        } else {
            interval
        };
        if stood > (mean * 3).max(mean + SLACK) {
            return Some(stood);
        }
        self.mean = Some((mean * (FRAMES - 1) + stood) / FRAMES);
        None
    }
}

/// Zero for a timestamp that went back.
fn media_time(ticks: u32, rate: u32) -> Duration {
    let ticks = u64::try_from(ticks.cast_signed()).unwrap_or(0);
    Duration::from_nanos(ticks * 1_000_000_000 / u64::from(rate.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows frames at (milliseconds, media milliseconds, follows); gives the freezes in milliseconds.
    fn freezes(frames: impl IntoIterator<Item = (u64, u32, bool)>) -> Vec<u128> {
        let mut playback = Playback::default();
        let shown = frames.into_iter().filter_map(|(at, media, follows)| {
            playback.shown(
                media.wrapping_mul(90),
                90_000,
                follows,
                Instant::from_millis(at),
            )
        });
        shown.map(|stood| stood.as_millis()).collect()
    }

    fn steady(count: u64) -> Vec<(u64, u32, bool)> {
        (0..count)
            .map(|index| (index * 33, (index * 33) as u32, true))
            .collect()
    }

    #[test]
    fn a_steady_picture_does_not_freeze_nor_does_a_jittery_one() {
        assert_eq!(freezes(steady(100)), [0; 0]);
        let jittery = steady(100)
            .into_iter()
            .map(|(at, media, follows)| (at + at % 7 * 20, media, follows));
        assert_eq!(freezes(jittery), [0; 0]);
    }

    #[test]
    fn frames_that_come_late_or_not_at_all_freeze_it() {
        let late = [steady(30), vec![(29 * 33 + 300, 30 * 33, true)]].concat();
        assert_eq!(freezes(late), [300]);
        let left_out = [steady(30), vec![(29 * 33 + 300, 29 * 33 + 300, false)]].concat();
        assert_eq!(freezes(left_out), [300]);
    }

    #[test]
    fn a_publisher_that_pauses_does_not_freeze_it() {
        let paused = [steady(30), vec![(29 * 33 + 3_000, 29 * 33 + 3_000, true)]].concat();
        assert_eq!(freezes(paused), [0; 0]);
    }

    #[test]
    fn the_threshold_is_150_ms_above_the_mean_at_30_frames_a_second() {
        let after =
            |interval: u64| [steady(30), vec![(29 * 33 + interval, 29 * 33 + 1, false)]].concat();
        assert_eq!(freezes(after(183)), [0; 0]);
        assert_eq!(freezes(after(184)), [184]);
    }
}
