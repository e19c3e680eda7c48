//! How a router behaves towards publishers, viewers and strangers, on virtual time, one idea a module.

#![allow(missing_docs)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/network/mod.rs"]
mod network;

mod behind;
mod call;
mod connections;
mod described;
mod figures;
mod keyframes;
mod layers;
mod links;
mod messages;
mod pacing;
mod parameter_sets;
mod profiles;
mod remb;
mod repairs;
mod reports;
mod scalable;
mod screen;
mod spatial;
mod stalls;
mod streams;
mod taken;
mod tracks;
