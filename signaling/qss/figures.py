"""How a participant's media travels, in figures, as his node told it last.

node (`quality`) -> nodes/reports -> **figures** (kept with the room) -> SAPI

A list each, as there are many: the places are those of the fields.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Whole = Annotated[int, Meta(ge=0, le=10**9)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Way(Struct, frozen=True, array_like=True, order=True):
    """What goes from a participant to his node, or from there to him."""

    kbps: Whole
    loss: Share
    jitter_ms: Whole


class Figures(Struct, frozen=True, array_like=True, order=True):
    """Of one participant; None is not known."""

    rtt_ms: Whole | None
    estimate_kbps: Whole | None
    """What the path to him is thought to carry."""
    up: Way
    """What he sends, as it arrives at the node."""
    down: Way
    """What he is sent, as he reports it."""
