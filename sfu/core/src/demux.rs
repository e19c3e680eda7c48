//! What kind of datagram this is, by its first two bytes, and which way it came.
//!
//! `net → **demux** → stun · dtls · srtp`

use std::net::{IpAddr, SocketAddr};

/// One way between a remote address and us.  Replies leave from the local address that was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Where the datagram came from.
    pub remote: SocketAddr,
    /// Our address it was sent to; known only on a socket bound to the wildcard, where it matters.
    pub local: Option<IpAddr>,
}

impl Path {
    /// A path of a socket that is bound to one address.
    pub fn to(remote: SocketAddr) -> Self {
        Self {
            remote,
            local: None,
        }
    }

    /// The remote address with an IPv4 address written as one, whatever the socket's family.
    pub fn canonical(&self) -> SocketAddr {
        SocketAddr::new(self.remote.ip().to_canonical(), self.remote.port())
    }
}

/// The protocols that share our port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 8489.
    Stun,
    /// RFC 6347, RFC 9147.
    Dtls,
    /// SRTP, RFC 3711.
    Rtp,
    /// SRTCP on the same port, RFC 5761.
    Rtcp,
}

/// Tells the protocols of one port apart.
///
/// RFC 7983 §7, first byte:  0..=3 STUN   20..=63 DTLS   64..=79 TURN channel   128..=191 RTP and RTCP;
/// RFC 5761 §4, second byte: 192..=223 RTCP (payload types 64 to 95 with the marker are not used for RTP).
pub fn protocol(datagram: &[u8]) -> Option<Protocol> {
    match *datagram.first()? {
        0..=3 => Some(Protocol::Stun),
        20..=63 => Some(Protocol::Dtls),
        128..=191 => match *datagram.get(1)? {
            192..=223 => Some(Protocol::Rtcp),
            _ => Some(Protocol::Rtp),
        },
        _ => None, // also TURN channels: we never allocate relays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_bytes_decide() {
        for (bytes, expected) in [
            (&[0u8, 1][..], Some(Protocol::Stun)),
            (&[3, 0], Some(Protocol::Stun)),
            (&[4, 0], None),
            (&[20, 0], Some(Protocol::Dtls)),
            (&[63, 0], Some(Protocol::Dtls)),
            (&[64, 0], None),
            (&[128, 96], Some(Protocol::Rtp)),
            (&[128, 96 | 128], Some(Protocol::Rtp)),
            (&[128, 191], Some(Protocol::Rtp)),
            (&[128, 192], Some(Protocol::Rtcp)),
            (&[191, 223], Some(Protocol::Rtcp)),
            (&[128, 224], Some(Protocol::Rtp)),
            (&[192, 0], None),
            (&[128], None),
            (&[], None),
        ] {
            assert_eq!(protocol(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn an_ipv4_address_on_an_ipv6_socket_is_written_as_ipv4() {
        let mapped: SocketAddr = "[::ffff:192.0.2.1]:5000".parse().expect("address");
        assert_eq!(
            Path::to(mapped).canonical(),
            "192.0.2.1:5000".parse().expect("address")
        );
    }
}
