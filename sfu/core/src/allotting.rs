//! Which layer each seat of a receiver is sent.
//!
//! `views, supplies, downlink (estimate) → **router (allotting)** → senders' targets → keyframes, publishers' layers`
//!
//! Shares are given out anew when the estimate has changed, when a track has other layers, when the viewer looks elsewhere,
//! and once a second.  A receiver that tells nothing of its path gets the best of everything.
//!
//! Down: the layer that is shown shrinks to its lowest temporal layer at once, or stops if even that is far too much, and
//! the lower one follows at its keyframe.  Up: the higher one follows at its keyframe once it is steady.

use crate::allocation::{Demand, Patience, Step, Sums, allocate};
use crate::events::Event;
use crate::layer::{SPATIAL_LAYERS, TEMPORAL_LAYERS};
use crate::media::Kind;
use crate::peer::Peer;
use crate::rewrite::Origin;
use crate::router::Router;
use crate::sender::{ALL, Outcome, Sender};
use crate::slab::Key;
use crate::supply::{Flow, Supply};
use crate::time::Instant;
use crate::track::{News, Track};

/// Of the estimate, what is shared out: the rest is for repairs and for what rates waver.
const SHARED: f64 = 0.95;
/// What a layer is taken to cost that has never come: the lowest, and how much more than the one below.
const GUESS: u32 = 150_000;
const GUESS_TIMES: u32 = 3;
/// A layer that costs so many times what fits is stopped at once, rather than at the other's keyframe.
const FAR_TOO_MUCH: f64 = 1.5;
/// A picture this much smaller than what the viewer has room for is as good.
const NEARLY: f64 = 0.9;

/// What one sender asks of its receiver's path.
enum Need {
    /// Nothing, or nothing that can be told yet.
    Nothing,
    /// So many bits a second of sound, which always has them.
    Sound(u32),
    /// A share.
    Pictures(Demand),
    /// The viewer has no use for it.
    Hidden,
    /// Nothing is heard of the viewer any more.
    Gone,
}

impl Router {
    /// Before the next packets leave, this receiver's shares are given out anew.
    pub(crate) fn share_again(&mut self, key: Key) {
        if let Some(peer) = self.peers.get_mut(key) {
            mark(peer, key, &mut self.stale);
        }
    }

    /// The same for all who are shown this track.
    pub(crate) fn share_again_all(&mut self, track: Key) {
        self.share_again_among(track, |_| true);
    }

    fn share_again_among(&mut self, track: Key, concerned: impl Fn(&Peer) -> bool) {
        let Some(track) = self.tracks.get(track) else {
            return;
        };
        let viewers = track.shown_by.iter();
        for sender in viewers.filter_map(|&viewer| self.senders.get(viewer)) {
            let peer = self.peers.get_mut(sender.peer);
            if let Some(peer) = peer.filter(|peer| concerned(peer)) {
                mark(peer, sender.peer, &mut self.stale);
            }
        }
    }

    /// Gives out the shares that are to be given out anew.
    pub(crate) fn allot_stale(&mut self, now: Instant) {
        while !self.egress.is_full()
            && let Some(key) = self.stale.pop()
        {
            self.allot(key, now);
        }
    }

    /// Looks at a track's layers again; its viewers may get others.
    pub(crate) fn look(&mut self, key: Key, now: Instant) {
        let Some(track) = self.tracks.get_mut(key) else {
            return;
        };
        let owner = track.home.owner().and_then(|owner| self.peers.get(owner));
        track.is_narrow = owner.is_some_and(|owner| owner.is_narrow(now));
        let Some(news) = track.look(now) else {
            return;
        };
        self.describe_again(key);
        match news {
            News::Layers => self.share_again_all(key),
            News::Rates => self.share_again_among(key, |peer| peer.budget(now).is_some()),
        }
    }

