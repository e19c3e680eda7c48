"""The sections of a client's offer, and what each line says of the section it stands in.

lines -> **sections** -> shapes, offer -> agreement

Attributes that we lean on are read strictly: one that is malformed is a problem.  The others are left alone, as
RFC 8866 §5.13 asks.  Text stays text (a mid of `007` is not the number 7).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from sfu.errors import MalformedSdp
from sfu.sdp.lines import Line
from sfu.sdp.values import Direction, Extmap, Fingerprint

MAX_MEDIA_LINES = 160
"""Two a seat for 64 seats, and what a client publishes."""
MAX_PORT = 65_535
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


@dataclass(slots=True)
class Section:
    """A session or media section while it is read; the fields are what stands in it."""

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
    extmap_allow_mixed: bool = False
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

    @property
    def is_rtp(self) -> bool:
        """Whether its formats are payload types."""
        return self.kind in ("audio", "video") and "RTP/" in self.protocol


class ProblemError(ValueError):
    """Something wrong with the value of the line at hand."""


def start_media(line: Line) -> Section:
    """The section that an m-line begins; MalformedSdp says what is wrong with it."""
    try:
        return _start_media(line)
    except ProblemError as problem:
        raise MalformedSdp(line.number, str(problem)) from None


def _start_media(line: Line) -> Section:
    match = MEDIA.fullmatch(line.value)
    if match is None:
        raise ProblemError(f"malformed m-line {line.value[:60]!r}")
    kind, port, protocol, formats = match.groups()
    section = Section(line.number, kind, _integer(port, MAX_PORT), protocol, tuple(formats.split()))
    if len(section.formats) > MAX_PAYLOADS:
        raise ProblemError(f"more than {MAX_PAYLOADS} formats")
    if section.is_rtp and not all(_is_payload_type(text) for text in section.formats):
        raise ProblemError("a payload type is not a number from 0 to 127")
    return section


def _is_payload_type(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 127


def _integer(text: str, maximum: int) -> int:
    value = int(text)
    if value > maximum:
        raise ProblemError(f"{value} is above {maximum}")
    return value


# One reader an attribute; each takes the section it stands in and its value.


def _match(pattern: re.Pattern[str], value: str, what: str) -> re.Match[str]:
    match = pattern.fullmatch(value)
    if match is None:
        raise ProblemError(f"malformed {what}: {value[:60]!r}")
    return match


def _bounded(size: int, maximum: int, what: str) -> None:
    if size >= maximum:
        raise ProblemError(f"more than {maximum} {what}")


def _mid(section: Section, value: str) -> None:
    section.mid = _match(MID, value, "mid").group()


def _ufrag(section: Section, value: str) -> None:
    if not 4 <= len(value) <= 256:
        raise ProblemError("an ICE ufrag has 4 to 256 characters")
    section.ufrag = _match(ICE_CHARS, value, "ICE ufrag").group()


def _password(section: Section, value: str) -> None:
    if not 22 <= len(value) <= 256:
        raise ProblemError("an ICE password has 22 to 256 characters")
    section.password = _match(ICE_CHARS, value, "ICE password").group()


def _setup(section: Section, value: str) -> None:
    if value not in ("actpass", "active", "passive", "holdconn"):
        raise ProblemError(f"unknown setup {value[:20]!r}")
    if value in ("passive", "holdconn"):
        raise ProblemError(f"setup {value}: the client has to be able to start DTLS")
    section.setup = value


def _fingerprint(section: Section, value: str) -> None:
    _bounded(len(section.fingerprints), MAX_FINGERPRINTS, "fingerprints")
    algorithm, digest = _match(FINGERPRINT, value, "fingerprint").groups()
    octets = DIGEST_OCTETS.get(algorithm.lower())
    if octets is None:
        return
    if len(digest) != octets * 3 - 1:
        raise ProblemError(f"a {algorithm} fingerprint has {octets} octets")
    section.fingerprints.append(Fingerprint(algorithm.lower(), digest.upper()))


def _group(section: Section, value: str) -> None:
    semantics, *mids = value.split(" ")
    if semantics != "BUNDLE":
        return
    if section.kind:
        raise ProblemError("a=group stands before the first m-line")
    if len(mids) > MAX_MEDIA_LINES:
        raise ProblemError(f"more than {MAX_MEDIA_LINES} mids")
    section.bundle = mids


def _rtpmap(section: Section, value: str) -> None:
    _bounded(len(section.rtpmaps), MAX_PAYLOADS, "rtpmaps")
    number, name, rate, channels = _match(RTPMAP, value, "rtpmap").groups()
    section.rtpmaps[_integer(number, 127)] = (name, int(rate), int(channels or "1"))


def _fmtp(section: Section, value: str) -> None:
    _bounded(len(section.fmtps), MAX_PAYLOADS, "fmtp lines")
    number, parameters = _match(FMTP, value, "fmtp").groups()
    section.fmtps[_integer(number, 127)] = parameters


def _rtcp_fb(section: Section, value: str) -> None:
    _bounded(len(section.feedback), MAX_PAYLOADS * 8, "rtcp-fb lines")
    number, kind = _match(RTCP_FB, value, "rtcp-fb").groups()
    section.feedback.append((number, kind))


def _extmap(section: Section, value: str) -> None:
    _bounded(len(section.extensions), MAX_EXTENSIONS, "extmaps")
    number, direction, uri = _match(EXTMAP, value, "extmap").groups()
    identity = _integer(number, 4_351)  # 4096..4351 are placeholders (RFC 8285 §6)
    if identity == 0 or identity in section.extensions:
        raise ProblemError(f"extmap id {identity} is {'reserved' if identity == 0 else 'used twice'}")
    section.extensions[identity] = Extmap(identity, uri, cast("Direction", direction or "sendrecv"))


def _rid(section: Section, value: str) -> None:
    _bounded(len(section.rids), MAX_RIDS, "rids")
    rid, direction = _match(RID_LINE, value, "rid").groups()
    _match(RID, rid, "rid")
    if rid in section.rids:
        raise ProblemError(f"rid {rid!r} is used twice")
    if direction == "send":
        section.rids.append(rid)


def _simulcast(section: Section, value: str) -> None:
    first, streams, second, others = _match(SIMULCAST, value, "simulcast").groups()
    chosen = streams if first == "send" else others if second == "send" else None
    if chosen is None:
        return
    # `~` marks a paused encoding, `,` alternatives of which the first is best (RFC 8853 §5.1).
    rids = [stream.split(",")[0].removeprefix("~") for stream in chosen.split(";")]
    if len(rids) > MAX_RIDS:
        raise ProblemError(f"more than {MAX_RIDS} encodings")
    for rid in rids:
        _match(RID, rid, "rid")
    section.simulcast = rids


def _ssrc(section: Section, value: str) -> None:
    number = _integer(_match(SSRC, value, "ssrc")[1], 0xFFFF_FFFF)
    if number not in section.ssrcs:
        _bounded(len(section.ssrcs), MAX_SSRCS, "SSRCs")
        section.ssrcs[number] = None


def _ssrc_group(section: Section, value: str) -> None:
    semantics, members = _match(SSRC_GROUP, value, "ssrc-group").groups()
    if semantics != "FID":
        return
    _bounded(len(section.retransmits), MAX_SSRCS, "SSRC groups")
    ssrcs = [_integer(member, 0xFFFF_FFFF) for member in members.split()]
    if len(ssrcs) != 2 or ssrcs[0] == ssrcs[1]:
        raise ProblemError("a FID group has two SSRCs")
    section.retransmits[ssrcs[0]] = ssrcs[1]


def _candidate(section: Section, value: str) -> None:
    """Checked and counted only: an ICE-lite node sends no checks, so it has no use for the client's candidates."""
    _bounded(section.candidates, MAX_CANDIDATES, "candidates")
    match = _match(CANDIDATE, value, "candidate")
    _integer(match[6], MAX_PORT)
    _match(HOST, match[5].partition("%")[0], "candidate address")
    section.candidates += 1


