//! Endpoints of the load engine in calls: on virtual time with a router, and on real sockets with a worker.

#![allow(missing_docs)]

mod call;
mod endpoints;
mod hostile;
mod sockets;
