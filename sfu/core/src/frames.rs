//! Which packets leave now, and which wait for the rest of their frame.
//!
//! `layer (fresh) → **router (frames)** → fan-out (router) → sender`
//!
//! A publisher paces a frame's packets over some milliseconds, and nobody can show it before its last one is there.  A busy
//! core sends a frame's packets to each receiver as one message, when the last is there or the first has waited for as
//! long as the core needs just now (`gather.rs`): the frame is no later, and costs a message instead of several.  Sound
//! leaves with the pictures that go the same way.  A core with time to spare waits for nothing.

use std::time::Duration;

use crate::layer::Layer;
use crate::media::Kind;
use crate::router::Router;
use crate::slab::Key;
use crate::time::Instant;

/// Packets of one layer that leave whether or not their frame is complete: the kernel takes 64 KiB in a message.
const ENOUGH: usize = 32;

/// A core that lets packets wait for so long.
const NOISY: Duration = Duration::from_millis(2);

/// A track's layer that has packets which its viewers have not got.
pub(crate) type Touched = (Key, u8);

impl Router {
    /// From now on packets may wait for the rest of their frame for so long.
    pub fn wait_for_frames(&mut self, most: Duration) {
        self.frame_wait = most;
        self.egress.waited = most;
    }

    /// What comes may have waited in the socket for so long, since nobody had time for it.
    pub fn lags(&mut self, lag: Duration) {
        self.egress.waited = self.frame_wait + lag;
    }

    /// Whether this core is a delay of its own, which says nothing of receivers' paths.
    pub(crate) fn is_noisy(&self) -> bool {
        self.frame_wait > NOISY
    }

    /// Leaves in `touched`, in the order in which they are sent, the layers whose packets leave at `now`.
    pub(crate) fn let_go(&mut self, now: Instant) {
        self.touched.append(&mut self.waiting);
        self.waiting_until = None;
        let tracks = &self.tracks;
        // Tracks of one company go to much the same receivers; pictures before sound, since a message may end with one
        // shorter packet.
        let company = |key: Key| tracks.get(key).map(|track| track.company);
        self.touched.sort_unstable_by_key(|&(key, layer)| {
            (
                company(key),
                tracks.get(key).map(|track| track.kind),
                key,
                layer,
            )
        });
        if self.frame_wait.is_zero() {
            return;
        }
        let mut leaving = std::mem::take(&mut self.leaving);
        let same = |one: &Touched, other: &Touched| company(one.0) == company(other.0);
        for group in self.touched.chunk_by(same) {
            let mut with_pictures = false;
            for &one in group {
                let Some((track, layer)) = tracks
                    .get(one.0)
                    .and_then(|track| Some((track, track.layers.get(usize::from(one.1))?)))
                else {
                    continue;
                };
                let due = layer.fresh_since + self.frame_wait;
                let is_sound = track.kind == Kind::Audio;
                if is_whole(layer) || due <= now || (is_sound && with_pictures) {
                    with_pictures = true;
                    leaving.push(one);
                } else {
                    self.waiting_until =
                        Some(self.waiting_until.map_or(due, |until| until.min(due)));
                    self.waiting.push(one);
                }
            }
        }
        std::mem::swap(&mut self.touched, &mut leaving);
        leaving.clear();
        self.leaving = leaving;
    }
}

/// Nothing is gained by waiting for more.
fn is_whole(layer: &Layer) -> bool {
    layer.fresh_end || layer.fresh.len() >= ENOUGH
}
