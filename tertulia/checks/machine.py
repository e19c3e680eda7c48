"""This machine: open files, and who may read the secrets."""

from __future__ import annotations

import resource
import stat
from collections.abc import Iterable
from pathlib import Path

from .finding import Finding, broken, ok, warning

ENOUGH_FILES = 16_384
"""Each device is a connection; 10,000 of them and what the process has open besides."""


def open_files(limit: int | None = None) -> Finding:
    """Whether enough connections may be open at once."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
    if soft >= ENOUGH_FILES or soft == resource.RLIM_INFINITY:
        return ok("open files", f"{soft} may be open at once")
    fix = f"raise it to {ENOUGH_FILES} or more: `LimitNOFILE=` of systemd, `ulimits:` of compose, or `ulimit -n`"
    return warning("open files", f"only {soft} may be open at once, and each device is one", fix)


def secrets(files: Iterable[Path]) -> list[Finding]:
    """Whether the secrets are there and ours alone."""
    return [_secret(file) for file in files]


def _secret(file: Path) -> Finding:
    subject = f"secret {file.name}"
    try:
        found = file.stat()
        lines = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        return broken(subject, f"{file} cannot be read: {error}", "make it: `openssl rand -hex 32`, mode 600")
    if not lines:
        return broken(subject, f"{file} is empty", f"write a secret into it: `openssl rand -hex 32 > {file}`")
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return warning(subject, f"others may read {file} (mode {found.st_mode & 0o777:o})", f"`chmod 600 {file}`")
    return ok(subject, f"{file}, {len(lines)} secret{'s' if len(lines) > 1 else ''}, readable by its owner only")