    /// Gives out what this receiver's path carries.
    pub(crate) fn allot(&mut self, key: Key, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        peer.is_stale = false;
        let budget = peer.budget(now);
        let is_blind = peer.link.downlink.as_ref().is_none_or(|downlink| {
            let probes = downlink.bandwidth.is_probed() && peer.has_rtx;
            downlink.is_untried(now) || !probes
        });
        let senders = std::mem::take(&mut peer.senders);
        let (mut asking, mut demands) = std::mem::take(&mut self.demands);
        let mut sound = 0;
        for &sender in &senders {
            match self.need(sender, is_blind, now) {
                Need::Nothing => {}
                Need::Sound(rate) => {
                    sound += u64::from(rate);
                    self.aim(sender, Some(Step::default()), now);
                }
                Need::Pictures(demand) => {
                    asking.push(sender);
                    demands.push(demand);
                }
                Need::Hidden => self.hide(sender),
                Need::Gone => {
                    self.withdraw(sender);
                    self.set_paused(sender, true);
                }
            }
        }
        let shared = budget.map_or(u64::MAX, |all| (all as f64 * SHARED) as u64);
        let sums = allocate(shared.saturating_sub(sound), &mut demands);
        for (sender, demand) in asking.drain(..).zip(&demands) {
            self.give(sender, demand, now);
        }
        demands.clear();
        self.demands = (asking, demands);
        if let Some(peer) = self.peers.get_mut(key) {
            peer.senders = senders;
        }
        self.tell_wants(key, sums, sound);
    }

    /// What the receiver could make use of decides whether its path is probed.
    fn tell_wants(&mut self, key: Key, sums: Sums, sound: u64) {
        let Some(downlink) = self
            .peers
            .get_mut(key)
            .and_then(|peer| peer.link.downlink.as_mut())
        else {
            return;
        };
        let whole = |rate: u64| ((rate + sound) as f64 / SHARED) as u64;
        let next_step = if sums.next_step == 0 {
            0
        } else {
            whole(sums.next_step)
        };
        downlink.bandwidth.wants(whole(sums.most), next_step);
        if let Some(at) = downlink.deadline() {
            self.arm(key, at);
        }
    }

    fn need(&mut self, key: Key, is_blind: bool, now: Instant) -> Need {
        let Some(sender) = self.senders.get(key) else {
            return Need::Nothing;
        };
        let Some(track) = sender.source.and_then(|source| self.tracks.get(source)) else {
            return Need::Nothing;
        };
        match sender.kind {
            Kind::Audio if track.layers.is_empty() => Need::Nothing,
            Kind::Audio => Need::Sound(track.supplies.first().map_or(0, Supply::rate)),
            Kind::Video if sender.view.height == Some(0) => Need::Hidden,
            Kind::Video if self.is_gone(sender.peer) => Need::Gone,
            // A source that is silent on all layers (a still screen) keeps what it has; who has nothing gets what came last.
            Kind::Video if !track.comes() && (sender.wanted.is_some() || !track.came()) => {
                Need::Nothing
            }
            Kind::Video => {
                let patience = match (is_blind, sender.is_paused) {
                    (true, _) => Patience::Blind,
                    (false, true) => Patience::Strict,
                    (false, false) => Patience::Patient,
                };
                Need::Pictures(demand(sender, track, patience, now))
            }
        }
    }

    /// The viewer does not look: nothing is sent, and that is not for want of bandwidth.
    fn hide(&mut self, key: Key) {
        self.withdraw(key);
        self.set_paused(key, false);
    }

    fn withdraw(&mut self, key: Key) {
        let Some(sender) = self.senders.get_mut(key) else {
            return;
        };
        let before = sender.taken();
        (sender.wanted, sender.target) = (None, None);
        sender.stop();
        if let Some(source) = sender.source.filter(|_| before != 0) {
            self.viewers_changed(source);
        }
    }

    fn set_paused(&mut self, key: Key, paused: bool) {
        let Some(sender) = self.senders.get_mut(key) else {
            return;
        };
        if std::mem::replace(&mut sender.is_paused, paused) == paused {
            return;
        }
        if let Some(peer) = self.peers.get(sender.peer) {
            self.events.push(Event::SeatPaused {
                peer: peer.id,
                mid: sender.mid.to_string(),
                paused,
            });
        }
    }

    fn give(&mut self, key: Key, demand: &Demand, now: Instant) {
        let given = demand.given();
        if let Some(sender) = self.senders.get_mut(key) {
            let shown = sender.shown_layer().map(|layer| (layer, sender.spatial));
            let falls = given.map(|step| (step.layer, step.spatial)) < shown;
            sender.is_denied = demand.is_denied();
            if falls && sender.is_denied {
                sender.hold.lowered(now);
            }
        }
        if given.is_none() {
            self.withdraw(key);
        }
        self.set_paused(key, given.is_none());
        self.aim(key, given, now);
    }

