"""How many packets a message of a node carries under full load.  A rule: it is told the counters now and then.

load -> **run_length** -> floor

While people come and go there is less to gather.  Such times must not count: the floor would be dearer by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FULL = 0.9
"""Times count in which at least this share of the largest number of packets left."""


@dataclass(slots=True)
class RunLengths:
    """Between one look at the counters and the next."""

    _last: tuple[int, int] | None = None
    _grown: list[tuple[int, int]] = field(default_factory=list)

    def note(self, counters: Mapping[str, int]) -> None:
        """The counters now; looks are equally far apart."""
        now = counters["datagrams_out"], counters["messages_out"]
        if self._last is not None:
            self._grown.append((now[0] - self._last[0], now[1] - self._last[1]))
        self._last = now

    @property
    def at_full_load(self) -> float:
        """Packets a message; 1 where nothing is known."""
        most = max((datagrams for datagrams, _ in self._grown), default=0)
        full = [grown for grown in self._grown if grown[0] >= FULL * most]
        messages = sum(messages for _, messages in full)
        return sum(datagrams for datagrams, _ in full) / messages if messages else 1.0
