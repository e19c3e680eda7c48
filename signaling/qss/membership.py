"""How one user stands in a room's ACL, and what may change it.

    ABSENT ─── Invite ──▶ INVITED    he is rung
       ├────── Admit ───▶ MEMBER     he created the room, was added to it, or is being transferred to it
       └────── Find ────▶ UNSURE     a node tells of his grant after our restart: he was rung, or was in the call

    INVITED ── Accept ──▶ MEMBER     one of his devices won
       └────── Unask ───▶ ABSENT     the invitation asks him no more

    UNSURE ─── Arrive ──▶ MEMBER     his media is connected: he was in the call
       ├────── Act ─────▶ MEMBER     he calls or moves somebody to the room, so he knows of it
       ├────── Invite ──▶ INVITED    he may be rung again
       ├────── Admit ───▶ MEMBER
       └────── Depart ──▶ ABSENT

    MEMBER ─── Depart ──▶ ABSENT     he left, was removed, or moved to another room

Arrive and Act leave a member what he is; Arrive whoever is rung too, for connecting media is not an answer.  Whoever
is rung cannot depart: leaving or being removed is a verdict on the invitation (`inviting.py`), which then asks him no
more.
"""

from __future__ import annotations

import enum
from typing import Final


class Standing(enum.Enum):
    """How a user stands in the ACL."""

    ABSENT = "absent"  # not in it: no entry says so
    INVITED = "invited"  # his devices ring
    UNSURE = "unsure"  # found at a node after our restart without media
    MEMBER = "member"


class Passage(enum.Enum):
    """What may happen to it."""

    INVITE = "he is rung"
    ADMIT = "he is let in without being rung"
    FIND = "a node tells of his grant"
    ACCEPT = "one of his devices won"
    UNASK = "the invitation asks him no more"
    ARRIVE = "his media is connected"
    ACT = "he calls or moves somebody to the room"
    DEPART = "he left, was removed, or moved elsewhere"


# (standing, what happens) -> the standing that follows.  No row: refused, nothing changes.
TRANSITIONS: Final[dict[tuple[Standing, Passage], Standing]] = {
    (Standing.ABSENT, Passage.INVITE): Standing.INVITED,
    (Standing.ABSENT, Passage.ADMIT): Standing.MEMBER,
    (Standing.ABSENT, Passage.FIND): Standing.UNSURE,
    (Standing.INVITED, Passage.ACCEPT): Standing.MEMBER,
    (Standing.INVITED, Passage.UNASK): Standing.ABSENT,
    (Standing.INVITED, Passage.ARRIVE): Standing.INVITED,
    (Standing.UNSURE, Passage.ARRIVE): Standing.MEMBER,
    (Standing.UNSURE, Passage.ACT): Standing.MEMBER,
    (Standing.UNSURE, Passage.INVITE): Standing.INVITED,
    (Standing.UNSURE, Passage.ADMIT): Standing.MEMBER,
    (Standing.UNSURE, Passage.DEPART): Standing.ABSENT,
    (Standing.MEMBER, Passage.ARRIVE): Standing.MEMBER,
    (Standing.MEMBER, Passage.ACT): Standing.MEMBER,
    (Standing.MEMBER, Passage.DEPART): Standing.ABSENT,
}


def after(standing: Standing, step: Passage) -> Standing | None:
    """The standing after `step`, or None where the table refuses it."""
    return TRANSITIONS.get((standing, step))


def found(*, connected: bool) -> Standing:
    """How somebody stands of whose grant a node tells after our restart."""
    unsure = TRANSITIONS[Standing.ABSENT, Passage.FIND]
    return TRANSITIONS[unsure, Passage.ARRIVE] if connected else unsure
