"""What a client's offer says, read in one pass over its lines.

lines -> **offer** -> agreement

Attributes that we lean on are read strictly: one that is malformed refuses the offer and names the line.  The others
are left alone, as RFC 8866 §5.13 asks.  Text stays text (a mid of `007` is not the number 7).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, cast

from sfu.errors import MalformedSdp
from sfu.sdp.lines import Line, read_lines

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

MAX_MEDIA_LINES = 160
"""Two a seat for 64 seats, and what a client publishes."""
MAX_CANDIDATES = 64
MAX_PAYLOADS = 128
MAX_EXTENSIONS = 64
MAX_SSRCS = 64
MAX_RIDS = 8
MAX_FINGERPRINTS = 8

DIGEST_OCTETS: Final = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
"""Hash functions of RFC 8122 that are still safe; others are ignored."""

MID = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,15}")  # what fits the one-byte header extension with room to spare
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")
RID = re.compile(r"[A-Za-z0-9_-]{1,16}")  # RFC 8851 §10, and what fits a one-byte header extension
ICE_CHARS = re.compile(r"[A-Za-z0-9+/]+")
HOST = re.compile(r"[0-9A-Za-z.:_-]{1,255}")
MEDIA = re.compile(r"([a-z]{1,16}) ([0-9]{1,5})(?:/[0-9]{1,5})? ([A-Z/]{3,32})((?: [!-~]{1,64})+)")
RTPMAP = re.compile(r"([0-9]{1,3}) ([A-Za-z0-9._-]{1,32})/([0-9]{1,7})(?:/([0-9]{1,2}))?")
FMTP = re.compile(r"([0-9]{1,3}) (.+)")
RTCP_FB = re.compile(r"([0-9]{1,3}|\*) ([A-Za-z0-9._-]{1,32}(?: .{1,64})?)")
EXTMAP = re.compile(r"([0-9]{1,5})(?:/(sendrecv|sendonly|recvonly|inactive))? (\S{1,256})(?: .*)?")
FINGERPRINT = re.compile(r"([A-Za-z0-9-]{1,16}) ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){0,63})")
SSRC = re.compile(r"([0-9]{1,10})(?: (.*))?")
SSRC_GROUP = re.compile(r"([A-Za-z0-9-]{1,16})((?: [0-9]{1,10}){1,32})")
RID_LINE = re.compile(r"(\S+) (send|recv)(?: .*)?")
SIMULCAST = re.compile(r"(send|recv) (\S+)(?: (send|recv) (\S+))?")
CANDIDATE = re.compile(
    r"(\S{1,32}) ([0-9]{1,5}) ([A-Za-z-]{1,16}) ([0-9]{1,10}) (\S{1,255}) ([0-9]{1,5}) typ (\S{1,16})(?: .*)?"
)
ORIGIN = re.compile(r"\S+ [0-9]{1,20} [0-9]{1,20} IN IP[46] \S+")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLine:
    """One m-line."""

    number: int
    """Of its first line in the text."""
    kind: str
    protocol: str
    formats: tuple[str, ...]
    mid: str
    direction: Direction
    stopped: bool
    """Port 0 and not bundle-only: the client gave this m-line up (RFC 8829 §5.2.1)."""
    rtcp_mux: bool
    rtcp_rsize: bool
    payloads: tuple[Payload, ...]
    extensions: tuple[Extmap, ...]
    rids: tuple[str, ...]
    """Simulcast encodings it sends, in the client's order; empty without simulcast."""
    ssrcs: tuple[int, ...]
    retransmits: Mapping[int, int]
    """SSRC of a stream -> SSRC of its retransmissions (FID groups)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A whole offer; transport values are those of the one bundled transport."""

    media: tuple[MediaLine, ...]
    bundle: frozenset[str]
    """Mids that share the transport; the others cannot be served."""
    ice: IceCredentials
    fingerprints: tuple[Fingerprint, ...]


@dataclass(slots=True)
class _Section:
    """A session or media section while it is read."""

    number: int
    kind: str = ""
    port: int = 0
    protocol: str = ""
    formats: tuple[str, ...] = ()
    mid: str | None = None
    direction: Direction | None = None
    bundle_only: bool = False
    rtcp_mux: bool = False
    rtcp_rsize: bool = False
    ufrag: str | None = None
    password: str | None = None
    setup: str | None = None
    candidates: int = 0
    fingerprints: list[Fingerprint] = field(default_factory=list)
    bundle: list[str] | None = None
    rtpmaps: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    fmtps: dict[int, str] = field(default_factory=dict)
    feedback: list[tuple[str, str]] = field(default_factory=list)
    extensions: dict[int, Extmap] = field(default_factory=dict)
    rids: list[str] = field(default_factory=list)
    simulcast: list[str] | None = None
    ssrcs: dict[int, None] = field(default_factory=dict)
    retransmits: dict[int, int] = field(default_factory=dict)


