//! SRTP and SRTCP: what comes in is authenticated and decrypted, what goes out is encrypted.
//!
//! `net → demux → **srtp** → rtp … sender → **srtp** → egress`
//!
//! RFC 3711 with AES-CM and HMAC-SHA1, RFC 7714 with AES-GCM; keys come from DTLS (RFC 5764). One
//! [`Inbound`] and one [`Outbound`] per peer. Both work in place on the datagram and allocate nothing
//! per packet. Nothing is remembered about a source before a packet of it proved authentic.

mod cm;
mod gcm;
mod kdf;
pub(crate) mod replay;

use std::error::Error;
use std::fmt;

use cm::Cm;
use gcm::Gcm;
use kdf::Labels;
use replay::ReplayWindow;

use crate::rtp::Clear;

/// Sources that one peer may send from; a browser with three layers, their RTX and audio uses seven.
pub const MAX_SSRCS: usize = 64;

/// Octets of an RTCP packet that stay in the clear: its header and the sender's SSRC.
const RTCP_CLEAR: usize = 8;
/// E flag: this SRTCP packet is encrypted.
const SRTCP_ENCRYPTED: u32 = 1 << 31;
/// RTP packet indices have 48 bits: 32 of rollover counter, 16 of sequence number.
const INDEX_END: u64 = 1 << 48;

/// A protection profile, RFC 5764 §4.1.2 and RFC 7714 §14.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// AES-128-GCM, 16-octet tags.
    AeadAes128Gcm,
    /// AES-128 counter mode and HMAC-SHA1, 10-octet tags.
    Aes128CmHmacSha1_80,
}

impl Profile {
    /// The profile of a name as OpenSSL gives it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "SRTP_AEAD_AES_128_GCM" => Some(Self::AeadAes128Gcm),
            "SRTP_AES128_CM_SHA1_80" => Some(Self::Aes128CmHmacSha1_80),
            _ => None,
        }
    }

    /// Octets of master key.
    #[must_use]
    pub const fn key_len(self) -> usize {
        16
    }

    /// Octets of master salt.
    #[must_use]
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 12,
            Self::Aes128CmHmacSha1_80 => 14,
        }
    }

    /// Octets that protecting adds to an RTP packet.
    #[must_use]
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::AeadAes128Gcm => gcm::TAG_LEN,
            Self::Aes128CmHmacSha1_80 => cm::TAG_LEN,
        }
    }

    /// Octets that protecting adds to a compound RTCP packet.
    #[must_use]
    pub const fn rtcp_overhead(self) -> usize {
        self.rtp_overhead() + 4
    }
}

/// The master key or salt has the wrong length for the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyError {
    profile: Profile,
    key_len: usize,
    salt_len: usize,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            profile,
            key_len,
            salt_len,
        } = self;
        let (key, salt) = (profile.key_len(), profile.salt_len());
        write!(
            f,
            "{profile:?} needs a key of {key} and a salt of {salt} octets, got {key_len} and {salt_len}"
        )
    }
}

impl Error for KeyError {}

/// Why a packet was not let in. The datagram's content is undefined afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Not RTP or RTCP, or too short to carry a tag.
    Malformed,
    /// Its index was seen before or is older than the window.
    Replayed,
    /// The tag is wrong: another key, or changed on the way.
    Forged,
    /// A further source of a peer that has [`MAX_SSRCS`] already.
    TooManySsrcs,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed",
            Self::Replayed => "replayed",
            Self::Forged => "forged",
            Self::TooManySsrcs => "too many sources",
        })
    }
}

impl Error for Rejected {}

/// Session keys of one direction, for RTP or for RTCP.
#[derive(Debug)]
enum Cipher {
    Gcm(Box<Gcm>),
    Cm(Box<Cm>),
}

impl Cipher {
    fn derive(profile: Profile, key: &[u8], salt: &[u8], labels: Labels) -> Result<Self, KeyError> {
        let error = KeyError {
            profile,
            key_len: key.len(),
            salt_len: salt.len(),
        };
        let master_key: &[u8; 16] = key.try_into().map_err(|_| error)?;
        if salt.len() != profile.salt_len() {
            return Err(error);
        }
        let session = kdf::derive(master_key, salt, labels);
        Ok(match profile {
            Profile::AeadAes128Gcm => Self::Gcm(Box::new(Gcm::new(&session).ok_or(error)?)),
            Profile::Aes128CmHmacSha1_80 => Self::Cm(Box::new(Cm::new(&session))),
        })
    }

