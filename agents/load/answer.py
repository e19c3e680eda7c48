"""What a server's SDP answer says, read for what an endpoint needs of it.

door -> **answer** -> endpoint (where to connect, with whom), tracks (what is sent and received)

The lines are read by the node's own readers (`sfu/sdp/`), which trust nothing; what only answers have is read here:
candidates, the passive side of DTLS, the encodings that the server takes.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from agents.load.errors import AnswerError
from sfu.errors import BadRequest
from sfu.sdp.lines import Line, split
from sfu.sdp.sections import (
    CANDIDATE,
    MAX_CANDIDATES,
    MAX_MEDIA_LINES,
    ProblemError,
    Section,
    read_attribute,
    start_media,
)
from sfu.sdp.values import Extmap, Fingerprint, IceCredentials

SIMULCAST_TAKEN = re.compile(r"recv (\S{1,128})(?: send \S+)?")
HIGHEST_PORT: Final = 65_535
RTP_COMPONENT: Final = 1


@dataclass(frozen=True, slots=True)
class IceCandidate:
    """An address at which the server says it can be reached over UDP."""

    host: str
    port: int
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredCodec:
    """One payload type that the server takes, or will send."""

    payload_type: int
    name: str
    clock_rate: int
    feedback: frozenset[str]
    rtx_payload_type: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredLine:
    """One m-line."""

    mid: str
    kind: str
    accepted: bool
    """Port 0 refuses it (RFC 3264 §6)."""
    direction: str
    codecs: tuple[AnsweredCodec, ...]
    extensions: tuple[Extmap, ...]
    ssrc: int | None
    rtx_ssrc: int | None
    rids: tuple[str, ...]
    """Encodings that the server takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer."""

    ice: IceCredentials
    fingerprints: tuple[Fingerprint, ...]
    candidates: tuple[IceCandidate, ...]
    lines: Mapping[str, AnsweredLine]
    """By mid."""

    def candidate(self, near: str) -> IceCandidate:
        """Where to connect: the host of the server's URL if it is among the candidates, else the most preferred.

        Of a server on this machine that is the loopback address, where packets cost the least; IPv4 before IPv6.
        """
        local = _is_loopback(near)
        return max(
            self.candidates,
            key=lambda one: (one.host == near, local and _is_loopback(one.host), ":" not in one.host, one.priority),
        )


@dataclass(slots=True)
class _Reading:
    """The answer while it is read: sections, and beside each what only answers have."""

    session: Section = field(default_factory=lambda: Section(1))
    media: list[Section] = field(default_factory=list)
    candidates: list[IceCandidate] = field(default_factory=list)
    taken: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """RIDs that the server takes, by the number of the m-line."""


def read_answer(text: str) -> Answer:
    """Read an answer; AnswerError names the line that is wrong, or what is missing."""
    reading = _Reading()
    try:
        for line in itertools.chain.from_iterable(rows.read() for rows in split(text)):
            _read(reading, line)
    except BadRequest as problem:
        raise AnswerError(f"the server's answer: {problem}") from None
    return _answer(reading)


def _read(reading: _Reading, line: Line) -> None:
    try:
        if line.type == "m":
            _media(reading, line)
        elif line.type == "a":
            _attribute(reading, line.value)
    except ProblemError as problem:
        raise AnswerError(f"the server's answer: sdp line {line.number}: {problem}") from None


def _media(reading: _Reading, line: Line) -> None:
    if len(reading.media) >= MAX_MEDIA_LINES:
        raise ProblemError(f"more than {MAX_MEDIA_LINES} m-lines")
    reading.media.append(start_media(line))


def _attribute(reading: _Reading, value: str) -> None:
    name, _, rest = value.partition(":")
    if name == "candidate":
        _candidate(reading, rest)
    elif name == "setup":
        _setup(rest)
    elif name == "simulcast":
        _simulcast(reading, rest)
    else:
        read_attribute(reading.media[-1] if reading.media else reading.session, value)


def _candidate(reading: _Reading, value: str) -> None:
    """UDP addresses are kept; names (mDNS) and TCP are passed over."""
    match = CANDIDATE.fullmatch(value)
    if match is None:
        raise ProblemError(f"malformed candidate: {value[:60]!r}")
    _foundation, component, transport, priority, host, port, _type = match.groups()
    if transport.lower() != "udp" or int(component) != RTP_COMPONENT or not 0 < int(port) <= HIGHEST_PORT:
        return
    one = IceCandidate(host, int(port), int(priority))
    if _is_address(host) and one not in reading.candidates and len(reading.candidates) < MAX_CANDIDATES:
        reading.candidates.append(one)


def _setup(value: str) -> None:
    if value != "passive":
        raise ProblemError(f"setup {value[:20]}: the offer said active, so the answer has to be passive")


def _simulcast(reading: _Reading, value: str) -> None:
    match = SIMULCAST_TAKEN.fullmatch(value)
    if match is None or not reading.media:
        return
    rids = (stream.split(",")[0].removeprefix("~") for stream in match[1].split(";"))
    reading.taken[len(reading.media)] = tuple(dict.fromkeys(rids))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


# From sections to values.


def _answer(reading: _Reading) -> Answer:
    sections = [reading.session, *(section for section in reading.media if section.port != 0)]
    ufrag = next((section.ufrag for section in sections if section.ufrag), None)
    password = next((section.password for section in sections if section.password), None)
    fingerprints = next((section.fingerprints for section in sections if section.fingerprints), None)
    if len(sections) == 1:
        raise AnswerError("the server's answer refuses every m-line of the offer")
    if ufrag is None or password is None:
        raise AnswerError("the server's answer has no a=ice-ufrag and a=ice-pwd")
    if fingerprints is None:
        raise AnswerError("the server's answer has no a=fingerprint")
    if not reading.candidates:
        raise AnswerError("the server's answer has no a=candidate with a UDP address")
    lines = [_line(section, index, reading) for index, section in enumerate(reading.media, start=1)]
    return Answer(
        ice=IceCredentials(ufrag, password),
        fingerprints=tuple(fingerprints),
        candidates=tuple(reading.candidates),
        lines={line.mid: line for line in lines},
    )


def _line(section: Section, index: int, reading: _Reading) -> AnsweredLine:
    repairs = set(section.retransmits.values())
    first = next((ssrc for ssrc in section.ssrcs if ssrc not in repairs), None)
    return AnsweredLine(
        mid=section.mid or str(index - 1),
        kind=section.kind,
        accepted=section.port != 0,
        direction=section.direction or reading.session.direction or "sendrecv",
        codecs=_codecs(section) if section.is_rtp else (),
        extensions=tuple({**reading.session.extensions, **section.extensions}.values()),
        ssrc=first,
        rtx_ssrc=section.retransmits.get(first) if first is not None else None,
        rids=reading.taken.get(index, ()),
    )


def _codecs(section: Section) -> tuple[AnsweredCodec, ...]:
    feedback: dict[str, set[str]] = {}
    for number, kind in section.feedback:
        feedback.setdefault(number, set()).add(kind)
    repaired = _repaired(section)
    types = dict.fromkeys(int(text) for text in section.formats)
    return tuple(
        AnsweredCodec(
            payload_type=number,
            name=section.rtpmaps[number][0].lower(),
            clock_rate=section.rtpmaps[number][1],
            feedback=frozenset(feedback.get(str(number), set()) | feedback.get("*", set())),
            rtx_payload_type=repaired.get(number),
        )
        for number in types
        if number in section.rtpmaps and section.rtpmaps[number][0].lower() != "rtx"
    )


def _repaired(section: Section) -> dict[int, int]:
    """Payload type -> payload type of its retransmissions (RFC 4588 §8.6)."""
    found: dict[int, int] = {}
    for number, (name, _, _) in section.rtpmaps.items():
        match = (
            re.search(r"(?:^|;)\s*apt=([0-9]{1,3})\b", section.fmtps.get(number, "")) if name.lower() == "rtx" else None
        )
        if match is not None:
            found[int(match[1])] = number
    return found
