//! STUN as ICE uses it: connectivity checks in, answers out (RFC 8489, RFC 8445 §7.3).
//!
//! `net → demux → **stun** → peer (address validated) → answer`
//!
//! The node is ICE-lite: it answers checks. The client side ([`write_request`], [`Response`]) serves
//! tests and load generators.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::bytes::{Reader, Writer};

/// RFC 8489 §5.
pub const MAGIC_COOKIE: u32 = 0x2112_a442;
const HEADER_LEN: usize = 20;
/// RFC 8489 §14.3: the longest USERNAME, octets.
const MAX_USERNAME: usize = 508;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802a;

/// RFC 8489 §14.7: what the CRC is XORed with.
const FINGERPRINT_XOR: u32 = 0x5354_554e;
const INTEGRITY_LEN: usize = 20;
/// Octets of an attribute's type and length.
const ATTRIBUTE_HEADER: usize = 4;

/// Why bytes are not the STUN message that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StunError {
    /// Shorter than a header, or the magic cookie is missing.
    NotStun,
    /// STUN, but not a binding request (or response).
    OtherMessage,
    /// A length field contradicts the datagram.
    Truncated,
    /// USERNAME is missing or not `local:remote`.
    Username,
    /// An attribute's value has the wrong length.
    Attribute(u16),
    /// MESSAGE-INTEGRITY is missing.
    NoIntegrity,
}

impl fmt::Display for StunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStun => f.write_str("STUN: no header with the magic cookie"),
            Self::OtherMessage => f.write_str("STUN: not a binding message of the expected class"),
            Self::Truncated => f.write_str("STUN: a length runs past the end"),
            Self::Username => f.write_str("STUN: USERNAME is not local:remote"),
            Self::Attribute(kind) => write!(f, "STUN: attribute {kind:#06x} has the wrong length"),
            Self::NoIntegrity => f.write_str("STUN: MESSAGE-INTEGRITY is missing"),
        }
    }
}

impl Error for StunError {}

/// Whether a datagram is STUN (RFC 7983 §7 and the magic cookie).
#[inline]
#[must_use]
pub fn is_stun(datagram: &[u8]) -> bool {
    let cookie = datagram.get(4..8);
    datagram.len() >= HEADER_LEN
        && datagram.first().is_some_and(|first| *first <= 3)
        && cookie.is_some_and(|cookie| cookie == MAGIC_COOKIE.to_be_bytes())
}

/// A short-term credential's password, ready for use.
#[derive(Clone)]
pub struct StunKey(Hmac<Sha1>);

impl fmt::Debug for StunKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StunKey")
    }
}

impl StunKey {
    /// Prepares the HMAC of a password.
    #[must_use]
    pub fn new(password: &str) -> Self {
        Self(hmac_of(password.as_bytes()))
    }

    /// MESSAGE-INTEGRITY over `message` up to it, with `length` in the header (RFC 8489 §14.5).
    fn integrity(&self, message: &[u8], length: u16) -> Hmac<Sha1> {
        let mut mac = self.0.clone();
        with_length(message, length, |part| mac.update(part));
        mac
    }
}

/// RFC 2104: keys longer than a block are hashed first; the constructor refuses no length.
fn hmac_of(key: &[u8]) -> Hmac<Sha1> {
    use sha1::Digest;
    let mut block = hmac::digest::block_api::Block::<Sha1>::default();
    let digest = Sha1::digest(key);
    let key = if key.len() > block.len() {
        digest.as_slice()
    } else {
        key
    };
    block
        .iter_mut()
        .zip(key)
        .for_each(|(place, byte)| *place = *byte);
    <Hmac<Sha1> as KeyInit>::new(&block)
}

/// Feeds `message` to `sink` with another value in the header's length field.
fn with_length(message: &[u8], length: u16, mut sink: impl FnMut(&[u8])) {
    let (front, back) = message.split_at_checked(4).unwrap_or_default();
    sink(front.get(..2).unwrap_or_default());
    sink(&length.to_be_bytes());
    sink(back);
}

/// FINGERPRINT over `message` up to it, with `length` in the header (RFC 8489 §14.7).
fn fingerprint(message: &[u8], length: u16) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    with_length(message, length, |part| crc.update(part));
    crc.finalize() ^ FINGERPRINT_XOR
}

