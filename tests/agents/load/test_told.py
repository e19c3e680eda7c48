"""What participants hear unasked is counted by name, and SDP by its length."""

from __future__ import annotations

from agents.load.told import Told


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
    }
    assert before.as_object() == {"frames": 1, "sdp_octets": 0, "events": {"participants": 1}}