    /// Sends this step from its next keyframe on, and does at once what can be done at once.
    fn aim(&mut self, key: Key, given: Option<Step>, now: Instant) {
        let Some((step, sender)) = given.zip(self.senders.get_mut(key)) else {
            return;
        };
        let Some((source, track)) = sender
            .source
            .and_then(|key| Some((key, self.tracks.get(key)?)))
        else {
            return;
        };
        let before = sender.taken();
        let target = target(sender.shown_layer(), step.layer, &track.supplies);
        (sender.wanted, sender.target) = (Some(step.layer), Some(target));
        (sender.temporal, sender.spatial) = match sender.kind {
            Kind::Audio => (ALL, ALL),
            Kind::Video => (step.temporal, step.spatial),
        };
        // A smaller window is no reason to hurry.
        let falls = sender
            .shown_layer()
            .filter(|&shown| sender.is_denied && target < shown);
        if let Some(shown) = falls {
            let least = track
                .supplies
                .get(usize::from(shown))
                .map_or(0, |one| one.rates[0]);
            if f64::from(least) > f64::from(step.rate) * FAR_TOO_MUCH {
                sender.stop();
            }
        }
        let (waits, changed) = (sender.waits_for(target), sender.taken() != before);
        if changed {
            self.viewers_changed(source);
        }
        if waits && !self.begin_late(key, source, target, now) {
            self.want_keyframe_of(source, target, now);
        }
    }

    /// Who is shown nothing, or was shown too much, need not wait for a keyframe if there has just been one.
    fn begin_late(&mut self, key: Key, source: Key, index: u8, now: Instant) -> bool {
        let (Some(track), Some(sender)) = (self.tracks.get(source), self.senders.get_mut(key))
        else {
            return false;
        };
        let Some(peer) = self.peers.get_mut(sender.peer) else {
            return false;
        };
        let Some(layer) = track.layers.get(usize::from(index)) else {
            return false;
        };
        // A keyframe that is about to be forwarded begins by itself.
        if sender.shown_layer().is_some() || !track.enabled || layer.has_fresh_keyframe() {
            return false;
        }
        let origin = Origin {
            track: source,
            layer: index,
            epoch: layer.epoch,
        };
        let outcome = sender.begin_late(track, origin, &mut peer.link, &mut self.egress, now);
        self.counters.rtp_out += u64::from(outcome.sent);
        if outcome != Outcome::default() {
            self.on_outcome(source, key, outcome, now);
        }
        outcome.switched
    }
}

/// Once, however often.
fn mark(peer: &mut Peer, key: Key, stale: &mut Vec<Key>) {
    if !std::mem::replace(&mut peer.is_stale, true) {
        stale.push(key);
    }
}

/// The ways to send a track that this viewer has use for.
fn demand(sender: &Sender, track: &Track, patience: Patience, now: Instant) -> Demand {
    let has = sender
        .wanted
        .filter(|_| !sender.is_paused)
        .and_then(|layer| track.supplies.get(usize::from(layer)))
        .map_or(0, |supply| {
            let temporal = supply.rates[usize::from(sender.temporal).min(TEMPORAL_LAYERS - 1)];
            let spatial = supply.spatial_rates[usize::from(sender.spatial).min(SPATIAL_LAYERS - 1)];
            temporal.min(spatial)
        });
    let mut demand = Demand::new(sender.view.priority, has, patience);
    if patience == Patience::Strict && !sender.hold.is_over(now) {
        demand.close();
    }
    let (mut below, mut is_lowest) = (GUESS / GUESS_TIMES, true);
    let most_spatial = sender.most_spatial(track.active_codec().map(|codec| codec.codec));
    for (index, supply) in track.supplies.iter().enumerate() {
        let layer = index as u8;
        let comes_again = !track.comes() && supply.rate() > 0;
        if supply.flow == Flow::Silent && !comes_again {
            continue;
        }
        let held = !sender.hold.is_over(now) && sender.wanted.is_none_or(|wanted| layer > wanted);
        if held && !is_lowest {
            break;
        }
        let rate = match supply.rate() {
            0 => below.saturating_mul(GUESS_TIMES),
            rate => rate,
        };
        if supply.is_svc() {
            offer_spatial(&mut demand, layer, supply, (sender, most_spatial));
        } else {
            if is_lowest {
                offer_thinned(&mut demand, layer, supply, most_spatial);
            }
            demand.offer(Step {
                layer,
                temporal: ALL,
                spatial: most_spatial,
                rate,
            });
        }
        (below, is_lowest) = (rate, false);
        let is_enough = |height: u16| f64::from(supply.height) >= f64::from(height) * NEARLY;
        if supply.height > 0 && sender.view.height.is_some_and(is_enough) {
            break;
        }
    }
    demand
}

