"""What the engines counted, added up.

`_core.LoadSnapshot` -> **totals** -> report, seconds
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final

from agents.load.distribution import Distribution

if TYPE_CHECKING:
    from sfu._core import LoadSnapshot

DISTRIBUTIONS: Final = ("delay_us", "frame_delay_us", "late_us")


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over engines since their counts began; the names are `LoadSnapshot`'s."""

    packets_sent: int = 0
    octets_sent: int = 0
    packets_received: int = 0
    octets_received: int = 0
    expected: int = 0
    lost: int = 0
    recovered: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    corrupt: int = 0
    checked: int = 0
    replayed_or_forged: int = 0
    unmapped: int = 0
    keyframe_requests_sent: int = 0
    keyframe_requests_received: int = 0
    nacks_sent: int = 0
    nacks_received: int = 0
    retransmitted: int = 0
    freezes: int = 0
    freeze_ns: int = 0
    frames_received: int = 0
    send_dropped: int = 0
    socket_drops: int = 0
    emulated_drops: int = 0
    thread_cpu_ns: int = 0
    threads_cpu_ns: tuple[int, ...] = ()
    """Of each engine."""
    delay_us: Distribution = field(default_factory=Distribution)
    frame_delay_us: Distribution = field(default_factory=Distribution)
    late_us: Distribution = field(default_factory=Distribution)

    @classmethod
    def of(cls, snapshots: Sequence[LoadSnapshot]) -> Totals:
        """All of these together."""
        return cls(
            **{name: sum(getattr(one, name) for one in snapshots) for name in COUNTS},
            threads_cpu_ns=tuple(one.thread_cpu_ns for one in snapshots),
            delay_us=Distribution.of(one.delay_us for one in snapshots),
            frame_delay_us=Distribution.of(one.frame_delay_us for one in snapshots),
            late_us=Distribution.of(one.late_us for one in snapshots),
        )

    def since(self, before: Totals) -> Totals:
        """What came on top of an earlier state; a loss that was made good meanwhile is no loss of this time."""
        grown = {name: max(0, getattr(self, name) - getattr(before, name)) for name in COUNTS}
        return Totals(
            **grown,
            threads_cpu_ns=tuple(a - b for a, b in zip(self.threads_cpu_ns, before.threads_cpu_ns, strict=True)),
            delay_us=self.delay_us.since(before.delay_us),
            frame_delay_us=self.frame_delay_us.since(before.frame_delay_us),
            late_us=self.late_us.since(before.late_us),
        )


COUNTS: Final = tuple(each.name for each in fields(Totals) if each.name not in (*DISTRIBUTIONS, "threads_cpu_ns"))
