//! How a router behaves towards publishers, viewers and strangers, on virtual time, one idea a module.

#![allow(missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod call;
mod connections;
mod keyframes;
mod layers;
mod links;
mod messages;
mod pacing;
mod parameter_sets;
mod repairs;
mod reports;
mod scalable;
mod spatial;
mod streams;
mod taken;
mod tracks;
