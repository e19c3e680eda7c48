//! What the parsers, writers and trackers of the packet path promise, one file a module.

mod codecs;
mod fuzz;
mod nack;
mod ring;
mod rtcp;
mod rtp;
mod srtp;
mod stun;
mod twcc;
mod xr;