class _ProblemError(ValueError):
    """Something wrong with the value of the line at hand."""


def parse_offer(text: str) -> Offer:
    """Read an offer; MalformedSdp names the first line that is wrong."""
    session, media = _read_sections(text)
    mids: set[str] = set()
    lines = []
    for index, section in enumerate(media):
        line = _media_line(section, session, index)
        if line.mid in mids:
            raise MalformedSdp(section.number, f"mid {line.mid!r} is used twice")
        mids.add(line.mid)
        lines.append(line)
    if not lines:
        raise MalformedSdp(session.number, "no m-line")
    return _offer(session, media, tuple(lines))


def _read_sections(text: str) -> tuple[_Section, list[_Section]]:
    session = _Section(1)
    media: list[_Section] = []
    seen = ""
    for line in read_lines(text):
        try:
            if line.type == "m":
                media.append(_start_media(line, len(media)))
            elif line.type == "a":
                _read_attribute(media[-1] if media else session, line.value)
            elif line.type == "o":
                _match(ORIGIN, line.value, "origin")
        except _ProblemError as problem:
            raise MalformedSdp(line.number, str(problem)) from None
        if not media:
            seen += line.type
    for required in "ost":
        if required not in seen:
            raise MalformedSdp(len(seen) + 1, f"no {required}= line before the first m-line")
    return session, media


def _start_media(line: Line, count: int) -> _Section:
    if count >= MAX_MEDIA_LINES:
        raise _ProblemError(f"more than {MAX_MEDIA_LINES} m-lines")
    match = MEDIA.fullmatch(line.value)
    if match is None:
        raise _ProblemError(f"malformed m-line {line.value[:60]!r}")
    kind, port, protocol, formats = match.groups()
    section = _Section(line.number, kind, _integer(port, 65_535), protocol, tuple(formats.split()))
    if len(section.formats) > MAX_PAYLOADS:
        raise _ProblemError(f"more than {MAX_PAYLOADS} formats")
    if _is_rtp(section) and not all(_is_payload_type(text) for text in section.formats):
        raise _ProblemError("a payload type is not a number from 0 to 127")
    return section


def _is_rtp(section: _Section) -> bool:
    return section.kind in ("audio", "video") and "RTP/" in section.protocol


