"""What a check has found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "broken", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's table."""

    subject: str
    state: State
    text: str
    fix: str = ""
    """What to do; empty where nothing is to be done."""


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(subject, "ok", text)


def warning(subject: str, text: str, fix: str) -> Finding:
    """It works, and should be otherwise."""
    return Finding(subject, "warning", text, fix)


def broken(subject: str, text: str, fix: str) -> Finding:
    """It does not work."""
    return Finding(subject, "broken", text, fix)


def skipped(subject: str, text: str) -> Finding:
    """Not configured, so not looked at."""
    return Finding(subject, "skipped", text)


def is_broken(findings: Iterable[Finding]) -> bool:
    """Whether something does not work."""
    return any(finding.state == "broken" for finding in findings)
