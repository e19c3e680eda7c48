"""What can go wrong for an agent, and whose fault it was.

    AgentError
    ├── ConfigError        what the user of the agent gave does not make sense
    │   └── ClipError      a media file cannot be played; named before any call is placed
    ├── SignInError        signaling does not know us, or is not there
    ├── ProtocolError      signaling or node said something that QSS does not know
    ├── MediaError         no media connection to the node
    └── CallError          the call did not come about; `code` is QSS's
        └── Declined · NotAnswered · Unreachable · AnsweredElsewhere

Codes are stable and stand in `--json`; texts are for people.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final


class AgentError(Exception):
    """Any failure of an agent; its text names what is wrong."""

    result: ClassVar[str] = "failed"
    """What `--json` gives as the call's result."""


class ConfigError(AgentError):
    """An argument is missing, contradicts another, or names something that is not there."""


class ClipError(ConfigError):
    """A file that was to be played or written cannot be."""

    def __init__(self, path: Path | str, why: str) -> None:
        super().__init__(f"{path}: {why}")


class SignInError(AgentError):
    """Signaling refused the account, or cannot be reached."""


class ProtocolError(AgentError):
    """The other side broke the protocol; the text quotes where."""


class MediaError(AgentError):
    """The node refused the media connection, or it could not be made."""


class CallError(AgentError):
    """The invited user is not coming."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code


class Declined(CallError):
    """603, or 486: every device of the user said no."""

    result = "declined"


class NotAnswered(CallError):
    """408: it rang to the end."""

    result = "not answered"


class Unreachable(CallError):
    """404: no such user, none of their devices online, or calls not received."""

    result = "unreachable"


class AnsweredElsewhere(CallError):
    """487: cancelled, or another device was faster."""

    result = "cancelled"


_BY_CODE: Final[dict[int, tuple[type[CallError], str]]] = {
    404: (Unreachable, "there is no such user, or none of their devices is online"),
    408: (NotAnswered, "nobody answered"),
    486: (Declined, "the user is busy"),
    487: (AnsweredElsewhere, "the call was cancelled or answered on another device"),
    603: (Declined, "the user declined"),
}


def call_error(code: int, message: str | None = None) -> CallError:
    """The error for a QSS code (docs/protocol.md)."""
    kind, text = _BY_CODE.get(code, (CallError, "the call was refused"))
    return kind(code, message or text)