    /// Authenticates and decrypts; gives the length of the plain packet.
    fn open_rtp(&self, packet: &mut [u8], clear: Clear, index: u64) -> Option<usize> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtp(packet, clear, index),
            Self::Cm(cm) => cm.open_rtp(packet, clear, index),
        }
    }

    fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, trailer: u32) -> Option<usize> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtcp(packet, ssrc, trailer),
            Self::Cm(cm) => cm.open_rtcp(packet, ssrc, trailer),
        }
    }

    /// The E flag and index, which stand last with GCM and before the tag with HMAC.
    fn srtcp_trailer(&self, packet: &[u8]) -> Option<u32> {
        let after = match self {
            Self::Gcm(_) => 0,
            Self::Cm(_) => cm::TAG_LEN,
        };
        let end = packet.len().checked_sub(after)?;
        let trailer = packet.get(..end)?.last_chunk::<4>()?;
        Some(u32::from_be_bytes(*trailer))
    }
}

/// What is known of one source of RTP or RTCP: which indices have been seen.
#[derive(Debug)]
struct Source {
    ssrc: u32,
    window: ReplayWindow,
}

/// The sources of one direction, in the order of their first packets.
#[derive(Debug, Default)]
struct Sources(Vec<Source>);

impl Sources {
    fn find(&mut self, ssrc: u32) -> Option<&mut Source> {
        self.0.iter_mut().find(|source| source.ssrc == ssrc)
    }

    /// Remembers an authentic packet.
    fn accept(&mut self, ssrc: u32, index: u64) {
        match self.find(ssrc) {
            Some(source) => source.window.accept(index),
            None => self.0.push(Source {
                ssrc,
                window: ReplayWindow::starting_at(index),
            }),
        }
    }

    fn check_room(&self) -> Result<(), Rejected> {
        if self.0.len() < MAX_SSRCS {
            Ok(())
        } else {
            Err(Rejected::TooManySsrcs)
        }
    }
}

/// The most likely index of a packet, RFC 3711 §3.3.1: the one nearest to the highest so far.
///
/// Nothing precedes rollover counter 0, so near the start a number from "before" lies ahead instead.
fn estimate_index(highest: u64, sequence: u16) -> u64 {
    let here = (highest & !0xffff) | u64::from(sequence);
    let (earlier, later) = (here.wrapping_sub(0x1_0000), here + 0x1_0000);
    if here > highest + 0x8000 && here >= 0x1_0000 {
        earlier
    } else if here + 0x8000 < highest {
        later
    } else {
        here
    }
}

/// Takes the protection off what one peer sends.
#[derive(Debug)]
pub struct Inbound {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_sources: Sources,
    rtcp_sources: Sources,
}

impl Inbound {
    /// Derives the session keys from a master key and salt.
    ///
    /// # Errors
    /// [`KeyError`] if their lengths are not the profile's.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, KeyError> {
        Ok(Self {
            rtp: Cipher::derive(profile, key, salt, kdf::RTP)?,
            rtcp: Cipher::derive(profile, key, salt, kdf::RTCP)?,
            rtp_sources: Sources::default(),
            rtcp_sources: Sources::default(),
        })
    }

    /// Authenticates and decrypts an SRTP packet in place.
    ///
    /// Gives the length of the plain packet, header included, and its index: rollover counter × 2^16 + sequence number.
    ///
    /// # Errors
    /// [`Rejected`] says why the packet must not be used.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<(usize, u64), Rejected> {
        let clear = Clear::parse(packet).map_err(|_| Rejected::Malformed)?;
        let index = match self.rtp_sources.find(clear.ssrc) {
            Some(source) => {
                let index = estimate_index(source.window.highest(), clear.sequence);
                source.window.check(index)?;
                index
            }
            None => {
                self.rtp_sources.check_room()?;
                clear.sequence.into()
            }
        };
        if index >= INDEX_END {
            return Err(Rejected::Replayed);
        }
        let len = self
            .rtp
            .open_rtp(packet, clear, index)
            .ok_or(Rejected::Forged)?;
        self.rtp_sources.accept(clear.ssrc, index);
        Ok((len, index))
    }

    /// Authenticates and decrypts an SRTP packet whose index the caller knows; gives the length of the plain packet.
    ///
    /// For a receiver that opens only some packets of a source and keeps count of all of them by itself: nothing is
    /// remembered here, so that replays are its business.
    ///
    /// # Errors
    /// [`Rejected`] if this isn't RTP or the tag is wrong.
    pub fn open_rtp(&self, packet: &mut [u8], index: u64) -> Result<usize, Rejected> {
        let clear = Clear::parse(packet).map_err(|_| Rejected::Malformed)?;
        let opened = self.rtp.open_rtp(packet, clear, index % INDEX_END);
        opened.ok_or(Rejected::Forged)
    }

    /// Authenticates and decrypts an SRTCP packet in place; gives the length of the plain compound packet.
    ///
    /// # Errors
    /// [`Rejected`] says why the packet must not be used. Unencrypted SRTCP is malformed here: WebRTC
    /// forbids it (RFC 8827 §6.5).
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        let (ssrc, trailer) = self.srtcp_clear(packet).ok_or(Rejected::Malformed)?;
        let index = u64::from(trailer & !SRTCP_ENCRYPTED);
        match self.rtcp_sources.find(ssrc) {
            Some(source) => source.window.check(index)?,
            None => self.rtcp_sources.check_room()?,
        }
        let len = self
            .rtcp
            .open_rtcp(packet, ssrc, trailer)
            .ok_or(Rejected::Forged)?;
        self.rtcp_sources.accept(ssrc, index);
        Ok(len)
    }

    /// SSRC and trailer of an encrypted SRTCP packet.
    fn srtcp_clear(&self, packet: &[u8]) -> Option<(u32, u32)> {
        let (header, _) = packet.split_first_chunk::<RTCP_CLEAR>()?;
        let [first, _, _, _, ssrc @ ..] = header;
        let trailer = self.rtcp.srtcp_trailer(packet)?;
        (first >> 6 == 2 && trailer & SRTCP_ENCRYPTED != 0)
            .then_some((u32::from_be_bytes(*ssrc), trailer))
    }
}

