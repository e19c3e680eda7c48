//! What the bandwidth estimate promises, on an emulated link in virtual time.

#[path = "../support/network/mod.rs"]
mod network;

mod call;
mod changes;
mod hostile;
mod lossy;
mod profiles;
mod steady;
