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
    /// At the first packet of a layer's frame: fewer layers at once with the next picture, more where a decoder can take
    /// them on.
    pub fn turn(&mut self, temporal: u8, spatial: u8, meta: &Meta) {
        let begins = meta.spatial == 0;
        if begins && (spatial < self.spatial || meta.keyframe_start) {
            self.spatial = spatial;
        }
        if begins && (temporal <= self.temporal || meta.keyframe_start) {
            self.temporal = temporal;
        } else if temporal > self.temporal {
            self.climb(temporal, meta);
        }
    }

    /// Up to the temporal layers that a dependency descriptor tells can be moved to at a frame that is sent.  Elsewhere one at
    /// a time: of a layer that can be taken on only its own picture is known to lean on nothing but the layers below.
    fn climb(&mut self, temporal: u8, meta: &Meta) {
        let is_sent = meta.temporal <= self.temporal && meta.spatial <= self.spatial;
        if is_sent && meta.switches.to(self.spatial, temporal) {
            self.temporal = temporal;
        } else if meta.sync && meta.spatial == 0 && meta.temporal == self.temporal + 1 {
            self.temporal = meta.temporal;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slab::Slab;

    fn showing(temporal: u8, spatial: u8) -> Showing {
        let mut slab = Slab::default();
        Showing {
            origin: Origin {
                track: slab.insert(()),
                layer: 0,
                epoch: 0,
            },
            payload_type: 96,
            out_payload_type: 96,
            clock_rate: 90_000,
            varies: false,
            temporal,
            spatial,
            shed: None,
            live_from: None,
            highest_in: 0,
        }
    }

    /// The first packet of a frame.
    fn frame(spatial: u8, temporal: u8, sync: bool) -> Meta {
        Meta {
            frame_start: true,
            spatial,
            temporal,
            sync,
            ..Meta::default()
        }
    }

    /// The temporal layers that are let through after each of these frames, of which all are wanted.
    fn climbed(from: u8, frames: &[Meta]) -> Vec<u8> {
        let mut showing = showing(from, 7);
        let after = frames.iter().map(|meta| {
            showing.turn(7, 7, meta);
            showing.temporal
        });
        after.collect()
    }

    #[test]
    fn one_climbs_a_temporal_layer_at_a_time_where_it_can_be_taken_on() {
        // 0 2 1 2: the second T2 leans on T1, which who has T0 alone has not got.
        let frames = [
            (0, true),
            (2, true),
            (1, true),
            (2, false),
            (0, true),
            (2, true),
        ];
        let frames = frames.map(|(temporal, sync)| frame(0, temporal, sync));
        assert_eq!(climbed(0, &frames), [0, 0, 1, 1, 1, 2]);
        assert_eq!(climbed(1, &frames[..2]), [1, 2]);
    }

    #[test]
    fn an_upper_spatial_layer_is_no_place_to_take_on_a_picture_that_has_begun() {
        assert_eq!(climbed(0, &[frame(0, 1, false), frame(1, 1, true)]), [0, 0]);
    }

    #[test]
    fn a_descriptor_tells_where_the_wanted_layers_can_be_moved_to() {
        let to = |layers: &[(u8, u8)], meta: Meta| Meta {
            switches: layers.iter().copied().collect(),
            ..meta
        };
        let all = [(3, 1), (3, 2), (3, 3)];
        let t0 = frame(0, 0, false);
        assert_eq!(climbed(0, &[t0, to(&all, t0)]), [0, 7]);
        // Of a lower spatial layer it says nothing for those who get more; of what is left out one cannot begin.
        assert_eq!(climbed(0, &[to(&[(0, 3), (1, 3)], t0)]), [0]);
        assert_eq!(climbed(0, &[to(&all, frame(0, 1, false))]), [0]);
        assert_eq!(climbed(0, &[t0, to(&all, frame(2, 0, false))]), [0, 7]);
        // Who wants less than all need not wait for all.
        let mut showing = showing(0, 7);
        showing.turn(1, 7, &to(&[(3, 1)], t0));
        assert_eq!(showing.temporal, 1);
    }

    #[test]
    fn fewer_layers_begin_with_the_next_picture_and_more_spatial_ones_with_a_keyframe() {
        let mut showing = showing(7, 7);
        let mut turned = |temporal, spatial, meta: &Meta| {
            showing.turn(temporal, spatial, meta);
            (showing.temporal, showing.spatial)
        };
        assert_eq!(turned(0, 1, &frame(1, 0, true)), (7, 7));
        assert_eq!(turned(0, 1, &frame(0, 0, true)), (0, 1));
        assert_eq!(turned(0, 2, &frame(0, 0, true)), (0, 1));
        let keyframe = Meta {
            keyframe_start: true,
            ..frame(0, 0, true)
        };
        assert_eq!(turned(7, 2, &keyframe), (7, 2));
    }
}
