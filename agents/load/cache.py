"""Clips that were made before, in the user's cache folder.

clips -> **cache** -> disk

A clip is found by what it was made of: the content of the media file, the settings, and the version of the way it is
made.  A file that is damaged or cannot be written costs only the time to make the clip again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from agents.errors import ClipError
from agents.load.media import LoadClip

VERSION: Final = 1
"""Goes up when `encode` changes what it makes."""


def folder() -> Path:
    """Where clips are kept (XDG base directories)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tertulia" / "load"


def kept(media: Path, settings: str, make: Callable[[], LoadClip]) -> LoadClip:
    """The clip of a file with these settings; `make` is called where there is none yet."""
    path = folder() / f"{_digest(media)}-{settings}-v{VERSION}.clip"
    found = _read(path)
    if found is not None:
        return found
    clip = make()
    with contextlib.suppress(OSError):
        _write(path, clip)
    return clip


def _digest(media: Path) -> str:
    try:
        with media.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:32]
    except FileNotFoundError:
        raise ClipError(media, "there is no such file; name one with --media") from None
    except OSError as error:
        raise ClipError(media, f"cannot be read ({error.strerror})") from None


def _read(path: Path) -> LoadClip | None:
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=LoadClip)
    except (OSError, msgspec.DecodeError):
        return None


def _write(path: Path, clip: LoadClip) -> None:
    """Whole or not at all: another run may be reading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as out:
        out.write(msgspec.msgpack.encode(clip))
    Path(out.name).replace(path)
