"""`tertulia call history`: what a line tells, and which calls are shown."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace

import pytest

from signaling.console.parts import local_time
from signaling.console.when import since_ms
from signaling.errors import ConfigError
from signaling.qss.history import (
    ACCEPTED,
    ANSWERED_ELSEWHERE,
    DECLINED_BY_TIMEOUT,
    TIMEOUT,
    CallEnded,
    CallRecord,
    CandidateRecord,
    StayRecord,
)
from signaling.store import Store

from .conftest import Tertulia

NOW = 1_790_000_000.0


@dataclass(frozen=True)
class Past:
    """Bob has missed a call of Alice, then talked with her for 65 s; then he missed one of Carol."""

    alice: str
    bob: str
    carol: str
    missed: CallRecord
    talked: CallRecord


@pytest.fixture
def past(tertulia: Tertulia) -> Past:
    alice, bob, carol = tertulia.ids("alice", "bob", "carol")
    at = int(time.time() * 1000)
    missed = CallRecord(
        id="missed",
        room="r1",
        inviter=alice,
        inviter_device="tab",
        to=bob,
        invitees=(bob,),
        accepted_by=None,
        media=("audio",),
        created_ms=at - 10 * 86_400_000,
        decided_ms=at - 10 * 86_400_000 + 30_000,
        reason=DECLINED_BY_TIMEOUT,
        code=408,
        candidates=(CandidateRecord(user=bob, device="phone", reason=TIMEOUT),),
    )
    talked = replace(
        missed,
        id="talked",
        room="r2",
        created_ms=at - 3_600_000,
        decided_ms=at - 3_590_000,
        reason=ACCEPTED,
        code=None,
        accepted_by=bob,
        candidates=(
            CandidateRecord(user=bob, device="phone", reason=ACCEPTED),
            CandidateRecord(user=bob, device="tab\x1b[2J", reason=ANSWERED_ELSEWHERE),
        ),
    )
    hers = replace(missed, id="hers", room="r3", inviter=carol, created_ms=at - 60_000, decided_ms=at - 30_000)

    async def write(store: Store) -> None:
        ended = CallEnded(room="r2", user=None, ended_ms=talked.decided_ms + 65_432, reason="left")
        await store.calls.write((missed, talked, hers, ended))

    tertulia.store(write)
    return Past(alice, bob, carol, missed, talked)


def shown(tertulia: Tertulia, *arguments: str) -> list[str]:
    """The ids of the calls, as machines read them."""
    return [call["id"] for call in json.loads(tertulia.run("call", "history", "--json", *arguments))["calls"]]


def line_with(text: str, part: str) -> str:
    (line,) = [line for line in text.splitlines() if part in line]
    return line


def test_a_line_tells_when_who_what_came_of_it_and_how_it_ended_at_each_device(tertulia: Tertulia, past: Past) -> None:
    table = tertulia.run("call", "history")
    talked = line_with(table, " 1:05 ").split()
    assert " ".join(talked[:2]) == local_time(past.talked.created_ms)
    assert talked[2:] == ["alice@local", "→", "bob@local", "ACCEPTED", "1:05", "bob@local/phone", "ACCEPTED"]
    assert "bob@local/tab\ufffd[2J ANSWERED_ELSEWHERE" in table
    missed = line_with(table, local_time(past.missed.created_ms)).split()
    assert missed[2:] == [
        "alice@local",
        "→",
        "bob@local",
        "DECLINED_BY_TIMEOUT,",
        "missed",
        "bob@local/phone",
        "TIMEOUT",
    ]


def test_of_a_user_it_tells_which_way_and_misses_only_what_he_missed(tertulia: Tertulia, past: Past) -> None:
    hers, of_bob = tertulia.run("call", "history", "--user", "alice"), tertulia.run("call", "history", "--user", "bob")
    when = local_time(past.missed.created_ms)
    assert line_with(hers, when).split()[2:7] == ["out", "alice@local", "→", "bob@local", "DECLINED_BY_TIMEOUT"]
    assert line_with(of_bob, when).split()[2:8] == [
        *("in", "alice@local", "→", "bob@local", "DECLINED_BY_TIMEOUT,", "missed"),
    ]


def test_a_talk_without_an_end_goes_on(tertulia: Tertulia, past: Past) -> None:
    on = replace(past.talked, id="on", room="r9", created_ms=past.talked.created_ms + 1)
    tertulia.store(lambda store: store.calls.record(on))
    assert "ACCEPTED goes on bob@local/phone" in " ".join(tertulia.run("call", "history", "--limit", "2").split())


def test_a_talk_of_hours_tells_them(tertulia: Tertulia, past: Past) -> None:
    ended = CallEnded(room="r8", user=None, ended_ms=past.talked.decided_ms + 3_725_000, reason="left")
    tertulia.store(lambda store: store.calls.write((replace(past.talked, id="long", room="r8"), ended)))
    assert "1:02:05" in tertulia.run("call", "history")


def test_a_talk_tells_how_good_it_was(tertulia: Tertulia, past: Past) -> None:
    stay = StayRecord(
        room="r2",
        user=past.bob,
        peer="p1",
        began_ms=past.talked.decided_ms + 5_000,
        ended_ms=past.talked.decided_ms + 60_000,
        lasted_ms=50_000,
        score=4.26,
        worst=3.0,
        audio_score=4.26,
        video_score=None,
    )
    tertulia.store(lambda store: store.calls.write((stay,)))
    talked = line_with(tertulia.run("call", "history"), " 1:05 ").split()
    assert talked[2:8] == ["alice@local", "→", "bob@local", "ACCEPTED", "1:05", "4.3"]
    (call,) = json.loads(tertulia.run("call", "history", "--json", "--user", "alice", "--limit", "1"))["calls"]
    assert call["score"] == 4.26
    assert call["quality"] == [
        {"user": past.bob, "score": 4.26, "worst": 3.0, "audioScore": 4.26, "videoScore": None, "seconds": 50.0}
    ]


def test_calls_are_the_newest_first_and_as_many_as_asked(tertulia: Tertulia, past: Past) -> None:
    assert shown(tertulia) == ["hers", "talked", "missed"]
    assert shown(tertulia, "--limit", "2") == ["hers", "talked"]
    assert shown(tertulia, "--user", "alice") == ["talked", "missed"]
    assert shown(tertulia, "--user", "bob", "--missed") == ["hers", "missed"]
    assert shown(tertulia, "--user", "alice", "--missed") == []
    assert shown(tertulia, "--missed") == ["hers", "missed"]
    assert shown(tertulia, "--since", "7d") == ["hers", "talked"]


def test_machines_are_told_as_sapi_tells_them_with_names_beside(tertulia: Tertulia, past: Past) -> None:
    told = json.loads(tertulia.run("call", "history", "--json", "--user", "alice", "--limit", "1"))
    (call,) = told["calls"]
    assert call["from"] == past.alice
    assert (call["reason"], call["acceptedBy"], call["missedBy"]) == ("ACCEPTED", past.bob, [])
    assert (call["score"], call["quality"]) == (None, [])
    assert (call["endedAt"], call["endReason"]) == (past.talked.decided_ms + 65_432, "left")
    assert call["candidates"][0] == {"user": past.bob, "device": "phone", "reason": "ACCEPTED"}
    assert told["names"] == {past.alice: "alice@local", past.bob: "bob@local"}


def test_the_history_of_a_removed_user_is_found_by_his_id(tertulia: Tertulia, past: Past) -> None:
    tertulia.run("user", "remove", "bob")
    assert shown(tertulia, "--user", past.bob) == ["hers", "talked", "missed"]
    assert past.bob in tertulia.run("call", "history")
    assert tertulia.refused("call", "history", "--user", "bob")[0] == 1


def test_a_group_is_named_with_who_took_the_call(tertulia: Tertulia, past: Past) -> None:
    group = tertulia.store(lambda store: store.groups.add("desk", "local", members=(past.bob,)))
    tertulia.store(lambda store: store.calls.record(replace(past.talked, id="group", room="r7", to=group.id)))
    assert "alice@local → desk@local (bob@local)" in tertulia.run("call", "history")


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("--limit", "0"), 2, "--limit: must be 1 to 1000, not 0"),
        (("--limit", "1001"), 2, "--limit: must be 1 to 1000, not 1001"),
        (("--since", "yesterday"), 2, "--since: 'yesterday' is neither"),
        (("--user", "nobody"), 1, "no user 'nobody' in "),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    tertulia: Tertulia, past: Past, arguments: tuple[str, ...], status: int, says: str
) -> None:
    ended, line = tertulia.refused("call", "history", *arguments)
    assert ended == status
    assert line.startswith(says)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("30m", 1_789_998_200_000),
        ("12h", 1_789_956_800_000),
        ("7d", 1_789_395_200_000),
        ("2w", 1_788_790_400_000),
        ("999999w", 0),
        ("2026-11-01T10:00:00+00:00", 1_793_527_200_000),
        ("1900-01-01T00:00:00+00:00", 0),
    ],
)
def test_since_is_how_long_ago_or_a_time(text: str, ms: int) -> None:
    assert since_ms(text, NOW) == ms


@pytest.mark.parametrize("text", ["", "7", "7y", "-7d", "d", "2026-13-01", "0001-01-01", "٣d"])
def test_since_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(ConfigError, match="--since"):
        since_ms(text, NOW)
