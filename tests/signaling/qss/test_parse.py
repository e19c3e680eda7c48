"""Frames in: what is read, and what each kind of nonsense is answered."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.errors import Malformed, SignalingError, UnknownRequest
from signaling.qss import frames
from signaling.qss.parse import Label, label_of, parse
from tests.support.signaling_fuzz import damaged_frames

INVITE = {
    "request": "invitation",
    "requestID": "BPrV0y-26KQ7hISlENIie",
    "to": "bob",
    "mediatypes": {"audio": True, "video": True},
    "context": {"contextInfo": {"subject": "lunch"}},
    "payload": {"room": "1" * 64},
}


def test_an_object_and_a_string_of_it_are_read_alike() -> None:
    assert parse(INVITE) == parse(json.dumps(INVITE))


def test_an_invitation_is_read_field_by_field() -> None:
    label, frame = parse(INVITE)
    assert label == Label("request", "invitation", "BPrV0y-26KQ7hISlENIie")
    assert isinstance(frame, frames.Invite)
    assert (frame.to, frame.payload.uuid, frame.context) == ("bob", "1" * 64, {"contextInfo": {"subject": "lunch"}})
    assert frame.mediatypes == frames.MediaTypes(audio=True, video=True)


def test_the_vendors_close_request_is_read() -> None:
    wac = {
        "type": "request",
        "payload": {"endpoint": "close", "payload": {"medium": "sipcall"}, "id": "zMcZeXFM-g9wXKHgZ94ub"},
    }
    _, frame = parse(wac)
    assert isinstance(frame, frames.WacClose)
    assert frame.id == "zMcZeXFM-g9wXKHgZ94ub"


def test_the_vendors_leave_frame_is_read() -> None:
    room = "8ffbf6016d96ed82019817751afc4b15dd45d36fab46f7d30d40087eb5f332de"
    _, frame = parse({"request": "leaveRoom", "requestID": "1neElgQ3-_hRJ4MS5qcdc", "payload": {"room": room}})
    assert isinstance(frame, frames.LeaveRoom)
    assert frame.payload.uuid == room


def test_room_may_be_called_room_id() -> None:
    _, frame = parse({"request": "joinRoom", "requestID": "1", "payload": {"roomId": "abc"}})
    assert isinstance(frame, frames.JoinRoom)
    assert frame.payload.uuid == "abc"


@pytest.mark.parametrize(
    ("data", "name", "says"),
    [
        ("{", None, "not JSON"),
        ("[1]", None, "JSON object"),
        (17, None, "JSON object"),
        (None, None, "JSON object"),
        (b"\x00", None, "JSON object"),
        ("[" * 5000, None, "nested"),
        ({"x": "\ud800"}, None, "not JSON"),
        ({}, None, "a frame has"),
        ({"type": "event", "payload": {}}, None, "a frame has"),
        ({"request": 5, "requestID": "1"}, None, "name is not a text"),
        ({"request": "x" * 65, "requestID": "1"}, None, "name is not a text"),
        ({"request": "createRoom"}, "createRoom", "requestID"),
        ({"request": "createRoom", "requestID": ""}, "createRoom", "requestID"),
        ({"request": "createRoom", "requestID": "x" * 65}, "createRoom", "requestID"),
        ({"request": "createRoom", "requestID": 7}, "createRoom", "requestID"),
        ({"request": "createRoom", "requestID": "1", "payload": {"bitrate": 0}}, "createRoom", "payload.bitrate"),
        ({"request": "leaveRoom", "requestID": "1", "payload": {}}, "leaveRoom", "room"),
        ({"request": "invitation", "requestID": "1", "to": "", "payload": {"room": "1"}}, "invitation", "to"),
        ({"answer": "invitation", "requestID": "1", "error": "603"}, "invitation", "error"),
        ({"answer": "invitation", "requestID": "1", "error": 200}, "invitation", "error"),
        ({"type": "request", "payload": {"endpoint": "close", "id": "1"}}, "close", "payload"),
    ],
)
def test_a_malformed_frame_is_400_naming_what_is_wrong(data: object, name: str | None, says: str) -> None:
    with pytest.raises(Malformed) as wrong:
        parse(data)
    assert wrong.value.code == 400
    assert says in wrong.value.message
    assert label_of(data).name == name


@pytest.mark.parametrize("name", ["getRoom", "kick", "nonsense"])
def test_a_request_that_nobody_serves_is_404_with_its_name(name: str) -> None:
    with pytest.raises(UnknownRequest) as unknown:
        parse({"request": name, "requestID": "1"})
    assert unknown.value.code == 404
    assert name in unknown.value.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(data=json_values | st.binary(), payload=json_values, name=st.sampled_from(["createRoom", "invitation"]))
def test_whatever_comes_it_is_a_frame_or_a_clear_refusal(data: object, payload: object, name: str) -> None:
    for frame in (data, {"request": name, "requestID": "1", "to": data, "payload": payload}):
        _check(frame)


def test_a_hundred_thousand_damaged_frames_are_frames_or_clear_refusals() -> None:
    for text in damaged_frames(100_000):
        _check(text)


def _check(data: object) -> None:
    frame, refusal = _outcome(data)
    assert isinstance(frame, frames.Incoming) or (refusal is not None and refusal.code in (400, 404))


def _outcome(data: object) -> tuple[object, SignalingError | None]:
    try:
        return parse(data)[1], None
    except SignalingError as refusal:
        return None, refusal
