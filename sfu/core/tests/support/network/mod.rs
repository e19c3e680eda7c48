//! A network on virtual time that is as bad as wanted; the same model as `tests/support/network` in Python.
//!
//! impairment (what one way of a link does) -> profiles (links by name) -> path (when a datagram comes out)
//! -> under_way (what has not come out yet)

#![allow(dead_code, missing_docs)]

pub mod impairment;
pub mod path;
pub mod profiles;
pub mod under_way;
