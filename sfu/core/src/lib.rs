//! What happens to each packet.
//!
//! `net → demux → stun · dtls (handed to Python) · srtp → rtp → track (ring, nack) → sender (rewrite) → srtp → egress → net`
//!
//! Nothing here knows what a call, a user or a room is, and nothing in Python runs per media packet.

mod bytes;
pub mod codec;
pub mod nack;
pub mod ring;
pub mod rtcp;
pub mod rtp;
pub mod seq;
pub mod srtp;
pub mod stun;
pub mod time;
pub mod twcc;
