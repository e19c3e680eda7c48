//! What the bandwidth estimate promises, on an emulated link in virtual time.

mod call;
mod changes;
mod hostile;
mod link;
mod lossy;
mod steady;
