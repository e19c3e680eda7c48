"""Speakers are told when they change, and a pause between words is no change."""

from sfu.room.speakers import HOLD_S, Speakers, loudness


def test_whoever_is_loud_enough_speaks_loudest_first() -> None:
    speakers = Speakers()
    told = speakers.update({"a": 30, "b": 20, "c": 90}, now=0.0)
    assert told is not None
    assert [speaker.peer for speaker in told] == ["b", "a"]


def test_nothing_is_told_twice() -> None:
    speakers = Speakers()
    assert speakers.update({"a": 30}, now=0.0)
    assert speakers.update({"a": 31}, now=0.2) is None
    assert speakers.update({"a": 5}, now=0.4)


def test_a_pause_is_no_end_and_silence_is() -> None:
    speakers = Speakers()
    speakers.update({"a": 30}, now=0.0)
    assert speakers.update({"a": 127}, now=HOLD_S / 2) is not None  # quieter, but still speaking
    assert speakers.update({"a": 127}, now=HOLD_S) is None
    assert speakers.update({"a": 127}, now=HOLD_S + 0.1) == ()


def test_who_has_gone_does_not_speak() -> None:
    speakers = Speakers()
    speakers.update({"a": 30}, now=0.0)
    assert speakers.update({}, now=0.1) == ()


def test_loudness_is_between_0_and_1() -> None:
    assert [loudness(level) for level in (0, 30, 60, 127)] == [1.0, 0.5, 0.0, 0.0]


def test_there_is_something_to_look_at_until_all_are_told_that_nobody_speaks() -> None:
    speakers = Speakers()
    assert not speakers
    speakers.update({"a": 30}, now=0.0)
    assert speakers
    assert speakers.update({}, now=10.0) == ()
    assert not speakers
