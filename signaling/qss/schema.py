"""JSON Schemas of all frames, an AsyncAPI document of them, and the tables of docs/protocol.md: from the models alone.

models (`incoming.py`, `outgoing.py`, `events.py`) -> **schema** -> docs/schemas/*.json, docs/asyncapi.json,
docs/protocol.md

`python -m signaling.qss.schema` (`make schemas`) writes the documents anew; a test compares what is checked in.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct

from . import frames
from .events import EVENTS
from .incoming import Asking
from .parse import ANSWERS, CANCELS, REQUESTS, WAC

Json = dict[str, Any]

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI: Final = "3.0.0"
BEGIN: Final = "<!-- {}, made by `make schemas` from the models: begin -->"
END: Final = "<!-- {}, made by `make schemas` from the models: end -->"

# What a request is answered with; a result that comes later is a frame of its own.
PAYLOADS: Final[dict[type[Struct], type[Struct]]] = {
    frames.CreateRoom: frames.RoomReply,
    frames.JoinRoom: frames.RoomReply,
    frames.GetRooms: frames.RoomsReply,
    frames.AddToAcl: frames.AclReply,
    frames.RemoveFromAcl: frames.AclReply,
}
RESULTS: Final = (frames.Invite, frames.InviteRequest, frames.BlindTransfer)
SENT: Final[dict[str, type[Struct]]] = {
    "leaveRoom.cancel": frames.LeftRoom,
    "invitation.ring": frames.Ringing,
    "inviteRequest.ring": frames.RingingRequest,
    "invitation.result": frames.InvitationResult,
    "invitation.over": frames.CancelInvitation,
    "cancel.refused": frames.RefusedCancel,
    "close.response": frames.WacResponse,
}
NAMED: Final = {"RoomReply": "ROOM"}  # what the document describes once, and tables then call by name


def documents() -> dict[str, str]:
    """Every document by its path under docs/."""
    schemas = {**received(), **sent()}
    made = {f"schemas/{name}.json": _text({"$schema": DRAFT, **schema}) for name, schema in sorted(schemas.items())}
    return {**made, "asyncapi.json": _text(asyncapi())}


def received() -> dict[str, Json]:
    """The schemas of what devices send."""
    found: dict[str, Json] = {}
    for envelope, names in (("request", REQUESTS), ("answer", ANSWERS), ("cancel", CANCELS)):
        for name, kind in names.items():
            found[f"{name}.{envelope}"] = _named(_of(kind), envelope, name)
    for name, kind in WAC.items():
        found[f"{name}.wac"] = _wac(name, _of(kind))
    return found


def sent() -> dict[str, Json]:
    """The schemas of what devices are sent."""
    answers = {f"{kind.name}.answer.sent": _answer(kind) for kind in get_args(Asking) if kind not in RESULTS}
    fixed = {name: _always(_of(kind)) for name, kind in SENT.items()}
    return {**answers, "frame.refused": _refused(), **fixed, **events()}


def events() -> dict[str, Json]:
    """The schemas of events."""
    return {f"{name}.event": _event(name, _always(_of(kind))) for name, kind in EVENTS.items()}


def asyncapi() -> Json:
    """All frames as one AsyncAPI document: one channel, two directions."""
    up, down = received(), sent()
    messages = {name: {"name": name, "payload": schema} for name, schema in {**up, **down}.items()}
    return {
        "asyncapi": ASYNCAPI,
        "info": {"title": "QSS", "version": "1", "description": "Frames between devices and signaling."},
        "defaultContentType": "application/json",
        "channels": {
            "message": {
                "address": "message",
                "description": "The Socket.IO event `message`; on `/ws` a text message.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in sorted(messages)},
            }
        },
        "operations": {
            "fromDevice": _operation("receive", up),
            "toDevice": _operation("send", down),
        },
        "components": {"messages": dict(sorted(messages.items()))},
    }


def table_of_frames() -> str:
    """What devices send, as a table of docs/protocol.md."""
    lines = ["| frame | fields | |", "|---|---|---|"]
    for envelope, names in (("request", REQUESTS), ("answer", ANSWERS), ("cancel", CANCELS), ("endpoint", WAC)):
        for name, kind in names.items():
            lines.append(f'| `"{envelope}":"{name}"` | {_fields(_of(kind))} | {_meaning(kind)} |')
    return "\n".join(lines)


def table_of_events() -> str:
    """What devices are told, as a table of docs/protocol.md."""
    lines = ["| event | payload | | told to |", "|---|---|---|---|"]
    for name, kind in EVENTS.items():
        lines.append(f"| `{name}` | {_fields(_of(kind))} | {_meaning(kind)} | {kind.told_to} |")
    return "\n".join(lines)


def with_tables(document: str) -> str:
    """docs/protocol.md with each table put between its marks."""
    for what, made in (("frames", table_of_frames()), ("events", table_of_events())):
        begin, end = BEGIN.format(what), END.format(what)
        before, rest = document.split(begin, 1)
        document = f"{before}{begin}\n{made}\n{end}{rest.split(end, 1)[1]}"
    return document


def _meaning(kind: type[Struct]) -> str:
    return (kind.__doc__ or "").strip().split("\n", 1)[0]


def _of(kind: type[Struct]) -> Json:
    schema = msgspec.json.schema(kind)
    definitions: Json = schema.get("$defs", {})
    inlined: Json = _inlined(schema, definitions)
    inlined.pop("$defs", None)
    return inlined


def _inlined(part: Any, definitions: Json) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(part, list):
        return [_inlined(inner, definitions) for inner in part]
    if not isinstance(part, dict):
        return part
    if reference := part.get("$ref"):
        return _inlined(definitions[reference.rsplit("/", 1)[1]], definitions)
    return {key: _inlined(value, definitions) for key, value in part.items() if key != "$defs"}


def _always(part: Any) -> Any:  # noqa: ANN401 - any JSON
    """What we send has all its fields, but for those that are UNSET: a default is for who reads what we get."""
    if isinstance(part, list):
        return [_always(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    made = {key: _always(value) for key, value in part.items()}
    if fields := part.get("properties"):
        required = part.get("required", ())
        made["required"] = [name for name, field in fields.items() if name in required or "default" in field]
        made["properties"] = {
            name: {key: value for key, value in field.items() if key != "default"}
            for name, field in made["properties"].items()
        }
    return made


def _named(schema: Json, envelope: str, name: str) -> Json:
    """The frame with the key that names it, which the parser takes off."""
    schema["properties"] = {envelope: {"const": name}, **schema["properties"]}
    schema["required"] = [envelope, *schema["required"]]
    return schema


def _wac(name: str, body: Json) -> Json:
    return {
        "title": body["title"],
        "description": body["description"],
        "type": "object",
        "properties": {"type": {"const": "request"}, "payload": _named(body, "endpoint", name)},
        "required": ["type", "payload"],
    }


def _event(name: str, payload: Json) -> Json:
    body = {"eventName": {"const": name}, "payload": payload}
    return {
        "title": payload.pop("title"),
        "description": payload.pop("description"),
        "type": "object",
        "properties": {
            "type": {"const": "event"},
            "payload": {"type": "object", "properties": body, "required": list(body)},
        },
        "required": ["type", "payload"],
    }


def _refused() -> Json:
    """The answer to what is no request: malformed, of an unknown name, or too fast to be read."""
    fields = {
        "answer": {"type": ["string", "null"]},
        "requestID": {"type": "string"},
        "error": {"type": "integer"},
        "message": {"type": "string"},
    }
    return {
        "title": "Refused",
        "description": "A frame could not be served: `answer` is its name, and null where it has none.",
        "type": "object",
        "properties": fields,
        "required": [name for name in fields if name != "requestID"],
    }


def _answer(kind: type[frames.Request]) -> Json:
    asked = _invitations() if kind is frames.CurrentInvitations else _of(PAYLOADS.get(kind, frames.Done))
    payload = _always(asked)
    shared = {"answer": {"const": kind.name}, "requestID": {"type": "string"}}
    failed = {**shared, "error": {"type": "integer"}, "message": {"type": "string"}}
    done = {"type": "object", "properties": {**shared, "payload": payload}, "required": [*shared, "payload"]}
    refused = {"type": "object", "properties": failed, "required": list(failed)}
    # Who has left is told by a cancel.
    return {"title": f"{kind.__name__}Answer", "oneOf": [refused] if kind is frames.LeaveRoom else [done, refused]}


def _invitations() -> Json:
    """What rings: msgspec has no schema for frames that are told apart by a literal."""
    (name,) = frames.InvitationsReply.__struct_encode_fields__
    rings = {"type": "array", "items": {"oneOf": [_of(frames.Ringing), _of(frames.RingingRequest)]}}
    return {"type": "object", "properties": {name: rings}, "required": [name]}


def _operation(action: str, messages: dict[str, Json]) -> Json:
    references = [{"$ref": f"#/channels/message/messages/{name}"} for name in sorted(messages)]
    return {"action": action, "channel": {"$ref": "#/channels/message"}, "messages": references}


def _fields(schema: Json) -> str:
    """The fields, those of objects in braces; a question mark after what may be left out."""
    required = schema.get("required", [])
    texts = []
    for name, field in schema["properties"].items():
        texts.append(f"{name}{'' if name in required else '?'}{_inner(field)}")
    return ", ".join(texts)


def _inner(field: Json) -> str:
    if not field.get("properties"):
        return ""
    return f":{NAMED.get(field['title']) or '{' + _fields(field) + '}'}"


def _text(document: Json) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write(docs: Path = DOCS) -> None:
    """Write all documents anew."""
    (docs / "schemas").mkdir(exist_ok=True)
    made = documents()
    for old in (docs / "schemas").glob("*.json"):
        if f"schemas/{old.name}" not in made:
            old.unlink()
    for path, text in made.items():
        (docs / path).write_text(text, encoding="utf-8")
    protocol = docs / "protocol.md"
    protocol.write_text(with_tables(protocol.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write()
