"""Of many open microphones those of the few are heard who speak now or spoke last."""

from sfu.room.voices import Voices

FEW = {"a": 70, "b": 70, "c": 70}
MANY = FEW | {"d": 70, "e": 70}


def test_of_few_all_are_heard() -> None:
    voices = Voices(3)
    assert voices.update(FEW, ["a", "b", "c"]) is None
    assert not voices


def test_of_many_the_rest_is_not_heard_and_who_speaks_is_at_once() -> None:
    voices = Voices(3)
    assert voices.update(MANY, []) == frozenset({"d", "e"})
    assert voices
    assert voices.update(MANY, ["e"]) == frozenset({"c", "d"})
    assert voices.update(MANY, ["d"]) == frozenset({"b", "c"})


def test_who_spoke_longest_ago_makes_room() -> None:
    voices = Voices(3)
    for speaker in "abcd":
        voices.update(MANY, [speaker])
    assert voices.update(MANY, ["e"]) == frozenset({"a", "b"})


def test_who_speaks_softly_is_heard_behind_who_speaks_aloud_and_before_who_spoke() -> None:
    voices = Voices(3)
    voices.update(MANY, ["a", "b", "c"])
    assert voices.update(MANY, ["a"], ["d"]) == frozenset({"c", "e"})
    assert voices.update(MANY, ["a", "b", "e"], ["d"]) == frozenset({"c", "d"})


def test_where_more_speak_softly_than_may_be_heard_those_go_on_who_are() -> None:
    voices = Voices(3)
    voices.update(MANY, [], ["c", "d", "e"])
    assert voices.update(MANY, [], ["a", "b", "c", "d", "e"]) is None


def test_nothing_is_said_where_nothing_changes() -> None:
    voices = Voices(3)
    voices.update(MANY, ["a", "b"])
    assert voices.update(MANY, ["b", "a"]) is None
    assert voices.update(MANY, []) is None


def test_where_more_speak_than_may_be_heard_those_go_on_who_are() -> None:
    voices = Voices(3)
    voices.update(MANY, ["c", "d", "e"])
    assert voices.update(MANY, ["a", "b", "c", "d", "e"]) is None


def test_who_mutes_or_leaves_makes_room_and_all_are_heard_once_there_are_few() -> None:
    voices = Voices(3)
    voices.update(MANY, [])
    assert voices.update({peer: 70 for peer in MANY if peer != "a"}, []) == frozenset({"e"})
    assert voices.update(FEW, []) == frozenset()
    assert not voices


def test_the_newest_of_silent_microphones_is_the_one_that_is_not_heard() -> None:
    voices = Voices(3)
    voices.update({"d": 70, "e": 70, "c": 70}, ["e"])
    assert voices.update({"a": 70, "d": 70, "e": 70, "c": 70}, []) == frozenset({"a"})
