"""Whose microphones are heard: of many, only those of the few who speak now or spoke last.

core levels (20 a second) -> **voices** -> room: `Show` of a seat's sound, or of nothing

A room full of open microphones is a room full of noise, and each of them costs each receiver bandwidth.  Who begins to
speak is heard at the next look, long before he is told to be a speaker: a cough does no harm here.  Who speaks softly
is heard where fewer speak aloud, and before those who only spoke last.  Whose client tells no levels is always heard,
as nobody knows whether he speaks; he does not count.
"""

from collections.abc import Mapping, Sequence
from itertools import islice

from sfu.room.tracks import PeerId


class Voices:
    """Who is heard in one room; `most` at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heard: list[PeerId] = []
        """Who spoke last comes first."""
        self._silenced: frozenset[PeerId] = frozenset()

    def __bool__(self) -> bool:
        """Somebody is not heard."""
        return bool(self._silenced)

    def update(
        self, levels: Mapping[PeerId, int], loud: Sequence[PeerId], soft: Sequence[PeerId] = ()
    ) -> frozenset[PeerId] | None:
        """Whose microphones are not to be heard if that has changed, else None.

        `levels` are those of all open microphones, `loud` are who speaks now, the loudest first, and `soft` who may do
        so softly.
        """
        self._choose(levels, loud, soft)
        silenced = frozenset(levels.keys() - self._heard)
        if silenced == self._silenced:
            return None
        self._silenced = silenced
        return silenced

    def _choose(self, levels: Mapping[PeerId, int], loud: Sequence[PeerId], soft: Sequence[PeerId]) -> None:
        """Who speaks and was heard stays; then who speaks, softly then, who was heard last, and who came first."""
        here = [peer for peer in self._heard if peer in levels]
        speaking, softly = (sorted(those, key=lambda peer: peer not in here) for those in (loud, soft))
        self._heard = list(dict.fromkeys((*speaking, *softly, *here)))[: self._most]
        others = [peer for peer in islice(levels, 2 * self._most) if peer not in self._heard]
        self._heard += others[: self._most - len(self._heard)]