/// A message split into header and attributes.
#[derive(Clone, Copy, Debug)]
struct Message<'a> {
    /// The whole, without anything behind it.
    bytes: &'a [u8],
    kind: u16,
    transaction_id: [u8; 12],
}

impl<'a> Message<'a> {
    fn parse(datagram: &'a [u8]) -> Result<Self, StunError> {
        if !is_stun(datagram) {
            return Err(StunError::NotStun);
        }
        let mut reader = Reader::new(datagram);
        let kind = reader.u16().ok_or(StunError::NotStun)?;
        let length = reader.u16().ok_or(StunError::NotStun)?;
        let id = reader.take(16).and_then(|it| it.last_chunk::<12>());
        let transaction_id = *id.ok_or(StunError::NotStun)?;
        if !length.is_multiple_of(4) || usize::from(length) != datagram.len() - HEADER_LEN {
            return Err(StunError::Truncated);
        }
        Ok(Self {
            bytes: datagram,
            kind,
            transaction_id,
        })
    }

    fn attributes(&self) -> Attributes<'a> {
        let body = self.bytes.get(HEADER_LEN..).unwrap_or_default();
        Attributes {
            reader: Reader::new(body),
            total: self.bytes.len(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Attribute<'a> {
    kind: u16,
    /// Offset of the attribute in the message.
    at: usize,
    value: &'a [u8],
}

impl Attribute<'_> {
    fn u32(&self) -> Result<u32, StunError> {
        let bytes = self
            .value
            .try_into()
            .map_err(|_| StunError::Attribute(self.kind))?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn u64(&self) -> Result<u64, StunError> {
        let bytes = self
            .value
            .try_into()
            .map_err(|_| StunError::Attribute(self.kind))?;
        Ok(u64::from_be_bytes(bytes))
    }
}

struct Attributes<'a> {
    reader: Reader<'a>,
    total: usize,
}

impl<'a> Attributes<'a> {
    fn read(&mut self) -> Option<Attribute<'a>> {
        let at = self.total - self.reader.rest().len();
        let kind = self.reader.u16()?;
        let length = usize::from(self.reader.u16()?);
        let padded = self.reader.take(length.next_multiple_of(4))?;
        Some(Attribute {
            kind,
            at,
            value: padded.get(..length)?,
        })
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, StunError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.rest().is_empty() {
            return None;
        }
        let attribute = self.read().ok_or(StunError::Truncated);
        if attribute.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(attribute)
    }
}

/// Where the two checksums of a message stand.
#[derive(Clone, Copy, Debug, Default)]
struct Seals<'a> {
    integrity: Option<(usize, &'a [u8])>,
    fingerprint: Option<(usize, u32)>,
}

impl<'a> Seals<'a> {
    /// Notes a checksum; says whether `attribute` may be used, which nothing behind MESSAGE-INTEGRITY
    /// may (RFC 8489 §14.5).
    fn note(&mut self, attribute: &Attribute<'a>) -> Result<bool, StunError> {
        match (attribute.kind, self.integrity) {
            (FINGERPRINT, _) => self.fingerprint = Some((attribute.at, attribute.u32()?)),
            (_, Some(_)) => {}
            (MESSAGE_INTEGRITY, None) if attribute.value.len() != INTEGRITY_LEN => {
                return Err(StunError::Attribute(MESSAGE_INTEGRITY));
            }
            (MESSAGE_INTEGRITY, None) => self.integrity = Some((attribute.at, attribute.value)),
            _ => return Ok(true),
        }
        Ok(false)
    }

    fn verify(&self, message: &[u8], key: &StunKey) -> bool {
        self.fingerprint_holds(message) && self.integrity_holds(message, key).unwrap_or(false)
    }

    fn fingerprint_holds(&self, message: &[u8]) -> bool {
        self.fingerprint.is_none_or(|(at, value)| {
            let length = length_up_to(at, ATTRIBUTE_HEADER + 4);
            message
                .get(..at)
                .is_some_and(|covered| fingerprint(covered, length) == value)
        })
    }

    fn integrity_holds(&self, message: &[u8], key: &StunKey) -> Option<bool> {
        let (at, tag) = self.integrity?;
        let length = length_up_to(at, ATTRIBUTE_HEADER + INTEGRITY_LEN);
        Some(
            key.integrity(message.get(..at)?, length)
                .verify_slice(tag)
                .is_ok(),
        )
    }
}

