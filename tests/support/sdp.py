"""Recorded offers, and the node's half of an answer for tests that need no node."""

import itertools
from collections.abc import Callable
from pathlib import Path

from sfu.sdp.agreement import Agreement, agree
from sfu.sdp.answer import Candidate, Local, write_answer
from sfu.sdp.offer import parse_offer
from sfu.sdp.values import Fingerprint, IceCredentials

VECTORS = sorted((Path(__file__).parent.parent / "vectors" / "sdp").glob("*.sdp"))

LOCAL = Local(
    session=7,
    version=1,
    ice=IceCredentials("u" * 12, "p" * 32),
    fingerprint=Fingerprint("sha-256", ":".join(["AB"] * 32)),
    candidates=(Candidate("192.0.2.7", 40_000), Candidate("127.0.0.1", 40_000)),
)


def vector(name: str) -> str:
    """One recorded offer, with the line ends it had."""
    return next(path for path in VECTORS if path.stem == name).read_bytes().decode()


def ssrcs() -> Callable[[], int]:
    """SSRCs that are easy to recognise: 1001, 1002, ..."""
    return itertools.count(1001).__next__


def agreed(text: str, before: Agreement | None = None, new_ssrc: Callable[[], int] | None = None) -> Agreement:
    """The agreement on an offer's text."""
    return agree(parse_offer(text), before, new_ssrc or ssrcs())


def answered(text: str) -> str:
    """The answer to an offer's text."""
    return write_answer(agreed(text), LOCAL)


def sections(sdp: str) -> list[list[str]]:
    """The lines of the session and of each m-line."""
    found: list[list[str]] = [[]]
    for line in sdp.splitlines():
        if line.startswith("m="):
            found.append([])
        found[-1].append(line)
    return found
