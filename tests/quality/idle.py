"""How much of the machine nobody wanted meanwhile: a call measured on a machine that had no reserves says little of us.

stage -> **idle** -> rows/*
"""

from __future__ import annotations

import psutil

FEW = 0.10
"""Share of the cores; below it somebody may have had to wait."""


class Idle:
    """Watches from the moment that it is made."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()
        self._share: float | None = None

    def ended(self) -> Idle:
        """It watches no longer."""
        self._share = self._until_now()
        return self

    @property
    def share(self) -> float:
        """Of all cores' time since then."""
        return self._until_now() if self._share is None else self._share

    def _until_now(self) -> float:
        now = psutil.cpu_times()
        whole = sum(now) - sum(self._before)
        idle = now.idle + now.iowait - self._before.idle - self._before.iowait
        return min(1.0, max(0.0, idle / whole)) if whole else 0.0

    def __str__(self) -> str:
        share = self.share
        return f"machine {share:.0%} idle" + (" (TOO BUSY to tell)" if share < FEW else "")