/// The header's length field if the message ended with an attribute of `size` octets at `at`.
fn length_up_to(at: usize, size: usize) -> u16 {
    u16::try_from((at + size).saturating_sub(HEADER_LEN)).unwrap_or(u16::MAX)
}

/// A connectivity check.
#[derive(Clone, Copy, Debug)]
pub struct BindingRequest<'a> {
    /// To be repeated in the answer.
    pub transaction_id: [u8; 12],
    /// USERNAME whole: the ufrag of whom it was sent to, a colon, the ufrag of who sent it.
    pub username: &'a str,
    /// The sender nominates this pair.
    pub use_candidate: bool,
    /// PRIORITY of a peer-reflexive candidate.
    pub priority: Option<u32>,
    /// Tie-breaker, if the sender is controlling.
    pub ice_controlling: Option<u64>,
    /// Tie-breaker, if the sender is controlled.
    pub ice_controlled: Option<u64>,
    /// The first attribute that must be understood and isn't; answer 420.
    pub unknown: Option<u16>,
    colon: usize,
    bytes: &'a [u8],
    seals: Seals<'a>,
}

impl<'a> BindingRequest<'a> {
    /// Reads a binding request. Nothing in it is proven before [`Self::verify`].
    ///
    /// # Errors
    /// [`StunError`] says what is wrong; a request without USERNAME or MESSAGE-INTEGRITY is refused.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, StunError> {
        let message = Message::parse(datagram)?;
        if message.kind != BINDING_REQUEST {
            return Err(StunError::OtherMessage);
        }
        let mut request = Self::empty(&message);
        for attribute in message.attributes() {
            let attribute = attribute?;
            if request.seals.note(&attribute)? {
                request.take(&attribute)?;
            }
        }
        request.colon = request.username.find(':').ok_or(StunError::Username)?;
        request.seals.integrity.ok_or(StunError::NoIntegrity)?;
        Ok(request)
    }

    fn empty(message: &Message<'a>) -> Self {
        Self {
            transaction_id: message.transaction_id,
            username: "",
            use_candidate: false,
            priority: None,
            ice_controlling: None,
            ice_controlled: None,
            unknown: None,
            colon: 0,
            bytes: message.bytes,
            seals: Seals::default(),
        }
    }

    fn take(&mut self, attribute: &Attribute<'a>) -> Result<(), StunError> {
        match attribute.kind {
            USERNAME if attribute.value.len() > MAX_USERNAME => return Err(StunError::Username),
            USERNAME if self.username.is_empty() => {
                self.username = str::from_utf8(attribute.value).map_err(|_| StunError::Username)?;
            }
            USERNAME => {} // only the first counts (RFC 8489 §14)
            USE_CANDIDATE => self.use_candidate = true,
            PRIORITY => self.priority = Some(attribute.u32()?),
            ICE_CONTROLLING => self.ice_controlling = Some(attribute.u64()?),
            ICE_CONTROLLED => self.ice_controlled = Some(attribute.u64()?),
            kind if kind < 0x8000 => self.unknown = self.unknown.or(Some(kind)),
            _ => {} // optional to understand
        }
        Ok(())
    }

    /// The ufrag of the receiver: ours.
    #[must_use]
    pub fn local(&self) -> &'a str {
        self.username.get(..self.colon).unwrap_or_default()
    }

    /// The ufrag of the sender: the peer's.
    #[must_use]
    pub fn remote(&self) -> &'a str {
        self.username.get(self.colon + 1..).unwrap_or_default()
    }

    /// Whether MESSAGE-INTEGRITY is that of `key` (compared in constant time) and FINGERPRINT, if there, is right.
    #[must_use]
    pub fn verify(&self, key: &StunKey) -> bool {
        self.seals.verify(self.bytes, key)
    }
}

/// What a binding response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The sender's address as the other side saw it.
    Success(SocketAddr),
    /// An error code, 300..=699.
    Error(u16),
}

/// An answer to a connectivity check.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// That of the request.
    pub transaction_id: [u8; 12],
    /// What it says.
    pub outcome: Outcome,
    bytes: &'a [u8],
    seals: Seals<'a>,
}