def _is_payload_type(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 127


def _integer(text: str, maximum: int) -> int:
    value = int(text)
    if value > maximum:
        raise _ProblemError(f"{value} is above {maximum}")
    return value


# One reader an attribute; each takes the section it stands in and its value.


def _match(pattern: re.Pattern[str], value: str, what: str) -> re.Match[str]:
    match = pattern.fullmatch(value)
    if match is None:
        raise _ProblemError(f"malformed {what}: {value[:60]!r}")
    return match


def _bounded(size: int, maximum: int, what: str) -> None:
    if size >= maximum:
        raise _ProblemError(f"more than {maximum} {what}")


def _mid(section: _Section, value: str) -> None:
    section.mid = _match(MID, value, "mid").group()


def _ufrag(section: _Section, value: str) -> None:
    if not 4 <= len(value) <= 256:
        raise _ProblemError("an ICE ufrag has 4 to 256 characters")
    section.ufrag = _match(ICE_CHARS, value, "ICE ufrag").group()


def _password(section: _Section, value: str) -> None:
    if not 22 <= len(value) <= 256:
        raise _ProblemError("an ICE password has 22 to 256 characters")
    section.password = _match(ICE_CHARS, value, "ICE password").group()


def _setup(section: _Section, value: str) -> None:
    if value not in ("actpass", "active", "passive", "holdconn"):
        raise _ProblemError(f"unknown setup {value[:20]!r}")
    if value in ("passive", "holdconn"):
        raise _ProblemError(f"setup {value}: the client has to be able to start DTLS")
    section.setup = value


def _fingerprint(section: _Section, value: str) -> None:
    _bounded(len(section.fingerprints), MAX_FINGERPRINTS, "fingerprints")
    algorithm, digest = _match(FINGERPRINT, value, "fingerprint").groups()
    octets = DIGEST_OCTETS.get(algorithm.lower())
    if octets is None:
        return
    if len(digest) != octets * 3 - 1:
        raise _ProblemError(f"a {algorithm} fingerprint has {octets} octets")
    section.fingerprints.append(Fingerprint(algorithm.lower(), digest.upper()))


def _group(section: _Section, value: str) -> None:
    semantics, *mids = value.split(" ")
    if semantics != "BUNDLE":
        return
    if section.kind:
        raise _ProblemError("a=group stands before the first m-line")
    if len(mids) > MAX_MEDIA_LINES:
        raise _ProblemError(f"more than {MAX_MEDIA_LINES} mids")
    section.bundle = mids


def _rtpmap(section: _Section, value: str) -> None:
    _bounded(len(section.rtpmaps), MAX_PAYLOADS, "rtpmaps")
    number, name, rate, channels = _match(RTPMAP, value, "rtpmap").groups()
    section.rtpmaps[_integer(number, 127)] = (name, int(rate), int(channels or "1"))


def _fmtp(section: _Section, value: str) -> None:
    _bounded(len(section.fmtps), MAX_PAYLOADS, "fmtp lines")
    number, parameters = _match(FMTP, value, "fmtp").groups()
    section.fmtps[_integer(number, 127)] = parameters


def _rtcp_fb(section: _Section, value: str) -> None:
    _bounded(len(section.feedback), MAX_PAYLOADS * 8, "rtcp-fb lines")
    number, kind = _match(RTCP_FB, value, "rtcp-fb").groups()
    section.feedback.append((number, kind))


def _extmap(section: _Section, value: str) -> None:
    _bounded(len(section.extensions), MAX_EXTENSIONS, "extmaps")
    number, direction, uri = _match(EXTMAP, value, "extmap").groups()
    identity = _integer(number, 4_351)  # 4096..4351 are placeholders (RFC 8285 §6)
    if identity == 0 or identity in section.extensions:
        raise _ProblemError(f"extmap id {identity} is {'reserved' if identity == 0 else 'used twice'}")
    section.extensions[identity] = Extmap(identity, uri, cast("Direction", direction or "sendrecv"))


def _rid(section: _Section, value: str) -> None:
    _bounded(len(section.rids), MAX_RIDS, "rids")
    rid, direction = _match(RID_LINE, value, "rid").groups()
    _match(RID, rid, "rid")
    if rid in section.rids:
        raise _ProblemError(f"rid {rid!r} is used twice")
    if direction == "send":
        section.rids.append(rid)


def _simulcast(section: _Section, value: str) -> None:
    first, streams, second, others = _match(SIMULCAST, value, "simulcast").groups()
    chosen = streams if first == "send" else others if second == "send" else None
    if chosen is None:
        return
    # `~` marks a paused encoding, `,` alternatives of which the first is best (RFC 8853 §5.1).
    rids = [stream.split(",")[0].removeprefix("~") for stream in chosen.split(";")]
    if len(rids) > MAX_RIDS:
        raise _ProblemError(f"more than {MAX_RIDS} encodings")
    for rid in rids:
        _match(RID, rid, "rid")
    section.simulcast = rids


def _ssrc(section: _Section, value: str) -> None:
    number = _integer(_match(SSRC, value, "ssrc")[1], 0xFFFF_FFFF)
    if number not in section.ssrcs:
        _bounded(len(section.ssrcs), MAX_SSRCS, "SSRCs")
        section.ssrcs[number] = None


def _ssrc_group(section: _Section, value: str) -> None:
    semantics, members = _match(SSRC_GROUP, value, "ssrc-group").groups()
    if semantics != "FID":
        return
    _bounded(len(section.retransmits), MAX_SSRCS, "SSRC groups")
    ssrcs = [_integer(member, 0xFFFF_FFFF) for member in members.split()]
    if len(ssrcs) != 2 or ssrcs[0] == ssrcs[1]:
        raise _ProblemError("a FID group has two SSRCs")
    section.retransmits[ssrcs[0]] = ssrcs[1]


def _candidate(section: _Section, value: str) -> None:
    """Checked and counted only: an ICE-lite node sends no checks, so it has no use for the client's candidates."""
    _bounded(section.candidates, MAX_CANDIDATES, "candidates")
    match = _match(CANDIDATE, value, "candidate")
    _integer(match[6], 65_535)
    _match(HOST, match[5].partition("%")[0], "candidate address")
    section.candidates += 1


def _direction(direction: Direction) -> "Callable[[_Section, str], None]":
    def read(section: _Section, _value: str) -> None:
        section.direction = direction

    return read


def _bundle_only(section: _Section, _value: str) -> None:
    section.bundle_only = True


def _rtcp_mux(section: _Section, _value: str) -> None:
    section.rtcp_mux = True


def _rtcp_rsize(section: _Section, _value: str) -> None:
    section.rtcp_rsize = True


ATTRIBUTES: Final[Mapping[str, Callable[[_Section, str], None]]] = {
    "mid": _mid,
    "ice-ufrag": _ufrag,
    "ice-pwd": _password,
    "setup": _setup,
    "fingerprint": _fingerprint,
    "group": _group,
    "rtpmap": _rtpmap,
    "fmtp": _fmtp,
    "rtcp-fb": _rtcp_fb,
    "extmap": _extmap,
    "rid": _rid,
    "simulcast": _simulcast,
    "ssrc": _ssrc,
    "ssrc-group": _ssrc_group,
    "candidate": _candidate,
    "sendrecv": _direction("sendrecv"),
    "sendonly": _direction("sendonly"),
    "recvonly": _direction("recvonly"),
    "inactive": _direction("inactive"),
    "bundle-only": _bundle_only,
    "rtcp-mux": _rtcp_mux,
    "rtcp-rsize": _rtcp_rsize,
}


def _read_attribute(section: _Section, value: str) -> None:
    name, _, rest = value.partition(":")
    reader = ATTRIBUTES.get(name)
    if reader is not None:
        reader(section, rest)
    elif not TOKEN.fullmatch(name):
        raise _ProblemError(f"malformed attribute {value[:60]!r}")


# From sections to values.


def _media_line(section: _Section, session: _Section, index: int) -> MediaLine:
    if section.mid is None and index > 0:
        raise MalformedSdp(section.number, "this m-line has no a=mid")
    return MediaLine(
        number=section.number,
        kind=section.kind,
        protocol=section.protocol,
        formats=section.formats,
        mid=section.mid or "0",
        direction=section.direction or session.direction or "sendrecv",
        stopped=section.port == 0 and not section.bundle_only,
        rtcp_mux=section.rtcp_mux,
        rtcp_rsize=section.rtcp_rsize,
        payloads=_payloads(section) if _is_rtp(section) else (),
        extensions=tuple({**session.extensions, **section.extensions}.values()),
        rids=_simulcast_rids(section),
        ssrcs=tuple(section.ssrcs),
        retransmits=dict(section.retransmits),
    )


def _payloads(section: _Section) -> tuple[Payload, ...]:
    feedback: dict[str, set[str]] = {}
    for number, kind in section.feedback:
        feedback.setdefault(number, set()).add(kind)
    everywhere = feedback.get("*", set())
    numbers = dict.fromkeys(int(text) for text in section.formats)
    return tuple(
        Payload(
            number,
            *section.rtpmaps[number],
            parameters=section.fmtps.get(number, ""),
            feedback=frozenset(feedback.get(str(number), set()) | everywhere),
        )
        for number in numbers
        if number in section.rtpmaps
    )


def _simulcast_rids(section: _Section) -> tuple[str, ...]:
    if section.simulcast is None:
        return ()
    known = set(section.rids)
    return tuple(rid for rid in dict.fromkeys(section.simulcast) if rid in known)


def _offer(session: _Section, media: list[_Section], lines: tuple[MediaLine, ...]) -> Offer:
    bundle = _bundle(session, lines)
    carrier = _carrier(media, lines, bundle)
    _check_extension_ids(media, lines, bundle)
    ufrag, password = carrier.ufrag or session.ufrag, carrier.password or session.password
    if ufrag is None or password is None:
        raise MalformedSdp(carrier.number, "no a=ice-ufrag and a=ice-pwd")
    fingerprints = carrier.fingerprints or session.fingerprints
    if not fingerprints:
        raise MalformedSdp(carrier.number, f"no a=fingerprint with one of {', '.join(DIGEST_OCTETS)}")
    return Offer(media=lines, bundle=bundle, ice=IceCredentials(ufrag, password), fingerprints=tuple(fingerprints))


def _bundle(session: _Section, lines: tuple[MediaLine, ...]) -> frozenset[str]:
    """Mids on the one transport; without a group that is the first m-line alone (RFC 9143 §7.3)."""
    if session.bundle is None:
        return frozenset({lines[0].mid})
    mids = {line.mid for line in lines}
    for mid in session.bundle:
        if mid not in mids:
            raise MalformedSdp(session.number, f"the BUNDLE group names mid {mid[:20]!r}, which no m-line has")
    return frozenset(session.bundle)


def _carrier(media: list[_Section], lines: tuple[MediaLine, ...], bundle: frozenset[str]) -> _Section:
    """The m-line whose transport attributes count: the first bundled one that is in use."""
    for section, line in zip(media, lines, strict=True):
        if line.mid in bundle and not line.stopped:
            return section
    return media[0]


def _check_extension_ids(media: list[_Section], lines: tuple[MediaLine, ...], bundle: frozenset[str]) -> None:
    """One id means one extension in the whole bundle (RFC 9143 §9.1)."""
    uris: dict[int, str] = {}
    for section, line in zip(media, lines, strict=True):
        for extension in section.extensions.values() if line.mid in bundle and not line.stopped else ():
            if uris.setdefault(extension.id, extension.uri) != extension.uri:
                raise MalformedSdp(section.number, f"extmap id {extension.id} has another meaning in this m-line")
