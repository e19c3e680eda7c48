"""What devices of tests are sent, held against the schemas of docs/schemas; made strict: no field that they lack.

Validators are made once, so that every frame of every test can be looked at.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from signaling.qss import schema

SENT = schema.sent()
RESULTS = frozenset(kind.name for kind in schema.RESULTS)


def problem(frame: dict[str, Any]) -> str | None:
    """What is wrong with a frame that a device was sent, if anything."""
    name = _name(frame)
    if name not in SENT:
        return f"there is no schema {name!r} for {frame}"
    errors = [error.message for error in _validator(name).iter_errors(frame)]
    return f"{frame} breaks the schema {name!r}: {'; '.join(errors)}" if errors else None


def _name(frame: dict[str, Any]) -> str:
    """The schema that a frame has to keep."""
    match frame:
        case {"type": "event", "payload": {"eventName": name}}:
            return f"{name}.event"
        case {"type": "response"}:
            return "close.response"
        case {"request": name}:
            return f"{name}.ring"
        case {"cancel": "leaveRoom"}:
            return "leaveRoom.cancel"
        case {"cancel": _}:
            return "cancel.refused" if "message" in frame else "invitation.over"
        case {"answer": name} if name in RESULTS and "from" in frame:
            return "invitation.result"
        case {"answer": name} if f"{name}.answer.sent" in SENT and "requestID" in frame:
            return f"{name}.answer.sent"
        case _:
            return "frame.refused"


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(_strict(SENT[name]))


def _strict(part: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(part, list):
        return [_strict(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    made = {key: _strict(value) for key, value in part.items()}
    return {**made, "additionalProperties": False} if isinstance(part.get("properties"), dict) else made
