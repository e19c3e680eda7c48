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
mod remb;
mod repairs;
mod reports;
mod streams;
mod taken;
mod tracks;
