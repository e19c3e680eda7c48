"""What an offer says, as values.

lines -> sections, shapes -> offer (**values**) -> agreement
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """One side's ICE ufrag and password (RFC 8839 §5.4)."""

    ufrag: str
    password: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Digest of a DTLS certificate (RFC 8122 §5)."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class Payload:
    """One payload type of an m-line, as the offer describes it."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int
    parameters: str
    """The fmtp line as it stands; empty without one."""
    feedback: frozenset[str]
    """`nack`, `nack pli`, `ccm fir`, `transport-cc`, ..."""


@dataclass(frozen=True, slots=True)
class Extmap:
    """One RTP header extension (RFC 8285 §6)."""

    id: int
    uri: str
    direction: Direction


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """What an m-line says that those of other clients say as well.

    One object for all that say the same (`shapes.py`), so it is compared by identity, and what follows from it is kept
    by it.
    """

    kind: str
    protocol: str
    formats: tuple[str, ...]
    direction: Direction
    stopped: bool
    """Port 0 and not bundle-only: the client gave this m-line up (RFC 8829 §5.2.1)."""
    rtcp_mux: bool
    rtcp_rsize: bool
    extmap_allow_mixed: bool
    """Header extensions of one and of two octets may be in one stream (RFC 8285 §6); so says this m-line itself."""
    payloads: tuple[Payload, ...]
    extensions: tuple[Extmap, ...]
    rids: tuple[str, ...]
    """Simulcast encodings it sends, in the client's order; empty without simulcast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLine:
    """One m-line: its shape, and what this client alone says."""

    number: int
    """Of its first line in the text."""
    mid: str
    shape: Shape
    ssrcs: tuple[int, ...]
    retransmits: Mapping[int, int]
    """SSRC of a stream -> SSRC of its retransmissions (FID groups)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A whole offer; transport values are those of the one bundled transport."""

    media: tuple[MediaLine, ...]
    bundle: frozenset[str]
    """Mids that share the transport; the others cannot be served."""
    extmap_allow_mixed: bool
    """The session says so for all m-lines."""
    ice: IceCredentials
    fingerprints: tuple[Fingerprint, ...]
