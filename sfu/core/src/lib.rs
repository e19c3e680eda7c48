//! What happens to each packet.
//!
//! `net → demux → ice, stun · dtls (handed to Python) · srtp → rtp → track, layer (ring, nack) → sender (rewrite) → downlink
//! (departure, pacer) → header → srtp → egress → net`; beside it `track → uplink → supply`, and `rtcp → bwe → downlink → allotting (allocation, supply, hearing) → sender`; where a viewer lives on another worker, `layer → relay → mailbox → mirror (ring) → sender` there
//!
//! `load` is the other end: the endpoints of the load tester, made of the same parts.
//!
//! Nothing here knows what a call, a user or a room is, and nothing in Python runs per media packet.

pub mod allocation;
mod allotting;
pub mod bwe;
mod bytes;
pub mod clock;
pub mod codec;
pub mod commands;
mod deadlines;
pub mod demux;
pub mod departure;
pub mod downlink;
pub mod egress;
pub mod events;
mod feedback;
mod frames;
pub mod freeze;
mod gather;
pub mod header;
pub mod hearing;
pub mod hold;
pub mod ice;
pub mod keyframe;
pub mod layer;
pub mod level;
pub mod link;
mod listening;
pub mod load;
pub mod mailbox;
pub mod media;
mod mirror;
pub mod nack;
pub mod narrowing;
pub mod net;
pub mod pacer;
mod pacing;
pub mod peer;
mod publishing;
#[cfg(feature = "python")]
mod python;
pub mod rate;
pub mod reception;
pub mod relay;
mod relaying;
mod repeats;
pub mod rewrite;
pub mod ring;
pub mod router;
pub mod rtcp;
pub mod rtp;
pub mod sender;
pub mod seq;
pub mod slab;
pub mod snapshot;
pub mod srtp;
pub mod stats;
pub mod stun;
pub mod supply;
pub mod time;
pub mod track;
pub mod twcc;
pub mod uplink;
pub mod wheel;
pub mod worker;
pub mod xr;
