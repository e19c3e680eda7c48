"""Speakers are told within 0.4 s, noise and coughs are none, and one leads the talk until another follows."""

from itertools import pairwise, product

import pytest

from sfu.room.speakers import HOLD_S, REIGN_S, TOLD_A_SECOND, Speakers, loudness
from tests.sfu.room.hearing import LOOK_MS, PUBLISH_MS, ROOM_NOISE, STEP_MS, Heard, Sound, fan, listen, look, talk
from tests.support.seeded import seeded

LATE_MS = 400
PHASES = list(product(range(0, PUBLISH_MS, STEP_MS), range(0, LOOK_MS, STEP_MS)))
"""When levels are published, and looked at, beside the begin of speech."""


@pytest.mark.parametrize(("published", "looked"), PHASES)
@pytest.mark.parametrize("noise", [ROOM_NOISE, None], ids=["a quiet room", "nothing sent before"])
def test_a_speaker_is_told_within_400_ms(noise: int | None, published: int, looked: int) -> None:
    sound = talk((3_000, 6_000), noise=noise)
    told_at = listen({"a": sound}, until_ms=6_000, published=published, looked=looked).told_at("a")
    assert told_at is not None
    assert 3_000 < told_at <= 3_000 + LATE_MS


@pytest.mark.parametrize(("published", "looked"), PHASES)
def test_who_follows_another_is_told_within_400_ms_and_leads_soon_after(published: int, looked: int) -> None:
    people = {"a": talk((1_000, 5_000)), "b": talk((5_000, 9_000))}
    heard = listen(people, until_ms=8_000, published=published, looked=looked)
    told_at, first_at = heard.told_at("b"), heard.told_at("b", first=True)
    assert told_at is not None
    assert told_at <= 5_000 + LATE_MS
    assert first_at is not None
    assert first_at <= 5_000 + LATE_MS + 100
    assert heard.reigned == [None, "a", "b"]


@pytest.mark.parametrize(("published", "looked"), PHASES)
@pytest.mark.parametrize("click_ms", [20, 60, 140, 200])
def test_a_click_is_nothing_at_all(click_ms: int, published: int, looked: int) -> None:
    sound = talk((3_000, 3_000 + click_ms), level=20)
    heard = listen({"a": sound}, until_ms=6_000, published=published, looked=looked)
    assert heard.told == []


@pytest.mark.parametrize(("published", "looked"), PHASES)
@pytest.mark.parametrize("cough_ms", [180, 240, 300])
@pytest.mark.parametrize("pause", [(9_000, 9_000), (4_000, 7_000)], ids=["while another talks", "while he is silent"])
def test_a_cough_does_not_take_the_lead(cough_ms: int, pause: tuple[int, int], published: int, looked: int) -> None:
    people = {"a": talk((1_000, pause[0]), (pause[1], 9_000)), "b": talk((5_000, 5_000 + cough_ms), level=25)}
    heard = listen(people, until_ms=8_000, published=published, looked=looked)
    assert heard.reigned == [None, "a"]


@pytest.mark.parametrize(("published", "looked"), PHASES)
@pytest.mark.parametrize("level", [50, 45, 42, 39])
def test_a_fan_is_no_speaker(level: int, published: int, looked: int) -> None:
    heard = listen({"a": fan(level)}, until_ms=10_000, published=published, looked=looked)
    assert heard.told == []


@pytest.mark.parametrize(("published", "looked"), PHASES)
@pytest.mark.parametrize("level", [46, 54, 58, 62])
def test_who_speaks_softly_is_no_speaker_and_noticed_within_400_ms(level: int, published: int, looked: int) -> None:
    words = [(begin, begin + 1_500) for begin in range(3_000, 12_000, 2_000)]
    sound = talk(*words, level=level, noise=75)
    heard = listen({"a": sound}, until_ms=12_000, published=published, looked=looked)
    assert heard.told == []
    soft = {now_ms for now_ms, peers in heard.soft if peers}
    assert 3_000 < min(soft) <= 3_000 + LATE_MS
    assert all(soft & set(range(begin + LATE_MS, end)) for begin, end in words)


@pytest.mark.parametrize("level", [60, 58, 50, 45])
def test_a_fan_is_not_taken_for_soft_speech(level: int) -> None:
    heard = listen({"a": fan(level)}, until_ms=30_000)
    assert all(peers == () for _, peers in heard.soft)


def test_a_speaker_who_draws_breath_is_heard_as_if_he_spoke_softly() -> None:
    heard = listen({"a": talk((1_000, 3_000), (3_400, 5_000))}, until_ms=5_000)
    either = [(now_ms, {*loud, *soft}) for (now_ms, loud), (_, soft) in zip(heard.loud, heard.soft, strict=True)]
    assert all(peers == {"a"} for now_ms, peers in either if now_ms >= 1_000 + LATE_MS)
    assert any(peers == ("a",) for now_ms, peers in heard.soft if 3_000 < now_ms < 3_400)


def test_who_speaks_beside_a_fan_is_heard() -> None:
    def sound(now_ms: int) -> int | None:
        return 28 if 5_000 <= now_ms < 7_000 else fan(45)(now_ms)

    told_at = listen({"a": sound}, until_ms=9_000).told_at("a")
    assert told_at is not None
    assert told_at <= 5_000 + LATE_MS


