//! Who is heard, and who has said nothing for so long that it gets no pictures.
//!
//! `router (stun, rtp, rtcp), feedback (once a second) → **router (listening)** → hearing → allotting`

use crate::media::Kind;
use crate::router::Router;
use crate::sender::Sender;
use crate::slab::Key;
use crate::time::Instant;

impl Router {
    /// Something authentic has come from a peer: if it was taken for gone, it gets pictures again.
    #[inline]
    pub(crate) fn heard(&mut self, key: Key, now: Instant) {
        if self.peers[key].hearing.heard(now) {
            self.share_again(key);
        }
    }

    /// Once a second: who is sent pictures and is not heard any more gets none.
    pub(crate) fn listen(&mut self, key: Key, now: Instant) {
        let of_pictures = |sender: &&Sender| sender.kind == Kind::Video;
        let mut senders = self.peers[key].senders.iter();
        let is_sent = senders.any(|&sender| {
            let sender = self.senders.get(sender).filter(of_pictures);
            sender.is_some_and(|sender| sender.shown_layer().is_some())
        });
        if self.peers[key].hearing.look(is_sent, now) {
            self.share_again(key);
        }
    }

    /// It gets no pictures.
    pub(crate) fn is_gone(&self, peer: Key) -> bool {
        let peer = self.peers.get(peer);
        peer.is_some_and(|peer| peer.hearing.is_gone())
    }
}