/// The lowest layer with fewer of its temporal layers, where it has some.
fn offer_thinned(demand: &mut Demand, layer: u8, supply: &Supply, spatial: u8) {
    for (temporal, &rate) in supply.rates.iter().enumerate() {
        if rate > 0 && rate < supply.rate() {
            demand.offer(Step {
                layer,
                temporal: temporal as u8,
                spatial,
                rate,
            });
        }
    }
}

/// Its spatial layers, as far as the viewer has use for them, and no higher than these.
fn offer_spatial(demand: &mut Demand, layer: u8, supply: &Supply, (sender, most): (&Sender, u8)) {
    let offered = supply.spatial_rates.iter().enumerate();
    for (spatial, &rate) in offered.take(usize::from(most) + 1) {
        demand.offer(Step {
            layer,
            temporal: ALL,
            // The highest is all there are: so a layer that comes later is let through as well.
            spatial: if spatial == SPATIAL_LAYERS - 1 {
                ALL
            } else {
                spatial as u8
            },
            rate,
        });
        let height = f64::from(supply.height_of(spatial));
        let is_enough = |wanted: u16| height >= f64::from(wanted) * NEARLY;
        if height > 0.0 && sender.view.height.is_some_and(is_enough) {
            return;
        }
    }
}

/// The layer to go to at its next keyframe, where `wanted` is to be had in the end.
fn target(shown: Option<u8>, wanted: u8, supplies: &[Supply]) -> u8 {
    let flow = |layer: u8| {
        supplies
            .get(usize::from(layer))
            .map(|supply| supply.flow)
            .unwrap_or_default()
    };
    let layers = 0..supplies.len() as u8;
    let coming = layers.filter(|&layer| flow(layer).comes());
    let nearest = || {
        let below = coming.clone().rfind(|&layer| layer <= wanted);
        below.or_else(|| coming.clone().next())
    };
    match shown.filter(|&shown| flow(shown).comes()) {
        // What has just begun to come may be an attempt of the publisher's: it is gone to once it is steady.
        Some(shown) if wanted > shown => {
            let steady =
                |&layer: &u8| layer > shown && layer <= wanted && flow(layer) == Flow::Steady;
            coming.clone().rfind(steady).unwrap_or(shown)
        }
        Some(shown) if flow(wanted).comes() => wanted.min(shown),
        Some(shown) => nearest().filter(|&layer| layer < shown).unwrap_or(shown),
        None => nearest().unwrap_or(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supplies(flows: &[Flow]) -> Vec<Supply> {
        let supply = |&flow: &Flow| Supply {
            flow,
            ..Supply::default()
        };
        flows.iter().map(supply).collect()
    }

    #[test]
    fn a_layer_is_gone_up_to_when_it_is_steady_and_down_to_when_it_comes() {
        use Flow::{Asleep, Flowing, Silent, Steady};
        for (shown, wanted, flows, expected) in [
            (None, 2, [Steady, Steady, Steady], 2),
            (None, 2, [Steady, Flowing, Asleep], 1),
            (None, 0, [Asleep, Steady, Steady], 1),
            (None, 1, [Silent, Silent, Silent], 1),
            (Some(0), 2, [Steady, Steady, Flowing], 1),
            (Some(0), 2, [Steady, Flowing, Asleep], 0),
            (Some(1), 2, [Steady, Steady, Steady], 2),
            (Some(2), 0, [Flowing, Steady, Steady], 0),
            (Some(2), 0, [Asleep, Flowing, Steady], 1),
            (Some(2), 1, [Steady, Asleep, Steady], 0),
            (Some(2), 2, [Steady, Flowing, Silent], 1),
        ] {
            assert_eq!(
                target(shown, wanted, &supplies(&flows)),
                expected,
                "{shown:?} {wanted} {flows:?}"
            );
        }
    }
}