impl<'a> Response<'a> {
    /// Reads a binding success or error response.
    ///
    /// # Errors
    /// [`StunError`] says what is wrong.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, StunError> {
        let message = Message::parse(datagram)?;
        let wanted = match message.kind {
            BINDING_SUCCESS => XOR_MAPPED_ADDRESS,
            BINDING_ERROR => ERROR_CODE,
            _ => return Err(StunError::OtherMessage),
        };
        let (mut seals, mut outcome) = (Seals::default(), Err(StunError::Attribute(wanted)));
        for attribute in message.attributes() {
            let attribute = attribute?;
            if seals.note(&attribute)? && attribute.kind == wanted && outcome.is_err() {
                outcome = read_outcome(&attribute, &message.transaction_id)
                    .ok_or(StunError::Attribute(wanted));
            }
        }
        Ok(Self {
            transaction_id: message.transaction_id,
            outcome: outcome?,
            bytes: message.bytes,
            seals,
        })
    }

    /// Whether MESSAGE-INTEGRITY is there and that of `key`, and FINGERPRINT, if there, is right.
    #[must_use]
    pub fn verify(&self, key: &StunKey) -> bool {
        self.seals.verify(self.bytes, key)
    }
}

fn read_outcome(attribute: &Attribute<'_>, transaction_id: &[u8; 12]) -> Option<Outcome> {
    let mut reader = Reader::new(attribute.value);
    if attribute.kind == ERROR_CODE {
        let code = reader.u32()?;
        let (class, number) = ((code >> 8) & 7, code & 0xff);
        return u16::try_from(class * 100 + number).ok().map(Outcome::Error);
    }
    read_xor_address(&mut reader, transaction_id).map(Outcome::Success)
}

