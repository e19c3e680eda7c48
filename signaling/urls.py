"""The URLs of settings: what is wrong with one is said at the start, in one line, without the password that it holds.

options, environment -> config -> **urls**
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from .errors import ConfigError

HTTP = ("https://", "http://")
WEB = (*HTTP, "wss://", "ws://")
REDIS = ("redis://", "rediss://", "unix://")
STUN, TURN = ("stun:", "stuns:"), ("turn:", "turns:")
HIGHEST_PORT = 65535

# RFC 7064 §3.1 and 7065 §3.1: no slashes, and a port that browsers read.
ICE = re.compile(r"[a-z]+:(?:\[[0-9a-fA-F:.]+\]|[^][:?/@\s]+)(?::(\d{1,5}))?(?:\?transport=(?:udp|tcp))?")


def check_scheme(setting: str, url: str, schemes: tuple[str, ...]) -> None:
    """Whether a URL is of a kind that the setting takes; raises ConfigError."""
    if not url.startswith(schemes):
        raise ConfigError(setting, f"{_shown(url)!r} does not start with {' or '.join(schemes)}")


def check_ice(setting: str, url: str, schemes: tuple[str, ...]) -> None:
    """Whether browsers take it as the address of a STUN or TURN server; raises ConfigError."""
    check_scheme(setting, url, schemes)
    match = ICE.fullmatch(url)
    if match is None or not 0 < int(match[1] or 1) <= HIGHEST_PORT:
        raise ConfigError(setting, f"{_shown(url)!r} names no host and port, like {schemes[0]}HOST:3478")


def check_http(setting: str, url: str, schemes: tuple[str, ...] = HTTP) -> None:
    """Whether it is an HTTP URL that may be asked; raises ConfigError."""
    parts = _split(setting, url, schemes)
    if parts.username is not None:
        raise ConfigError(setting, "must not hold a user or a password")


def check_origin(setting: str, origin: str) -> None:
    """Whether it is an origin as browsers send it (RFC 6454 §6.2): nothing behind host and port; raises ConfigError."""
    parts = _split(setting, origin, HTTP)
    port = {"https": ":443", "http": ":80"}[parts.scheme]
    if origin != f"{parts.scheme}://{parts.netloc.lower()}" or "@" in origin or origin.endswith(port):
        raise ConfigError(setting, f"{_shown(origin)!r} is no origin as browsers send it, like https://calls.example")


def check_redis(url: str) -> None:
    """Whether Redis can be asked there; raises ConfigError."""
    check_scheme("--redis", url, REDIS)
    parts = _split("--redis", url, REDIS, needs_host=False)
    database = parts.path.removeprefix("/")
    if parts.scheme == "unix":
        if not parts.path.strip("/"):
            raise ConfigError("--redis", "names no socket: unix:///PATH")
    elif database and not database.isdecimal():
        raise ConfigError("--redis", f"{database[:32]!r} is no number of a database")


def refuse_password(setting: str, url: str, instead: str) -> None:
    """Refuse an option that everybody on this machine can read in the list of processes; raises ConfigError."""
    try:
        password = urlsplit(url).password
    except ValueError:
        password = None  # what is wrong with it is said by its own check
    if password or "password=" in url:
        raise ConfigError(setting, f"holds a password; give that by {instead}")


def _split(setting: str, url: str, schemes: tuple[str, ...], *, needs_host: bool = True) -> SplitResult:
    check_scheme(setting, url, schemes)
    try:
        parts = urlsplit(url)
        is_whole = (bool(parts.hostname) or not needs_host) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or any(letter.isspace() for letter in url):
        raise ConfigError(setting, f"{_shown(url)!r} names no host and port")
    return parts


def _shown(url: str) -> str:
    """A URL for people: without user and password."""
    head, slashes, rest = url.partition("://")
    place = rest.rpartition("@")[2]
    return f"{head}{slashes}{place}"[:80] if slashes else url.rpartition("@")[2][:80]
