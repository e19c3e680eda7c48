//! How to reach one receiver, and the way that a batch takes to it.
//!
//! `sender → **link** (path, keys, run; downlink: depart, pace) → egress`

use crate::demux::Path;
use crate::departure::{Departure, abs_send_time};
use crate::downlink::Downlink;
use crate::egress::{Egress, Run};
use crate::header::HeaderTemplate;
use crate::rewrite::MAX_PADDING;
use crate::srtp::Outbound;
use crate::time::Instant;

/// How to reach the peer: what every packet to it needs.
#[derive(Debug, Default)]
pub struct Link {
    /// The selected path.
    pub path: Option<Path>,
    /// Its keys, after the handshake.
    pub outbound: Option<Outbound>,
    /// Its message in the batch that is being written.
    pub run: Run,
    /// What its path carries, once it tells how packets come in.
    pub downlink: Option<Box<Downlink>>,
}

impl Link {
    /// Sends one RTCP datagram; says whether it went.
    pub fn send_rtcp(
        &mut self,
        egress: &mut Egress,
        write: impl FnOnce(&mut [u8]) -> usize,
    ) -> bool {
        let (Some(path), Some(outbound)) = (&self.path, &mut self.outbound) else {
            return false;
        };
        let sent = egress.write(path, |out| {
            match write(&mut out[..crate::egress::MAX_RTCP]) {
                0 => 0,
                len => outbound.protect_rtcp(out, len),
            }
        });
        sent > 0
    }
}

/// The way that a batch takes to one receiver.
pub(crate) struct Way<'a> {
    pub(crate) path: &'a Path,
    pub(crate) outbound: &'a Outbound,
    pub(crate) run: &'a mut Run,
    pub(crate) downlink: Option<&'a mut Downlink>,
    pub(crate) egress: &'a mut Egress,
    pub(crate) now: Instant,
}

impl<'a> Way<'a> {
    /// `None` before there are keys and an address.
    #[inline]
    pub(crate) fn over(link: &'a mut Link, egress: &'a mut Egress, now: Instant) -> Option<Self> {
        Some(Self {
            path: link.path.as_ref()?,
            outbound: link.outbound.as_ref()?,
            run: &mut link.run,
            downlink: link.downlink.as_deref_mut(),
            egress,
            now,
        })
    }

    /// Whether a packet of pictures may leave now.
    #[inline]
    pub(crate) fn is_open(&mut self) -> bool {
        let (waited, now) = (self.egress.waited, self.now);
        self.downlink
            .as_mut()
            .is_none_or(|downlink| downlink.pacer.lets(waited, now))
    }

    /// Whether the path loses packets and has room for some of them twice.
    #[inline]
    pub(crate) fn loses_with_room(&self) -> bool {
        let downlink = self.downlink.as_ref();
        downlink.is_some_and(|downlink| downlink.bandwidth.loses_with_room())
    }

    /// Counts a packet of `plain` octets before its protection; gives what its header tells of its departure.
    #[inline]
    pub(crate) fn depart(
        &mut self,
        header: &HeaderTemplate,
        plain: usize,
        cluster: Option<u8>,
    ) -> u32 {
        let Some(downlink) = &mut self.downlink else {
            return 0;
        };
        let octets = plain + self.outbound.profile().rtp_overhead();
        match header.departure() {
            Departure::Counted(_) => downlink.number(octets, cluster, self.now).into(),
            Departure::Timed(_) => {
                downlink.time(octets, self.now);
                abs_send_time(self.now)
            }
            Departure::Untold => {
                downlink.count(octets);
                0
            }
        }
    }

    /// Counts a packet that has no number of its own.
    #[inline]
    pub(crate) fn count(&mut self, plain: usize) {
        if let Some(downlink) = &mut self.downlink {
            downlink.count(plain + self.outbound.profile().rtp_overhead());
        }
    }

    /// Octets of padding: those of the batch, or as many more as make the packet one of the receiver's open run.
    #[inline]
    pub(crate) fn padding(&self, plain: usize, padding: u8) -> u8 {
        let len = plain + usize::from(padding) + self.outbound.profile().rtp_overhead();
        let segment = self.egress.open_segment(self.run, len);
        let all = segment.map_or(0, |segment| segment - len) + usize::from(padding);
        // A small packet is worth less padding: its message costs the kernel as much, but the path more.
        match all <= MAX_PADDING.min(plain / 8) {
            true => all as u8,
            false => padding,
        }
    }
}
