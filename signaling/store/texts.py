"""Which names and texts lasting state takes.

PostgreSQL refuses NUL and neither database takes half a surrogate pair, so what came from devices is cleaned before
it is written, and what cannot be the name of anything is never looked up.
"""

from __future__ import annotations

import re
import time
from typing import Final

from ..errors import ConfigError

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,188}[a-z0-9])?")
SHORT_ID: Final = re.compile(r"[0-9a-f]{24}")
UNFIT: Final = re.compile("[\x00\ud800-\udfff]")
SHOWN: Final = 128  # characters of a display name or a device's name


def checked_name(text: str, what: str) -> str:
    """A name of a user or group, in lower case; raises ConfigError."""
    return _checked(NAME, text, what)


def checked_domain(text: str) -> str:
    """A domain's name, in lower case; raises ConfigError."""
    return _checked(DOMAIN, text, "domain")


def checked_text(text: str, what: str) -> str:
    """A text that people are shown; raises ConfigError."""
    if len(text) > SHOWN or UNFIT.search(text):
        raise ConfigError(what, f"must have at most {SHOWN} characters, and none that cannot be written")
    return text


def fit(text: str, length: int) -> str:
    """What can be written of a text that nobody is there to correct."""
    return UNFIT.sub("\ufffd", text)[:length]


def split_name(reference: str, domain: str) -> tuple[str, str] | None:
    """Name and domain of `name` or `name@domain`; None where nothing can be called that."""
    name, _, given = reference.lower().partition("@")
    domain = given or domain.lower()
    return (name, domain) if NAME.fullmatch(name) and DOMAIN.fullmatch(domain) else None


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text.lower()):
        raise ConfigError(what, f"{text[:64]!r} has characters or a length that are not allowed")
    return text.lower()
