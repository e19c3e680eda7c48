"""The schemas that are checked in are those of the models, and real frames keep them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from signaling.qss import schema
from signaling.qss.events import EVENTS
from signaling.qss.frames import Happened
from tests.signaling import test_seed_document as seed
from tests.support.signaling_fuzz import WELL_FORMED

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTS = schema.documents()
SOURCES = sorted((DOCS.parent / "signaling").rglob("*.py"))


def test_what_is_checked_in_is_what_the_models_say() -> None:
    present = {f"schemas/{file.name}" for file in (DOCS / "schemas").glob("*.json")} | {"asyncapi.json"}
    assert present == set(DOCUMENTS), "run `make schemas`"
    for path, text in DOCUMENTS.items():
        assert (DOCS / path).read_text(encoding="utf-8") == text, "run `make schemas`"


def test_the_tables_of_the_protocol_are_what_the_models_say() -> None:
    protocol = (DOCS / "protocol.md").read_text(encoding="utf-8")
    assert schema.with_tables(protocol) == protocol, "run `make schemas`"


@pytest.mark.parametrize("path", sorted(path for path in DOCUMENTS if path.startswith("schemas/")))
def test_every_schema_is_a_schema(path: str) -> None:
    Draft202012Validator.check_schema(json.loads(DOCUMENTS[path]))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("invitation.result", seed.REJECTED),
        ("close.wac", seed.CLOSE),
        ("invitation.over", seed.UNANSWERED),
        ("invitation.answer", seed.ACCEPTED),
        ("invitation.ring", seed.INVITATION),
        ("leaveRoom.request", seed.LEAVE),
        ("leaveRoom.cancel", seed.LEFT),
    ],
)
def test_the_vendors_frames_keep_the_schemas(name: str, text: str) -> None:
    _validator(name).validate(json.loads(text))


def test_well_formed_frames_keep_the_schema_of_their_name_and_no_frame_without_it_does() -> None:
    for frame in WELL_FORMED:
        envelope = next(key for key in ("request", "answer", "cancel", "type") if key in frame)
        name = "close.wac" if envelope == "type" else f"{frame[envelope]}.{envelope}"
        _validator(name).validate(frame)
        with pytest.raises(ValidationError):
            _validator(name).validate({key: value for key, value in frame.items() if key != envelope})


def test_every_message_of_the_asyncapi_document_is_one_of_the_schemas_and_flows_one_way() -> None:
    document: dict[str, Any] = json.loads(DOCUMENTS["asyncapi.json"])
    up, down = (
        {message["$ref"].rsplit("/", 1)[1] for message in document["operations"][way]["messages"]}
        for way in ("fromDevice", "toDevice")
    )
    assert not up & down
    assert up | down == set(document["channels"]["message"]["messages"]) == set(document["components"]["messages"])
    assert {f"schemas/{name}.json" for name in up | down} == set(DOCUMENTS) - {"asyncapi.json"}


def test_every_event_that_the_code_can_tell_is_in_the_table_and_is_told_by_some_of_it() -> None:
    kinds = {kind for kind in _below(Happened) if "name" in vars(kind)}
    assert kinds == set(EVENTS.values())
    assert all(kind.name == name for name, kind in EVENTS.items())
    code = "".join(file.read_text(encoding="utf-8") for file in SOURCES if file.name != "events.py")
    assert [kind.__name__ for kind in kinds if not _mentions(code, kind.__name__)] == []


def test_events_that_are_described_in_words_are_those_of_the_table() -> None:
    protocol = (DOCS / "protocol.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:participant|room|mute)-[a-z-]+|transferring-[a-z-]+)`", protocol))
    assert named <= set(EVENTS)


def _below(kind: type[Happened]) -> set[type[Happened]]:
    return {kind}.union(*(_below(inner) for inner in kind.__subclasses__()))


def _mentions(code: str, name: str) -> bool:
    """Whether the code makes it, or has it in a table of what it makes; to import it is not enough."""
    return re.search(rf"\b{name}\(|: {name}\b|= {name} if|else {name}$", code, re.MULTILINE) is not None


def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(DOCUMENTS[f"schemas/{name}.json"]))
