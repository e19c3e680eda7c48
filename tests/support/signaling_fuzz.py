"""Damaged QSS frames: well-formed ones with bytes, values and keys changed, from a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

WELL_FORMED: list[dict[str, Any]] = [
    {"request": "createRoom", "requestID": "c", "payload": {"record": False, "participantsLimit": 9, "bitrate": 64}},
    {"request": "joinRoom", "requestID": "j", "payload": {"room": "1" * 64}},
    {"request": "leaveRoom", "requestID": "l", "payload": {"roomId": "1" * 64}},
    {
        "request": "invitation",
        "requestID": "i",
        "to": "bob",
        "mediatypes": {"audio": True, "video": False},
        "context": {"contextInfo": {}},
        "payload": {"room": "1" * 64},
    },
    {"answer": "invitation", "requestID": "i", "from": "a" * 24, "error": 603},
    {"cancel": "invitation", "requestID": "i", "error": 487},
    {"type": "request", "payload": {"endpoint": "close", "payload": {"medium": "sipcall"}, "id": "z"}},
]
STRANGE: list[Any] = [
    None,
    True,
    -1,
    2**63,
    1e308,
    "",
    "\x00",
    "x" * 300,
    "é🐟",
    [],
    {},
    [[[[]]]],
    {"": {"": {}}},
    ["a", 1],
]
STRANGE_TEXTS: list[str] = [
    "",
    " ",
    "null",
    "NaN",
    "-0",
    "1e999",
    '{"request": NaN}',
    '{"request": "createRoom", "requestID": "1", "payload": {"bitrate": NaN}}',
    '{"request": "createRoom", "requestID": "1", "payload": {"bitrate": Infinity}}',
    '{"request": "createRoom", "request": "makeTea", "requestID": "1", "payload": {}}',
    '{"request": "makeTea", "requestID": "1", "requestID": 2, "payload": {}, "payload": []}',
    '{"request": "createRoom", "answer": "invitation", "cancel": "invitation", "type": "request", "requestID": "1"}',
    '{"request": "\\ud800", "requestID": "\\udfff"}',
    '{"request": "createRoom\\u0000", "requestID": "\\u0000"}',
    '{"request": "joinRoom", "requestID": "1", "payload": {"room": 1' + "0" * 5_000 + "}}",
    '"{}"',
    '"\\"\\""',
    "[" * 30_000,
    '{"a":' * 7_000,
    "[" * 30_000 + "]" * 30_000,
    '{"request":"joinRoom","requestID":"1","payload":' + '{"a":' * 7_000 + "1" + "}" * 7_000 + "}",
    "\ufeff{}",
]
"""Texts that JSON readers disagree on: repeated keys, numbers that are none, endless nesting, a byte order mark."""


def damaged_frames(count: int, seed: int = 1) -> Iterator[str]:
    """`count` texts, most of them nearly right."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    for _ in range(count):
        frame = json.loads(json.dumps(chance.choice(WELL_FORMED)))
        for _ in range(chance.randrange(3)):
            _damage(frame, chance)
        text = json.dumps(frame)
        yield _scrambled(text, chance) if chance.random() < 0.3 else text


def _damage(frame: dict[str, Any], chance: random.Random) -> None:
    place = frame
    while (inner := [v for v in place.values() if isinstance(v, dict) and v]) and chance.random() < 0.5:
        place = chance.choice(inner)
    if not place:
        return
    key = chance.choice(list(place))
    match chance.randrange(3):
        case 0:
            place[key] = deepcopy(chance.choice(STRANGE))
        case 1:
            del place[key]
        case _:
            place[chance.choice(["", "request", "type", "payload", "room", "\u0000"])] = deepcopy(
                chance.choice(STRANGE)
            )


def _scrambled(text: str, chance: random.Random) -> str:
    at, length = chance.randrange(len(text)), chance.randrange(4)
    return text[:at] + "".join(chr(chance.randrange(0xD800)) for _ in range(chance.randrange(4))) + text[at + length :]
