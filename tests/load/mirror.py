"""Janus offers to whoever watches, and so does a WHEP client: two answers made out of two offers.  No I/O.

WHEP offer + Janus' offer -> **mirror** -> answer to the client, answer to Janus

The i-th audio of Janus goes to the i-th audio m-line of the client, video likewise.  What both must have (codecs,
feedback, header extensions) is what both offered, with Janus' payload types: it always offers the same ones, and keeps
to them.  The rest of an m-line is what the other side offered.  Janus is ICE-lite and the passive side of DTLS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import sdp_transform

from tests.load.adapter import Refused

Sdp = dict[str, Any]

OF_A_TRANSPORT = ("iceUfrag", "icePwd", "iceOptions", "candidates", "endOfCandidates")
OF_A_SOURCE = ("ssrcs", "ssrcGroups", "msid")
FINGERPRINT = re.compile(r"^a=fingerprint:(sha-256) (\S+)", re.MULTILINE | re.IGNORECASE)
"""The one of RFC 8122's hash functions that everybody has; Janus knows no longer ones."""
UNUSED_PORT = 9
"""In an m-line whose address the ICE candidates say (RFC 8829 §5.2.1)."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What each side is answered."""

    client: str
    janus: str


def count(offer: str) -> dict[str, int]:
    """How many m-lines of each kind an offer has."""
    kinds = [media["type"] for media in _parse(offer)["media"]]
    return {kind: kinds.count(kind) for kind in ("audio", "video")}


def passive(offer: str) -> str:
    """The offer with its maker as the active side of DTLS, so that whoever answers is passive (RFC 5763 §5)."""
    return offer.replace("a=setup:actpass", "a=setup:active")


def mirrored(client: str, janus: str) -> Answers:
    """Both answers; raises Refused where Janus offers what the client did not ask for."""
    theirs, ours = _parse(client), _parse(janus)
    pairs = [(yours, mine, _common(yours, mine)) for yours, mine in _paired(theirs["media"], ours["media"])]
    to_janus = [_answered(mine, common, by=yours, of=theirs, setup="active") for yours, mine, common in pairs]
    sent = {yours["mid"]: _answered(yours, common, by=mine, of=ours, setup="passive") for yours, mine, common in pairs}
    to_client = [sent.get(one["mid"]) or _inactive(one, ours) for one in theirs["media"]]
    return Answers(_session(ours, to_client), _session(theirs, to_janus))


def _parse(text: str) -> Sdp:
    parsed: Sdp = sdp_transform.parse(text)
    if (found := FINGERPRINT.search(text)) is None:
        raise Refused("an offer has no SHA-256 fingerprint")
    return parsed | {"fingerprint": {"type": found[1], "hash": found[2]}}


def _paired(theirs: list[Sdp], ours: list[Sdp]) -> list[tuple[Sdp, Sdp]]:
    """Client's and Janus' m-lines that belong together, in Janus' order."""
    free = {kind: [one for one in theirs if one["type"] == kind] for kind in ("audio", "video")}
    pairs = []
    for mine in ours:
        if not free.get(mine["type"]):
            raise Refused(f"no m-line for {mine['type']} {mine['mid']}")
        pairs.append((free[mine["type"]].pop(0), mine))
    return pairs


def _common(yours: Sdp, mine: Sdp) -> Sdp:
    """The codecs, feedback and header extensions of Janus' m-line that the client offered too."""
    names = {_codec(one) for one in yours["rtp"]}
    rtp = [one for one in mine["rtp"] if _codec(one) in names]
    if not rtp:
        raise Refused(f"the offer has none of the codecs of {mine['type']} {mine['mid']}")
    kept = {one["payload"] for one in rtp}
    feedback = {_feedback(one) for one in yours.get("rtcpFb", ())}
    extensions = {_extension(one) for one in yours.get("ext", ())}
    return {
        "payloads": " ".join(str(one["payload"]) for one in rtp),
        "rtp": rtp,
        "fmtp": [one for one in mine.get("fmtp", ()) if one["payload"] in kept],
        "rtcpFb": [one for one in mine.get("rtcpFb", ()) if one["payload"] in kept and _feedback(one) in feedback],
        "ext": [one for one in mine.get("ext", ()) if _extension(one) in extensions],
    }


def _codec(rtp: Sdp) -> tuple[str, int]:
    return str(rtp["codec"]).lower(), int(rtp["rate"])


def _feedback(one: Sdp) -> tuple[str, str | None]:
    return one["type"], one.get("subtype")


def _extension(one: Sdp) -> tuple[int, str]:
    """An id that means two things is used by neither side."""
    return one["value"], one["uri"]


def _answered(offered: Sdp, common: Sdp, *, by: Sdp, of: Sdp, setup: str) -> Sdp:
    """The answer to one offered m-line by another one, `by`, of the session `of`."""
    direction = "recvonly" if offered["direction"] == "sendonly" else "sendonly"
    source = {name: by[name] for name in OF_A_SOURCE if name in by and direction == "sendonly"}
    return _line(offered) | _transport(by, of) | common | source | {"direction": direction, "setup": setup}


def _inactive(offered: Sdp, ours: Sdp) -> Sdp:
    """The answer to an m-line on which nothing will come."""
    kept = {name: offered[name] for name in ("payloads", "rtp", "fmtp") if name in offered}
    return _line(offered) | _transport(ours["media"][0], ours) | kept | {"direction": "inactive", "setup": "passive"}


def _line(offered: Sdp) -> Sdp:
    """What every answer to it says."""
    kept = {name: offered[name] for name in ("type", "protocol", "mid")}
    return kept | {"port": UNUSED_PORT, "connection": {"version": 4, "ip": "0.0.0.0"}, "rtcpMux": "rtcp-mux"}


def _transport(media: Sdp, of: Sdp) -> Sdp:
    """ICE and DTLS of an m-line; attributes may stand in the session's part for all of them (RFC 8839 §5.4)."""
    found = {name: value for name in OF_A_TRANSPORT if (value := media.get(name, of.get(name)))}
    return found | {"fingerprint": of["fingerprint"]}


def _session(of: Sdp, media: list[Sdp]) -> str:
    """The session's lines around the m-lines."""
    lines = {
        "version": 0,
        "origin": of["origin"],
        "name": "-",
        "timing": {"start": 0, "stop": 0},
        "groups": [{"type": "BUNDLE", "mids": " ".join(str(one["mid"]) for one in media)}],
        "msidSemantic": {"semantic": "WMS", "token": "*"},
        "media": media,
    }
    text: str = sdp_transform.write(lines | ({"icelite": of["icelite"]} if "icelite" in of else {}))
    return text
