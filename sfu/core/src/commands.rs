//! What Python tells a worker to do.
//!
//! `python → worker → **router (commands)**`

use crate::downlink::Downlink;
use crate::events::PeerId;
use crate::ice::{Credentials, Ice};
use crate::media::PeerMedia;
use crate::peer::{Peer, Stream};
use crate::relay::Source;
use crate::router::Router;
use crate::sender::{Sender, View};
use crate::slab::Key;
use crate::srtp::{Inbound, Outbound};
use crate::time::Instant;
use crate::track::Track;
use crate::twcc::Recorder;

/// One call of the node.  A peer, track or sender that has gone meanwhile makes it nothing.
#[derive(Debug)]
pub enum Command {
    /// Let a peer in that knows these credentials.
    AddPeer {
        /// Never used before.
        peer: PeerId,
        /// Ours.
        credentials: Credentials,
    },
    /// New credentials for a peer.
    RestartIce {
        /// Whose.
        peer: PeerId,
        /// Ours.
        credentials: Credentials,
    },
    /// One DTLS datagram to the peer's selected address.
    SendDtls {
        /// Whom to.
        peer: PeerId,
        /// As it is sent.
        datagram: Vec<u8>,
    },
    /// The handshake is over.
    SetKeys {
        /// Whose.
        peer: PeerId,
        /// For what it sends, and for what we send.
        keys: Box<(Inbound, Outbound)>,
    },
    /// All the peer's media.
    SetMedia {
        /// Whose.
        peer: PeerId,
        /// The whole of it.
        media: Box<PeerMedia>,
    },
    /// What a sender shows.
    Show {
        /// Whose sender.
        peer: PeerId,
        /// Its m-line.
        mid: String,
        /// The track; `None`: silence.
        source: Option<Source>,
    },
    /// Whether a track is forwarded.
    SetTrackEnabled {
        /// Whose.
        peer: PeerId,
        /// Its m-line.
        mid: String,
        /// Forwarded.
        enabled: bool,
    },
    /// What a viewer has use for of a sender.
    SetView {
        /// Whose sender.
        peer: PeerId,
        /// Its m-line.
        mid: String,
        /// How large, how important.
        view: View,
    },
    /// Forget a peer.
    RemovePeer {
        /// Whom.
        peer: PeerId,
    },
}

