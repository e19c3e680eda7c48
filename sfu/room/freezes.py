"""How long the pictures of a track stood still between two looks.

numbers (core, every 2 s) -> **freezes** -> sampling -> perceived, metrics
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

from sfu.room.numbers import LayerNumbers


class Grown(NamedTuple):
    """What came between two looks."""

    ended: int
    """Freezes of all layers."""
    frozen_s: Sequence[float]
    """How long each layer stood still."""


class Freezes(NamedTuple):
    """Of each layer of one track, since its start."""

    counts: Sequence[int]
    frozen_ms: Sequence[float]

    @classmethod
    def of(cls, layers: Sequence[LayerNumbers], *, may_rest: bool) -> Self:
        """A picture that stands still now counts before it moves again, unless its source may rest."""
        frozen_ms = [layer.frozen_ms + (0.0 if may_rest else layer.standing_ms) for layer in layers]
        return cls([layer.freezes for layer in layers], frozen_ms)

    def since(self, before: Self | None) -> Grown:
        """A track that is new, or has other layers now, begins anew.

        A pause that has turned out to be its source's own brings nothing more.
        """
        if before is None or len(before.counts) != len(self.counts):
            return Grown(0, [0.0] * len(self.counts))
        ended = sum(max(0, after - then) for after, then in zip(self.counts, before.counts, strict=True))
        frozen_ms = zip(self.frozen_ms, before.frozen_ms, strict=True)
        return Grown(ended, [max(0.0, after - then) / 1_000 for after, then in frozen_ms])