/// RFC 8489 §14.2.
fn read_xor_address(reader: &mut Reader<'_>, transaction_id: &[u8; 12]) -> Option<SocketAddr> {
    let family = reader.u16()?;
    let port = reader.u16()? ^ cookie_port();
    let ip = match family {
        1 => IpAddr::V4(Ipv4Addr::from(reader.u32()? ^ MAGIC_COOKIE)),
        2 => IpAddr::V6(Ipv6Addr::from(
            u128::from_be_bytes(*reader.take(16)?.first_chunk()?) ^ mask_v6(transaction_id),
        )),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

const fn cookie_port() -> u16 {
    (MAGIC_COOKIE >> 16) as u16
}

fn mask_v6(transaction_id: &[u8; 12]) -> u128 {
    let mut mask = [0; 16];
    let (cookie, id) = mask.split_at_mut(4);
    cookie.copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    id.copy_from_slice(transaction_id);
    u128::from_be_bytes(mask)
}

/// A message under construction.
struct Builder<'a> {
    writer: Writer<'a>,
}

impl<'a> Builder<'a> {
    fn new(out: &'a mut [u8], kind: u16, transaction_id: &[u8; 12]) -> Self {
        let mut writer = Writer::new(out);
        writer.u16(kind);
        writer.u16(0);
        writer.u32(MAGIC_COOKIE);
        writer.bytes(transaction_id);
        Self { writer }
    }

    /// Appends an attribute made of `parts`, padded to a word.
    fn attribute(&mut self, kind: u16, parts: &[&[u8]]) {
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        self.writer.u16(kind);
        self.writer.u16(u16::try_from(length).unwrap_or(u16::MAX));
        parts.iter().for_each(|part| self.writer.bytes(part));
        self.writer.pad_to_word();
    }

    fn xor_address(&mut self, address: SocketAddr, transaction_id: &[u8; 12]) {
        let port = (address.port() ^ cookie_port()).to_be_bytes();
        // A dual-stack socket tells IPv4 senders as ::ffff:a.b.c.d; they know themselves as a.b.c.d.
        match address.ip().to_canonical() {
            IpAddr::V4(ip) => {
                let ip = (u32::from(ip) ^ MAGIC_COOKIE).to_be_bytes();
                self.attribute(XOR_MAPPED_ADDRESS, &[&[0, 1], &port, &ip]);
            }
            IpAddr::V6(ip) => {
                let ip = (u128::from(ip) ^ mask_v6(transaction_id)).to_be_bytes();
                self.attribute(XOR_MAPPED_ADDRESS, &[&[0, 2], &port, &ip]);
            }
        }
    }

    /// Appends MESSAGE-INTEGRITY (with a key) and FINGERPRINT, and gives the length.
    fn finish(mut self, key: Option<&StunKey>) -> usize {
        if let Some(key) = key {
            let length = length_up_to(self.writer.len(), ATTRIBUTE_HEADER + INTEGRITY_LEN);
            let tag = key
                .integrity(self.writer.written(), length)
                .finalize()
                .into_bytes();
            self.attribute(MESSAGE_INTEGRITY, &[&tag]);
        }
        let length = length_up_to(self.writer.len(), ATTRIBUTE_HEADER + 4);
        self.writer.set_u16(2, length);
        let crc = fingerprint(self.writer.written(), length);
        self.attribute(FINGERPRINT, &[&crc.to_be_bytes()]);
        self.writer.finish()
    }
}

/// Writes the answer to a check that came from `mapped`; gives its length, 0 if `out` is too small.
pub fn write_success(
    out: &mut [u8],
    transaction_id: &[u8; 12],
    mapped: SocketAddr,
    key: &StunKey,
) -> usize {
    let mut builder = Builder::new(out, BINDING_SUCCESS, transaction_id);
    builder.xor_address(mapped, transaction_id);
    builder.finish(Some(key))
}

/// Writes an error response; gives its length, 0 if `out` is too small. `code` is 300..=699.
///
/// Without a key it carries no MESSAGE-INTEGRITY, as 400 and 401 must (RFC 8489 §9.1.3).
pub fn write_error(
    out: &mut [u8],
    transaction_id: &[u8; 12],
    code: u16,
    reason: &str,
    key: Option<&StunKey>,
) -> usize {
    let mut builder = Builder::new(out, BINDING_ERROR, transaction_id);
    builder.attribute(ERROR_CODE, &[&error_code(code), reason.as_bytes()]);
    builder.finish(key)
}

/// Writes a 420 that names the attribute which was not understood (RFC 8489 §6.3.1).
pub fn write_unknown_attribute(
    out: &mut [u8],
    transaction_id: &[u8; 12],
    attribute: u16,
    key: &StunKey,
) -> usize {
    let mut builder = Builder::new(out, BINDING_ERROR, transaction_id);
    builder.attribute(ERROR_CODE, &[&error_code(420), b"Unknown Attribute"]);
    builder.attribute(UNKNOWN_ATTRIBUTES, &[&attribute.to_be_bytes()]);
    builder.finish(Some(key))
}

/// RFC 8489 §14.8: hundreds and the rest apart.
const fn error_code(code: u16) -> [u8; 4] {
    [0, 0, (code / 100) as u8 & 7, (code % 100) as u8]
}

/// Whether the sender of a check rules the choice of the pair, and its tie-breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It chooses.
    Controlling(u64),
    /// It leaves the choice to the other side.
    Controlled(u64),
}

/// A connectivity check to be written.
#[derive(Clone, Copy, Debug)]
pub struct OutRequest<'a> {
    /// Fresh for each check.
    pub transaction_id: [u8; 12],
    /// The receiver's ufrag, a colon, the sender's ufrag.
    pub username: &'a str,
    /// PRIORITY, RFC 8445 §7.1.1.
    pub priority: u32,
    /// Role and tie-breaker.
    pub role: Role,
    /// Nominate this pair.
    pub use_candidate: bool,
}

/// Writes a connectivity check; gives its length, 0 if `out` is too small.
pub fn write_request(out: &mut [u8], request: &OutRequest<'_>, key: &StunKey) -> usize {
    let mut builder = Builder::new(out, BINDING_REQUEST, &request.transaction_id);
    builder.attribute(USERNAME, &[request.username.as_bytes()]);
    builder.attribute(PRIORITY, &[&request.priority.to_be_bytes()]);
    match request.role {
        Role::Controlling(tie) => builder.attribute(ICE_CONTROLLING, &[&tie.to_be_bytes()]),
        Role::Controlled(tie) => builder.attribute(ICE_CONTROLLED, &[&tie.to_be_bytes()]),
    }
    if request.use_candidate {
        builder.attribute(USE_CANDIDATE, &[]);
    }
    builder.finish(Some(key))
}