def test_a_fan_that_is_switched_on_is_noise_after_a_while() -> None:
    heard = listen({"a": lambda now_ms: fan(42)(now_ms) if now_ms > 3_000 else ROOM_NOISE}, until_ms=20_000)
    assert [len(speakers) for _, speakers in heard.told][-1] == 0
    assert heard.told[-1][0] < 3_000 + 5_500


def test_speech_without_a_pause_stays_speech() -> None:
    heard = listen({"a": talk((0, 60_000))}, until_ms=60_000)
    assert [[one.peer for one in speakers] for _, speakers in heard.told] == [["a"]]


def test_a_pause_between_words_is_no_end_and_silence_is() -> None:
    words = talk((1_000, 2_000), (2_300, 3_000))
    heard = listen({"a": words}, until_ms=6_000)
    told = [(now_ms, [one.peer for one in speakers]) for now_ms, speakers in heard.told]
    assert [names for _, names in told if not names] == [[]]
    assert 3_000 < told[-1][0] < 3_000 + HOLD_S * 1000 + 500
    assert heard.reigned == [None, "a"]  # still, after he has ended


def test_of_two_who_talk_at_once_the_first_leads_and_the_other_is_told_as_well() -> None:
    heard = listen({"a": talk((1_000, 9_000)), "b": talk((3_000, 9_000), level=28)}, until_ms=9_000)
    assert heard.reigned == [None, "a"]
    assert [one.peer for one in heard.told[-1][1]] == ["a", "b"]


def test_who_is_clearly_louder_takes_the_lead_after_a_second_and_once() -> None:
    heard = listen({"a": talk((1_000, 9_000), level=34), "b": talk((3_000, 9_000), level=22)}, until_ms=9_000)
    assert heard.reigned == [None, "a", "b"]
    assert 4_000 <= heard.leaders[-1][0] <= 4_600
    assert [one.peer for one in heard.told[-1][1]] == ["b", "a"]


def test_who_is_muted_or_has_gone_speaks_no_more_and_is_followed_at_once() -> None:
    speakers, heard = Speakers(), Heard()
    for now_ms in range(0, 1_000, 100):
        look(speakers, heard, {"a": 30, "b": 32}, now_ms)
    assert heard.reigned == [None, "a"]
    look(speakers, heard, {"b": 32}, 1_000)
    assert [one.peer for one in heard.told[-1][1]] == ["b"]
    assert speakers.dominant == "b"
    look(speakers, heard, {}, 1_100)
    assert heard.told[-1][1] == ()


def test_nothing_is_told_twice_but_what_is_much_louder() -> None:
    speakers, heard = Speakers(), Heard()
    for now_ms in range(0, 2_000, 100):
        look(speakers, heard, {"a": 30 if now_ms < 1_000 else 31}, now_ms)
    assert len(heard.told) == 1
    look(speakers, heard, {"a": 15}, 2_000)
    assert [one.loudness for one in heard.told[-1][1]] == [loudness(15)]


def crowd(size: int, *, until_ms: int) -> dict[str, Sound]:
    """People of whom now and then one says something, some beside fans; they often talk at once."""
    rng = seeded(5)
    turns: dict[int, list[tuple[int, int]]] = {number: [] for number in range(size)}
    now_ms = 1_000
    while now_ms < until_ms:
        turns[rng.randrange(size)].append((now_ms, now_ms + rng.randrange(100, 3_000)))
        now_ms += rng.randrange(100, 1_500)
    fans = {f"p{number}": fan(rng.randrange(41, 60)) for number in range(0, size, 3)}
    return {f"p{number}": talk(*turns[number], level=rng.randrange(22, 38)) for number in range(size)} | fans


def test_in_a_room_of_200_all_are_told_at_most_five_times_a_second_and_never_of_a_fan() -> None:
    heard = listen(crowd(200, until_ms=30_000), until_ms=30_000)
    times = [now_ms for now_ms, _ in heard.told]
    assert len(times) > 20
    assert all(after - before >= 1_000 for before, after in zip(times, times[TOLD_A_SECOND:], strict=False))
    assert all(after[0] - before[0] >= REIGN_S * 1000 for before, after in pairwise(heard.leaders))
    fans = {f"p{number}" for number in range(0, 200, 3)}
    assert not fans & {one.peer for _, speakers in heard.told for one in speakers}


def test_of_many_who_begin_at_once_the_last_is_told_without_waiting_for_the_next_second() -> None:
    people = {f"p{number}": talk((1_000 + 50 * number, 3_000)) for number in range(8)}
    told_at = listen(people, until_ms=3_000).told_at("p7")
    assert told_at is not None
    assert told_at <= 1_350 + LATE_MS + 100


def test_who_is_quiet_costs_nothing_to_remember() -> None:
    speakers = Speakers()
    levels = {f"p{number}": 70 for number in range(1_000)}
    for now_ms in range(0, 5_000, 100):
        speakers.update(levels | {"p7": 30 if now_ms < 2_000 else 70}, now_ms / 1000)
    assert not speakers


def test_loudness_is_between_0_and_1() -> None:
    assert [loudness(level) for level in (0, 30, 60, 127)] == [1.0, 0.5, 0.0, 0.0]


def test_there_is_something_to_look_at_until_all_are_told_that_nobody_speaks() -> None:
    speakers, heard = Speakers(), Heard()
    assert not speakers
    for now_ms in range(0, 500, 100):
        look(speakers, heard, {"a": 30}, now_ms)
    assert speakers
    look(speakers, heard, {}, 10_000)
    assert heard.told[-1][1] == ()
    assert not speakers
