"""How much of the machine its host gave to others meanwhile: what that does to a figure is nobody's doing.

load -> **stolen** -> rows
"""

from __future__ import annotations

import os
import time

import psutil

MUCH = 0.02
"""Share of the cores; beyond it a load that did not hold is tried once more."""
WORTH_TELLING = 0.01


class Stolen:
    """Watches from the moment that it is made."""

    def __init__(self) -> None:
        self._began, self._before = time.monotonic(), _stolen_s()

    def share(self) -> float:
        """Of all cores' time since then."""
        cores = os.cpu_count() or 1
        return (_stolen_s() - self._before) / max(1e-6, time.monotonic() - self._began) / cores


def told(share: float) -> str:
    """In words; empty if it is hardly anything."""
    return f", the host took {share:.0%} of the cores" if share >= WORTH_TELLING else ""


def _stolen_s() -> float:
    return float(getattr(psutil.cpu_times(), "steal", 0.0))
