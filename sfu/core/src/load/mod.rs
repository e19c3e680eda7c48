//! The load engine: the client side of the packet path, a thread with thousands of endpoints.
//!
//! `python (commands) → engine (thread, sockets, clock) → fleet (who, when) → endpoint → python (events, snapshot)`
//!
//! In the order in which a packet leaves: `clip` and `packetize` (frames made into payloads, once), `publisher` (one
//! sent layer) and `pacer` (when), `stamp` (what the other end will check), `wire` (headers), `line` (keys), `link`
//! (emulated loss and delay).  In the order in which one comes in: `link`, `endpoint`, `routes` (whose SSRC), `receiver`
//! (one received m-line) with `numbers`, `playback` and `stamp`.  Beside it `ice` and `control` (RTCP); counted in
//! `totals` and `histogram`.
//!
//! Everything but `engine` is without sockets and clocks, as the router is; what reads, writes and protects packets is
//! the crate's own.

pub mod clip;
pub mod config;
mod control;
pub mod endpoint;
pub mod engine;
pub mod events;
pub mod fleet;
pub mod histogram;
pub mod ice;
pub mod line;
pub mod link;
pub mod numbers;
pub mod pacer;
pub mod packetize;
pub mod playback;
pub mod publisher;
pub mod random;
pub mod receiver;
pub mod routes;
pub mod stamp;
pub mod totals;
pub mod wire;
