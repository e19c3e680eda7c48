"""What `--since` may say: a date, a time, or how long ago."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from ..errors import ConfigError

AGO: Final = re.compile(r"([0-9]{1,6})([mhdw])")
SECONDS: Final = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def since_ms(text: str, now: float) -> int:
    """Epoch milliseconds of `7d`, `2026-11-01` or `2026-11-01T10:00`, local without an offset; raises ConfigError."""
    if ago := AGO.fullmatch(text):
        return max(0, int((now - int(ago[1]) * SECONDS[ago[2]]) * 1000))
    try:
        return max(0, int(datetime.fromisoformat(text).timestamp() * 1000))
    except (ValueError, OverflowError, OSError):
        raise ConfigError("--since", f"{text[:32]!r} is neither like 30m, 12h, 7d nor like 2026-11-01T10:00") from None
