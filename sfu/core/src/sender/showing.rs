//! The layer that a sender sends just now, and how much of it.
//!
//! `sender (place) → **showing** → numbers that do not jump`

use crate::rewrite::{Deltas, Origin};
use crate::ring::Meta;

/// The layer that is being sent.
#[derive(Clone, Copy, Debug)]
pub struct Showing {
    /// Where it comes from.
    pub origin: Origin,
    /// As the publisher numbers it.
    pub payload_type: u8,
    /// As the receiver numbers it.
    pub out_payload_type: u8,
    /// Ticks a second.
    pub clock_rate: u32,
    /// A packet that is sent again has another number (RTX), so it need not be the same to the bit.
    pub varies: bool,
    /// The highest temporal layer that is let through just now.
    pub temporal: u8,
    /// The highest spatial layer that is.
    pub spatial: u8,
    /// Picture id of the one that was left out last.
    pub shed: Option<u64>,
    /// What goes before this packet is caught up with; from it on timestamps pass as they come.
    pub live_from: Option<(u64, u32)>,
    /// The newest of the publisher's packets that was looked at.
    pub highest_in: u64,
}

impl Showing {
    /// At the first packet of a picture: fewer layers at once, more where a decoder can take them on.
    pub fn turn(&mut self, temporal: u8, spatial: u8, meta: &Meta) {
        if spatial < self.spatial || meta.keyframe_start {
            self.spatial = spatial;
        }
        if temporal <= self.temporal || meta.keyframe_start {
            self.temporal = temporal;
        } else if meta.sync && meta.temporal > self.temporal {
            self.temporal = meta.temporal.min(temporal);
        }
    }

    /// How numbers differ from this packet on, where so far they did by `deltas`.
    #[inline]
    pub fn deltas(&mut self, deltas: Deltas, meta: &Meta) -> Deltas {
        let live = self.live_from.take_if(|from| from.0 <= meta.ext_seq);
        let deltas = live.map_or(deltas, |(_, timestamp)| deltas.live(timestamp));
        Deltas {
            spatial: self.spatial,
            ..deltas
        }
    }

    /// Whether the packet is of a picture or spatial layer that is left out, and is the first seen of such a picture.
    pub fn sheds(&mut self, meta: &Meta) -> (bool, bool) {
        let whole = meta.temporal > self.temporal;
        let sheds = whole || meta.spatial > self.spatial;
        let first = whole && self.shed.replace(meta.picture_id) != Some(meta.picture_id);
        (sheds, first)
    }
}
