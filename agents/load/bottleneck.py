"""Whether the tester was the bottleneck: then the figures are its own, and not the server's.

totals, psutil -> **bottleneck** -> report
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from agents.load.totals import Totals

BUSY_THREAD: Final = 0.9
"""Share of a core at which an engine has no reserve for bursts."""
BUSY_PROCESS: Final = 0.95
"""The same of all cores that the tester may use."""
LATE_MS: Final = 20.0
"""99 of 100 sends have to be no later against their schedule: a frame's time at 50 a second."""
DROPPED_SHARE: Final = 0.0001


@dataclass(frozen=True, slots=True)
class OwnUsage:
    """What the tester took during the measured part."""

    seconds: float
    cpu_s: float
    cores: int
    totals: Totals

    @property
    def cpu_share(self) -> float:
        """CPU seconds a second; 1 is one core."""
        return self.cpu_s / self.seconds if self.seconds > 0 else 0.0

    def reasons(self) -> list[str]:
        """Why it was the bottleneck; empty if it was not."""
        return [*self._threads(), *self._process(), *self._late(), *self._dropped()]

    def as_object(self) -> dict[str, Any]:
        """The tester's part of the report."""
        late, why = self.totals.late_us, self.reasons()
        return {
            "cpu_share": self.cpu_share,
            "late_ms": {
                "p50": late.quantile(0.50) / 1_000,
                "p99": late.quantile(0.99) / 1_000,
                "max": late.maximum / 1_000,
            },
            "socket_drops": self.totals.socket_drops,
            "send_dropped": self.totals.send_dropped,
            "bottleneck": bool(why),
            "why": why,
        }

    def _threads(self) -> list[str]:
        shares = [spent / 1e9 / self.seconds for spent in self.totals.threads_cpu_ns] if self.seconds > 0 else []
        busy = [(number, share) for number, share in enumerate(shares, start=1) if share > BUSY_THREAD]
        return [
            f"engine thread {number} was busy {share:.0%} of the time; give more --threads" for number, share in busy
        ]

    def _process(self) -> list[str]:
        share = self.cpu_share / self.cores
        return [f"the tester used {share:.0%} of its {self.cores} core(s)"] if share > BUSY_PROCESS else []

    def _late(self) -> list[str]:
        late = self.totals.late_us.quantile(0.99) / 1_000
        return [f"media left late: p99 {late:.1f} ms behind its schedule"] if late > LATE_MS else []

    def _dropped(self) -> list[str]:
        totals, why = self.totals, []
        if totals.socket_drops > DROPPED_SHARE * max(1, totals.packets_received):
            why.append(f"the kernel dropped {totals.socket_drops} packets that the tester did not read in time")
        if totals.send_dropped > DROPPED_SHARE * max(1, totals.packets_sent):
            why.append(f"{totals.send_dropped} packets did not leave the tester")
        return why
