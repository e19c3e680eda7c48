//! The way from an endpoint to its server: address, keys, emulated link.
//!
//! `endpoint (what to say) → **line** (srtp, link) → egress`

use super::link::Link;
use crate::demux::Path;
use crate::egress::{Egress, MAX_DATAGRAM, MAX_RTCP};
use crate::srtp::{Inbound, Outbound};
use crate::time::Instant;

/// Where packets go, and the keys of both directions.
#[derive(Debug)]
pub struct Line {
    /// The server, and our address.
    pub path: Path,
    /// Takes protection off.
    pub inbound: Option<Inbound>,
    /// Protects.
    pub outbound: Option<Outbound>,
    /// Between the two, if it is emulated.
    pub link: Option<Box<Link>>,
}

impl Line {
    /// Sends one datagram that `fill` writes, over the emulated link if there is one; gives its length.
    pub fn send(
        &mut self,
        egress: &mut Egress,
        now: Instant,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> usize {
        let Some(link) = &mut self.link else {
            return egress.write(&self.path, fill);
        };
        let mut datagram = [0; MAX_DATAGRAM];
        let len = fill(&mut datagram);
        if len > 0 {
            link.from_endpoint(&datagram[..len], now);
        }
        len
    }

    /// Protects and sends one RTCP datagram; whether there were keys and something to say.
    pub fn send_rtcp(
        &mut self,
        egress: &mut Egress,
        now: Instant,
        write: impl FnOnce(&mut [u8]) -> usize,
    ) -> bool {
        let Some(mut outbound) = self.outbound.take() else {
            return false;
        };
        let sent = self.send(egress, now, |out| match write(&mut out[..MAX_RTCP]) {
            0 => 0,
            len => outbound.protect_rtcp(out, len),
        });
        self.outbound = Some(outbound);
        sent > 0
    }
}
