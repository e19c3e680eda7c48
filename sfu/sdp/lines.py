"""The first look at untrusted SDP: is every line a line of SDP, and is there no more of it than we read?

text -> **lines** -> shapes, offer

Everything after this file may take for granted that a line is `<letter>=<value>`, printable and short.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sfu.errors import BadRequest, MalformedSdp

MAX_SDP_BYTES = 512 * 1024
"""An offer with 64 seats is about 400 kB in Chromium (6.1 kB a seat)."""
MAX_LINES = 24_000
MAX_LINE_CHARS = 4_096
LINE_TYPES = frozenset("vosiuepcbtrzkam")  # RFC 8866 §5


@dataclass(frozen=True, slots=True)
class Line:
    """One line, with the number a person would count."""

    number: int
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of the session, or of one m-line, as they stand in the text; `number` is the first one's."""

    number: int
    text: str

    def read(self) -> Iterator[Line]:
        """The lines; refuses the first that is none."""
        return (read_line(number, row) for number, row in enumerate(self.text.split("\n"), start=self.number))


def split(text: str) -> Iterator[Rows]:
    """The session's rows, then those of each m-line; refuses what is too long to be looked at."""
    if not text:
        raise MalformedSdp(1, "empty description")
    if len(text) > MAX_SDP_BYTES:
        raise BadRequest(f"sdp is longer than {MAX_SDP_BYTES} bytes")
    text = text.removesuffix("\n")
    if text.count("\n") >= MAX_LINES:
        raise MalformedSdp(MAX_LINES + 1, f"more than {MAX_LINES} lines")
    number = 1
    for index, part in enumerate(text.split("\nm=")):
        yield Rows(number, part if index == 0 else f"m={part}")
        number += part.count("\n") + 1


def read_line(number: int, row: str) -> Line:
    """One row as a line; refuses what is no SDP (RFC 8866 §5, §9)."""
    row = row.removesuffix("\r")
    if len(row) > MAX_LINE_CHARS:
        raise MalformedSdp(number, f"longer than {MAX_LINE_CHARS} characters")
    if len(row) < 2 or row[1] != "=" or row[0] not in LINE_TYPES:
        raise MalformedSdp(number, f"not of the form <type>=<value>: {row[:40]!r}")
    if not row.isprintable():
        raise MalformedSdp(number, "control characters")
    if number == 1 and row != "v=0":
        raise MalformedSdp(number, f"a description starts with v=0, not {row[:40]!r}")
    return Line(number, row[0], row[2:])