/// Protects what is sent to one peer.
#[derive(Debug)]
pub struct Outbound {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    next_rtcp_index: u32,
}

impl Outbound {
    /// Derives the session keys from a master key and salt.
    ///
    /// # Errors
    /// [`KeyError`] if their lengths are not the profile's.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, KeyError> {
        let rtp = Cipher::derive(profile, key, salt, kdf::RTP)?;
        let rtcp = Cipher::derive(profile, key, salt, kdf::RTCP)?;
        Ok(Self {
            profile,
            rtp,
            rtcp,
            next_rtcp_index: 0,
        })
    }

    /// The profile, for its overheads.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Encrypts the RTP packet in `buf[..len]`, whose payload starts at `header_len`, and appends the tag.
    ///
    /// `roc` is the rollover counter of the packet's sequence number. The same SSRC, `roc` and sequence
    /// number must never be protected twice with different content. Gives the new length, 0 if the lengths
    /// contradict each other or there is no room for [`Profile::rtp_overhead`].
    pub fn protect_rtp(&self, buf: &mut [u8], header_len: usize, len: usize, roc: u32) -> usize {
        let room = buf.len().saturating_sub(self.profile.rtp_overhead());
        let clear = buf
            .get(..len)
            .filter(|_| len <= room)
            .and_then(|packet| Clear::parse(packet).ok());
        let Some(clear) = clear.filter(|clear| clear.header_len == header_len) else {
            return 0;
        };
        let sequence = clear.sequence;
        let index = (u64::from(roc) << 16) | u64::from(sequence);
        let sealed = match &self.rtp {
            Cipher::Gcm(gcm) => gcm.seal_rtp(buf, clear, len, index),
            Cipher::Cm(cm) => cm.seal_rtp(buf, clear, len, index),
        };
        sealed.unwrap_or(0)
    }

    /// Encrypts the compound RTCP packet in `buf[..len]` and appends tag and index; gives the new length.
    ///
    /// 0 if it is shorter than a header, there is no room for [`Profile::rtcp_overhead`], or all 2^31 indices of
    /// the key are used up.
    pub fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> usize {
        let room = buf.len().saturating_sub(self.profile.rtcp_overhead());
        if len < RTCP_CLEAR || len > room || self.next_rtcp_index >= SRTCP_ENCRYPTED {
            return 0;
        }
        let trailer = SRTCP_ENCRYPTED | self.next_rtcp_index;
        self.next_rtcp_index += 1;
        let sealed = match &self.rtcp {
            Cipher::Gcm(gcm) => gcm.seal_rtcp(buf, len, trailer),
            Cipher::Cm(cm) => cm.seal_rtcp(buf, len, trailer),
        };
        sealed.unwrap_or(0)
    }
}

/// The sender's SSRC of an RTCP packet.
fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    let (_, ssrc) = packet.get(..RTCP_CLEAR)?.split_last_chunk::<4>()?;
    Some(u32::from_be_bytes(*ssrc))
}
