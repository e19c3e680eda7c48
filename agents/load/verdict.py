"""What is wrong with a run, in words: the exit status is 0 where this has nothing to say.

report -> **verdict** -> cli
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def complaints(report: dict[str, Any]) -> Iterator[str]:
    """The conditions that do not hold, and why nothing was measured if that is so."""
    for each in report["requirements"]:
        if not each["holds"]:
            value = "was not measured" if each["value"] is None else f"is {each['value']:.6g}"
            yield f"does not hold: {each['text']} ({value})"
    reason = _nothing(report) or _silence(report)
    if reason is not None:
        yield f"error: {reason}"


def _nothing(report: dict[str, Any]) -> str | None:
    """Why nothing was measured."""
    joins = report["joins"]
    if joins["done"] == 0:
        worst = next(iter(joins["errors"]), None)
        return f"nobody could join: {worst}" if worst is not None else "stopped before anybody had joined"
    if report["seconds"] == 0:
        return "stopped before anything was measured"
    if not report["received"]["packets"] and report["plan"]["seats"]:
        return "no packet was received"
    return None


def _silence(report: dict[str, Any]) -> str | None:
    """A server that is gone loses nothing that could be counted, so its silence is looked for.

    Where participants come and go a room may be silent for want of listeners; there a server that is gone fails joins.
    """
    if report["plan"]["churn"]:
        return None
    measured = [row for row in report["seconds_series"] if row["phase"] == "measure"]
    heard = [row["t"] for row in measured if row["received"]]
    if heard and not measured[-1]["received"]:
        return f"the server fell silent: the last packet was received at {heard[-1]:.0f} s"
    return None