def _direction(direction: Direction) -> Callable[[Section, str], None]:
    def read(section: Section, _value: str) -> None:
        section.direction = direction

    return read


def _bundle_only(section: Section, _value: str) -> None:
    section.bundle_only = True


def _rtcp_mux(section: Section, _value: str) -> None:
    section.rtcp_mux = True


def _rtcp_rsize(section: Section, _value: str) -> None:
    section.rtcp_rsize = True


def _extmap_allow_mixed(section: Section, _value: str) -> None:
    section.extmap_allow_mixed = True


ATTRIBUTES: Final[Mapping[str, Callable[[Section, str], None]]] = {
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
    "extmap-allow-mixed": _extmap_allow_mixed,
}


def read_rest(section: Section, lines: Iterable[Line]) -> None:
    """Note what the lines of a section say of it; MalformedSdp names the first that is wrong."""
    for line in lines:
        try:
            if line.type == "a":
                read_attribute(section, line.value)
            elif line.type == "o":
                _match(ORIGIN, line.value, "origin")
        except ProblemError as problem:
            raise MalformedSdp(line.number, str(problem)) from None


def read_attribute(section: Section, value: str) -> None:
    """Note what an attribute says of the section it stands in; ProblemError says what is wrong with it."""
    name, _, rest = value.partition(":")
    reader = ATTRIBUTES.get(name)
    if reader is not None:
        reader(section, rest)
    elif not TOKEN.fullmatch(name):
        raise ProblemError(f"malformed attribute {value[:60]!r}")
