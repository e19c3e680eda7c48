"""The shapes of m-lines, each read once for all clients that say the same.

lines -> **shapes** (sections: what each line says) -> offer

Two offers of one browser differ in names, keys and addresses: a dozen lines of a thousand.  The rest of an m-line is
its shape, and that of four seats is one.  So a join reads what is its own, and keeps no more than that.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sfu.errors import MalformedSdp
from sfu.sdp.lines import Rows, read_line
from sfu.sdp.sections import MAX_PORT, Section, read_rest, start_media
from sfu.sdp.values import Direction, Extmap, Payload, Shape

MAX_SHAPES = 256
"""Kept; the ones not asked for longest go first.  A browser has about six, and each takes some 30 KiB."""
MAX_SHAPE_CHARS = 16_384
"""A longer one is read and not kept; those of browsers have 4,000."""

OWN: Final = re.compile(
    r"\n(?:(a=(?:candidate|fingerprint|ice-pwd|ice-ufrag):[^\n]*)|((?:c=|a=(?:mid|msid|rtcp|ssrc|ssrc-group):)[^\n]*))"
)
"""Rows in which two clients differ though they can do the same: of the transport, and of the m-line itself."""
LOCATED: Final = re.compile(r"(m=[a-z]+) ([1-9][0-9]{0,4}) ")
DISCARD_PORT: Final = 9
"""Stands for every port but 0, which has a meaning (RFC 8839 §4.1.1 uses it in the same way)."""


@dataclass(frozen=True, slots=True)
class Described:
    """An m-line as it was read, in three parts."""

    own: Section
    """What it says of itself alone."""
    transport: Section
    shape: Shape


class SectionReader:
    """Reads the m-lines of one offer; in all of them the transport is usually the same, and then it is read once."""

    def __init__(self, session: Section) -> None:
        self._session = session
        self._transports: dict[tuple[str, ...], Section] = {}

    def read(self, rows: Rows) -> Described:
        """An m-line; MalformedSdp names the first line that is wrong."""
        try:
            return self._read(rows)
        except MalformedSdp:
            _read_whole(rows)  # so that the first that is wrong is named, by its number
            raise

    def _read(self, rows: Rows) -> Described:
        parts = OWN.split(rows.text)  # what is common, a row of the transport or None, a row of its own or None, ...
        transport = tuple(filter(None, parts[1::3]))
        if transport not in self._transports:
            self._transports[transport] = _read_rows(rows.number, transport)
        own = _read_rows(rows.number, filter(None, parts[2::3]))
        return Described(own, self._transports[transport], _shape(_located(parts[::3]), self._session))


def _read_whole(rows: Rows) -> None:
    lines = rows.read()
    section = start_media(next(lines))
    read_rest(section, lines)


def _read_rows(number: int, rows: Iterable[str]) -> Section:
    section = Section(number)
    read_rest(section, (read_line(number + 1, row) for row in rows))
    return section


def _located(common: list[str]) -> str:
    """The common part with the port that stands for all."""
    text = "".join(common)
    match = LOCATED.match(text)
    return f"{match[1]} {DISCARD_PORT} {text[match.end() :]}" if match and int(match[2]) <= MAX_PORT else text


def _shape(text: str, session: Section) -> Shape:
    read = _read if len(text) <= MAX_SHAPE_CHARS else _read.__wrapped__
    return read(text, session.direction, tuple(session.extensions.values()))


@lru_cache(MAX_SHAPES)
def _read(text: str, direction: Direction | None, extensions: tuple[Extmap, ...]) -> Shape:
    """A shape, with what the session says for all m-lines."""
    lines = Rows(2, text).read()  # 2: the text begins in the middle, and not with v=0
    section = start_media(next(lines))
    read_rest(section, lines)
    return Shape(
        kind=section.kind,
        protocol=section.protocol,
        formats=section.formats,
        direction=section.direction or direction or "sendrecv",
        stopped=section.port == 0 and not section.bundle_only,
        rtcp_mux=section.rtcp_mux,
        rtcp_rsize=section.rtcp_rsize,
        extmap_allow_mixed=section.extmap_allow_mixed,
        payloads=_payloads(section) if section.is_rtp else (),
        extensions=tuple({**{one.id: one for one in extensions}, **section.extensions}.values()),
        rids=_simulcast_rids(section),
    )


def _payloads(section: Section) -> tuple[Payload, ...]:
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


def _simulcast_rids(section: Section) -> tuple[str, ...]:
    if section.simulcast is None:
        return ()
    known = set(section.rids)
    return tuple(rid for rid in dict.fromkeys(section.simulcast) if rid in known)
