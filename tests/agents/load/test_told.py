"""What participants hear unasked is counted by name, and SDP by its length."""

from __future__ import annotations

from agents.load.told import Ear, Told


def test_events_are_counted_by_name_from_an_earlier_state_on() -> None:
    told = Told()
    told.hear("participants", [])
    before = told.copy()
    told.hear("participants", [])
    told.hear("participant-joined", {"sdp": "v=0"})
    told.hear("participant-joined", {"sdp": None})
    assert told.since(before).as_object() == {
        "frames": 3,
        "sdp_octets": 3,
        "events": {"participants": 1, "participant-joined": 2},
        "again": {},
    }
    assert before.as_object() == {"frames": 1, "sdp_octets": 0, "events": {"participants": 1}, "again": {}}


def test_a_device_that_is_told_of_one_join_again_is_counted_and_two_devices_are_not() -> None:
    told, mine, yours = Told(), Ear(), Ear()
    joined = {"roomId": "r", "userId": "u", "peer": "p"}
    for ear in (mine, yours, mine):
        told.hear("participant-joined", joined, ear)
    told.hear("participant-joined", joined | {"peer": "another connection"}, mine)
    told.hear("participant-left", joined, mine)
    assert told.as_object()["again"] == {"participant-joined": 1}
    assert told.since(told.copy()).again.total() == 0
    assert told.as_object()["frames"] == 5


def test_what_names_nobody_is_never_told_again() -> None:
    told, ear = Told(), Ear()
    for _ in range(2):
        told.hear("participant-joined", {"roomId": "r"}, ear)
        told.hear("ringing", "r", ear)
    assert told.as_object()["again"] == {}