impl Router {
    /// Does what the node says.
    pub fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::AddPeer { peer, credentials } => self.add_peer(peer, credentials, now),
            Command::RestartIce { peer, credentials } => self.restart_ice(peer, credentials),
            Command::SendDtls { peer, datagram } => self.send_dtls(peer, &datagram),
            Command::SetKeys { peer, keys } => self.set_keys(peer, *keys, now),
            Command::SetMedia { peer, media } => self.set_media(peer, *media, now),
            Command::Show { peer, mid, source } => self.show(peer, &mid, source, now),
            Command::SetTrackEnabled { peer, mid, enabled } => {
                self.set_enabled(peer, &mid, enabled, now)
            }
            Command::SetView { peer, mid, view } => self.set_view(peer, &mid, view, now),
            Command::RemovePeer { peer } => self.remove_peer(peer),
        }
    }

    fn add_peer(&mut self, id: PeerId, credentials: Credentials, now: Instant) {
        let ufrag = credentials.ufrag.clone();
        // Reports of many peers spread over the second.
        let phase = std::time::Duration::from_millis(self.random() % 1_000);
        let peer = Peer::new(id, Ice::new(credentials, now), now + phase);
        let key = self.peers.insert(peer);
        self.by_id.insert(id, key);
        self.by_ufrag.insert(ufrag, key);
        if let Some(at) = self.peers[key].ice.deadline() {
            self.arm(key, at);
        }
    }

    fn restart_ice(&mut self, id: PeerId, credentials: Credentials) {
        let Some(&key) = self.by_id.get(&id) else {
            return;
        };
        self.by_ufrag.insert(credentials.ufrag.clone(), key);
        if let Some(retired) = self.peers[key].ice.restart(credentials) {
            self.by_ufrag.remove(&retired);
        }
    }

    fn send_dtls(&mut self, id: PeerId, datagram: &[u8]) {
        let Some(&key) = self.by_id.get(&id) else {
            return;
        };
        let Some(path) = self.peers[key].link.path else {
            return;
        };
        let len = self
            .egress
            .write(&path, |out| match out.get_mut(..datagram.len()) {
                Some(room) => {
                    room.copy_from_slice(datagram);
                    datagram.len()
                }
                None => 0,
            });
        self.counters.dtls_out += u64::from(len > 0);
    }

    fn set_keys(&mut self, id: PeerId, (inbound, outbound): (Inbound, Outbound), now: Instant) {
        let Some(&key) = self.by_id.get(&id) else {
            return;
        };
        let peer = &mut self.peers[key];
        peer.inbound = Some(inbound);
        peer.link.outbound = Some(outbound);
        let at = peer.report_at.max(now);
        peer.report_at = at;
        self.arm(key, at);
        let senders = self.peers[key].senders.clone();
        senders
            .into_iter()
            .for_each(|sender| self.want_keyframe(sender, now));
    }

    fn set_media(&mut self, id: PeerId, media: PeerMedia, now: Instant) {
        let Some(&key) = self.by_id.get(&id) else {
            return;
        };
        let peer = &mut self.peers[key];
        peer.extensions = media.extensions;
        peer.rtcp_ssrc = media.rtcp_ssrc;
        if media.transport_cc && media.extensions.transport_cc != 0 {
            peer.feedback.get_or_insert_with(Recorder::new);
        } else {
            peer.feedback = None;
        }
        let says_when = media.extensions.abs_send_time != 0 && !media.tracks.is_empty();
        let is_estimated = says_when && peer.feedback.is_none();
        peer.incoming = is_estimated.then(|| peer.incoming.take().unwrap_or_default());
        let has_layers = media.tracks.iter().any(|track| track.layers.len() > 1);
        peer.uplink = has_layers.then(|| peer.uplink.unwrap_or_default());
        let (ids, senders) = (media.extensions, &media.senders);
        let downlink = &mut self.peers[key].link.downlink;
        if ids.transport_cc != 0 && senders.iter().any(|one| one.transport_cc) {
            downlink.get_or_insert_with(|| Downlink::counting(now).into());
        } else if ids.abs_send_time != 0 && senders.iter().any(|one| one.abs_send_time) {
            downlink.get_or_insert_with(|| Downlink::timing().into());
        }
        self.set_tracks(key, id, &media);
        self.set_senders(key, media, now);
    }

    fn set_tracks(&mut self, key: Key, id: PeerId, media: &PeerMedia) {
        let mut old = std::mem::take(&mut self.peers[key].tracks);
        let mut tracks = Vec::with_capacity(media.tracks.len());
        for config in &media.tracks {
            let same = old.iter().position(|&track| {
                let track = &self.tracks[track];
                track.mid == config.mid && track.kind == config.kind
            });
            let track = match same.map(|index| old.swap_remove(index)) {
                Some(track) => {
                    self.tracks[track].configure(config.clone());
                    self.describe_again(track);
                    track
                }
                None => self.tracks.insert(Track::new(key, id, config.clone())),
            };
            tracks.push(track);
        }
        old.into_iter().for_each(|track| self.end_track(track));
        self.peers[key].look_at = None;
        self.peers[key].tracks = tracks;
        self.bind_known(key, media);
    }

    /// SSRCs that the offer tells, and those learned that still have their layer.
    fn bind_known(&mut self, key: Key, media: &PeerMedia) {
        self.peers[key].streams.clear();
        let tracks = self.peers[key].tracks.clone();
        for (&track, config) in tracks.iter().zip(&media.tracks) {
            for index in 0..self.tracks[track].layers.len() {
                let told = config.layers.get(index);
                let layer = &self.tracks[track].layers[index];
                let media_ssrc = told.and_then(|told| told.ssrc).or(layer.ssrc);
                let rtx_ssrc = told.and_then(|told| told.rtx_ssrc).or(layer.rtx_ssrc);
                let stream = Stream {
                    track,
                    layer: index as u8,
                    rtx: false,
                };
                media_ssrc.map(|ssrc| self.bind(key, ssrc, stream));
                rtx_ssrc.map(|ssrc| {
                    self.bind(
                        key,
                        ssrc,
                        Stream {
                            rtx: true,
                            ..stream
                        },
                    )
                });
            }
        }
    }

    fn end_track(&mut self, key: Key) {
        let Some(track) = self.tracks.remove(key) else {
            return;
        };
        self.tell_ended(&track);
        for viewer in track.shown_by {
            if let Some(sender) = self.senders.get_mut(viewer) {
                sender.show(None);
            }
        }
    }

    fn set_senders(&mut self, key: Key, media: PeerMedia, now: Instant) {
        let mut old = std::mem::take(&mut self.peers[key].senders);
        let ids = media.extensions;
        let mut senders = Vec::with_capacity(media.senders.len());
        for config in media.senders {
            let same = old.iter().position(|&sender| {
                let sender = &self.senders[sender];
                (&*sender.mid, sender.ssrc, sender.rtx_ssrc)
                    == (&config.mid, config.ssrc, config.rtx_ssrc)
            });
            let sender = match same.map(|index| old.swap_remove(index)) {
                Some(sender) => {
                    self.senders[sender].configure(config, &ids);
                    sender
                }
                None => {
                    let seed = self.random();
                    self.senders.insert(Sender::new(key, config, &ids, seed))
                }
            };
            senders.push(sender);
        }
        old.into_iter().for_each(|sender| self.end_sender(sender));
        let mut ssrcs: Vec<_> = senders
            .iter()
            .map(|&sender| (self.senders[sender].ssrc, sender))
            .collect();
        ssrcs.sort_unstable();
        self.peers[key].sender_ssrcs = ssrcs;
        let can_probe = |&sender: &Key| self.senders[sender].can_probe();
        self.peers[key].has_rtx = senders.iter().any(can_probe);
        self.peers[key].senders.clone_from(&senders);
        senders
            .into_iter()
            .for_each(|sender| self.want_if_waiting(sender, now));
    }

    fn want_if_waiting(&mut self, key: Key, now: Instant) {
        let sender = &self.senders[key];
        if sender.target.is_some_and(|target| sender.waits_for(target)) {
            self.want_keyframe(key, now);
        }
    }

    fn end_sender(&mut self, key: Key) {
        self.unlink(key);
        self.senders.remove(key);
    }

    fn show(&mut self, id: PeerId, mid: &str, source: Option<Source>, now: Instant) {
        let Some(sender) = self.find_sender(id, mid) else {
            return;
        };
        let track = source.and_then(|source| self.find_source(source));
        if track.is_some() && self.senders[sender].source == track {
            return;
        }
        self.unlink(sender);
        let Some(key) = track else { return };
        let track = &mut self.tracks[key];
        track.shown_to(sender, self.senders[sender].peer);
        self.senders[sender].show(Some(key));
        let codec = track.active_codec();
        if codec.is_some_and(|codec| self.senders[sender].codec_for(codec).is_none()) {
            return self.not_showable(sender);
        }
        let peer = self.senders[sender].peer;
        self.allot(peer, now);
    }

    fn set_view(&mut self, id: PeerId, mid: &str, view: View, now: Instant) {
        let Some(key) = self.find_sender(id, mid) else {
            return;
        };
        let sender = &mut self.senders[key];
        if std::mem::replace(&mut sender.view, view) != view {
            let peer = sender.peer;
            self.allot(peer, now);
        }
    }

    fn find_sender(&self, id: PeerId, mid: &str) -> Option<Key> {
        let peer = &self.peers[*self.by_id.get(&id)?];
        peer.senders
            .iter()
            .copied()
            .find(|&sender| &*self.senders[sender].mid == mid)
    }

    pub(crate) fn find_track(&self, id: PeerId, mid: &str) -> Option<Key> {
        let peer = &self.peers[*self.by_id.get(&id)?];
        peer.tracks
            .iter()
            .copied()
            .find(|&track| self.tracks[track].mid == mid)
    }

    fn set_enabled(&mut self, id: PeerId, mid: &str, enabled: bool, now: Instant) {
        let Some(key) = self.find_track(id, mid) else {
            return;
        };
        if std::mem::replace(&mut self.tracks[key].enabled, enabled) == enabled {
            return;
        }
        self.describe_again(key);
        // What viewers had was cut off in mid-stream.
        let track = &self.tracks[key];
        let taken = track.taken_with(self.taken_here(key));
        let layers = 0..track.layers.len() as u8;
        for layer in layers.filter(|layer| enabled && taken & 1 << layer != 0) {
            self.want_keyframe_of(key, layer, now);
        }
    }

    fn remove_peer(&mut self, id: PeerId) {
        let Some(key) = self.by_id.remove(&id) else {
            return;
        };
        let peer = &mut self.peers[key];
        let (tracks, senders) = (
            std::mem::take(&mut peer.tracks),
            std::mem::take(&mut peer.senders),
        );
        tracks.into_iter().for_each(|track| self.end_track(track));
        senders
            .into_iter()
            .for_each(|sender| self.end_sender(sender));
        let Some(peer) = self.peers.remove(key) else {
            return;
        };
        for path in peer.ice.paths() {
            self.by_path.remove(&path);
        }
        for ufrag in peer.ice.ufrags() {
            self.by_ufrag.remove(ufrag);
        }
    }
}
