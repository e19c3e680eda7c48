"""A description in which one address takes the place of every candidate: whoever reads it sends there.

answer -> **sdp** -> client -> relay

`browser.py` does the same in a page.
"""

from __future__ import annotations

from typing import Final

Address = tuple[str, int]

CANDIDATE: Final = "a=candidate:1 1 udp 2122260223 {} {} typ host"
AFTER: Final = "a=ice-pwd:"
"""Where an m-line's candidate is put: each that has a transport has this."""


def through(sdp: str, relay: Address) -> str:
    """The description with `relay` as the only candidate of each m-line that has a transport."""
    rows: list[str] = []
    for row in sdp.split("\r\n"):
        if row.startswith(("a=candidate:", "a=end-of-candidates")):
            continue
        rows.append(_moved(row, relay))
        if row.startswith(AFTER):
            rows += [CANDIDATE.format(*relay), "a=end-of-candidates"]
    return "\r\n".join(rows)


def _moved(row: str, relay: Address) -> str:
    """An m-line's port, but 0 (refused) and 9 (none yet), and a c-line's address."""
    host, port = relay
    if row.startswith("m="):
        kind, old, *rest = row.split(" ")
        return " ".join([kind, old if old in ("0", "9") else str(port), *rest])
    if row.startswith("c=IN ") and not row.endswith(" 0.0.0.0"):
        return f"c=IN IP4 {host}"
    return row
