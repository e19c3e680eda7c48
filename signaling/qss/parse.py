"""From what a device sent to a typed frame, or to an error that names what is wrong.

socket -> gateway -> **parse** -> requests -> rules

The envelope is told by its key (`request`, `answer`, `cancel`, `type`), the frame by the name behind it.
Everything is brought to one JSON text first, so that an object and a string of it are checked alike and nothing
that JSON cannot carry on (binary, lone surrogates, endless nesting) gets past here.
"""

from __future__ import annotations

from typing import Final, get_args

import msgspec
from msgspec import Struct

from ..errors import Malformed, UnknownRequest
from .frames import (
    Asking,
    BlindTransferCancel,
    Incoming,
    InvitationAnswer,
    InvitationCancel,
    InviteRequestAnswer,
    InviteRequestCancel,
    WacClose,
)

REQUESTS: Final[dict[str, type[Incoming]]] = {kind.name: kind for kind in get_args(Asking)}
ANSWERS: Final[dict[str, type[Incoming]]] = {"invitation": InvitationAnswer, "inviteRequest": InviteRequestAnswer}
CANCELS: Final[dict[str, type[Incoming]]] = {
    "invitation": InvitationCancel,
    "inviteRequest": InviteRequestCancel,
    "blindTransfer": BlindTransferCancel,
}
WAC: Final[dict[str, type[Incoming]]] = {"close": WacClose}

ENVELOPES: Final = {"request": REQUESTS, "answer": ANSWERS, "cancel": CANCELS}


class Label(Struct, frozen=True):
    """What can be read of any frame, well-formed or not: enough to name it in an answer."""

    envelope: str | None = None
    name: str | None = None
    request_id: str | None = None


def parse(data: object) -> tuple[Label, Incoming]:
    """The typed frame in `data` (an object or a JSON string of one); raises Malformed or UnknownRequest."""
    frame = _object(data)
    label = label_of(frame)
    return label, _typed(frame, label)


def label_of(data: object) -> Label:
    """Read the envelope, the name and the requestID, whatever else is wrong."""
    if isinstance(data, str):
        try:
            data = msgspec.json.decode(data)
        except (ValueError, RecursionError):
            return Label()
    if not isinstance(data, dict):
        return Label()
    for envelope in ENVELOPES:
        if envelope in data:
            return Label(envelope, _name(data[envelope]), _name(data.get("requestID")))
    payload = data.get("payload")
    if data.get("type") == "request" and isinstance(payload, dict):
        return Label("type", _name(payload.get("endpoint")), _name(payload.get("id")))
    return Label()


def _object(data: object) -> dict[str, object]:
    try:
        text = data if isinstance(data, str) else msgspec.json.encode(data)
        decoded = msgspec.json.decode(text)
    except RecursionError:
        raise Malformed("nested too deeply") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise Malformed(f"not JSON: {error}") from None
    if not isinstance(decoded, dict):
        raise Malformed("a frame is a JSON object")
    return decoded


def _typed(frame: dict[str, object], label: Label) -> Incoming:
    if label.envelope is None:
        raise Malformed("a frame has `request`, `answer`, `cancel` or `type`: `request` with an `endpoint`")
    if label.name is None:
        raise Malformed("the frame's name is not a text of 1 to 64 characters", request_id=label.request_id)
    kind = WAC.get(label.name) if label.envelope == "type" else ENVELOPES[label.envelope].get(label.name)
    if kind is None:
        raise UnknownRequest(label.name)
    body = frame["payload"] if label.envelope == "type" else frame
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise Malformed(str(error), name=label.name, request_id=label.request_id) from None


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and 1 <= len(value) <= 64 else None
