"""Call history over SAPI: one's own calls, the missed ones, and what administrators see more."""

from __future__ import annotations

from typing import Any

import pytest

from signaling.qss.history import CallEnded, CallRecord, CandidateRecord, StayRecord
from tests.support.api import Api
from tests.support.signaling import Server


def _record(number: int, inviter: str, invitee: str, **changes: Any) -> CallRecord:  # noqa: ANN401
    told: dict[str, Any] = {
        "id": f"ring-{number}",
        "room": f"{number:064x}",
        "inviter": inviter,
        "inviter_device": "d",
        "to": invitee,
        "invitees": (invitee,),
        "accepted_by": None,
        "media": ("audio", "video"),
        "created_ms": 1000 * number,
        "decided_ms": 1000 * number + 500,
        "reason": "DECLINED_BY_TIMEOUT",
        "code": 408,
        "candidates": (CandidateRecord(user=invitee, device="phone", reason="TIMEOUT"),),
    }
    return CallRecord(**{**told, **changes})


@pytest.fixture
async def talk(server: Server, api: Api) -> dict[str, Api]:
    """Alice called Bob (missed), then Bob called Alice (answered, over); Carol called Alice (missed)."""
    people = {name: await api.by(name) for name in ("alice", "bob", "carol")}
    alice, bob, carol = (people[name].id for name in people)
    calls = server.app.store.calls
    await calls.record(_record(1, alice, bob))
    answered = _record(2, bob, alice, accepted_by=alice, reason="ACCEPTED", code=None)
    await calls.record(answered)
    await calls.ended(CallEnded(room=answered.room, user=None, ended_ms=9000, reason="empty"))
    await calls.record(_record(3, carol, alice))
    return people


def _ids(listed: Any) -> list[str]:  # noqa: ANN401
    return [each["id"] for each in listed["calls"]]


async def test_ones_own_calls_are_listed_the_newest_first_a_page_at_a_time(talk: dict[str, Api]) -> None:
    alice = talk["alice"]
    assert _ids(await alice.got("/calls")) == ["ring-3", "ring-2", "ring-1"]
    first = await alice.got("/calls", limit=2)
    assert _ids(first) == ["ring-3", "ring-2"]
    rest = await alice.got("/calls", limit=2, after=first["next"])
    assert (_ids(rest), "next" in rest) == (["ring-1"], False)
    assert _ids(await talk["carol"].got("/calls")) == ["ring-3"]


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({"missed": "true"}, ["ring-3"]),
        ({"direction": "out"}, ["ring-1"]),
        ({"direction": "in"}, ["ring-3", "ring-2"]),
        ({"peer": "bob"}, ["ring-2", "ring-1"]),
        ({"reason": "ACCEPTED"}, ["ring-2"]),
        ({"since": 2000, "until": 3000}, ["ring-2"]),
    ],
)
async def test_calls_are_found_by_what_they_were(talk: dict[str, Api], asked: dict[str, Any], ids: list[str]) -> None:
    assert _ids(await talk["alice"].got("/calls", **asked)) == ids


async def test_a_call_says_how_it_went(talk: dict[str, Api]) -> None:
    alice, bob = talk["alice"], talk["bob"]
    assert await alice.got("/calls/ring-2") == {
        "id": "ring-2",
        "room": f"{2:064x}",
        "from": bob.id,
        "to": alice.id,
        "invitees": [alice.id],
        "acceptedBy": alice.id,
        "media": ["audio", "video"],
        "createdAt": 2000,
        "decidedAt": 2500,
        "endedAt": 9000,
        "endReason": "empty",
        "reason": "ACCEPTED",
        "code": None,
        "missedBy": [],
        "candidates": [{"user": alice.id, "device": "phone", "reason": "TIMEOUT"}],
        "score": None,
        "quality": [],
    }
    missed = await bob.got("/calls/ring-1")
    assert (missed["reason"], missed["code"], missed["missedBy"], missed["endedAt"]) == (
        "DECLINED_BY_TIMEOUT",
        408,
        [bob.id],
        None,
    )


async def test_a_call_says_how_good_it_was_and_is_found_by_that(server: Server, talk: dict[str, Api]) -> None:
    alice, bob = talk["alice"], talk["bob"]
    stay = StayRecord(
        room=f"{2:064x}",
        user=bob.id,
        peer="p1",
        began_ms=2800,
        ended_ms=8900,
        lasted_ms=6040,
        score=4.123456,
        worst=2.5,
        audio_score=4.3,
        video_score=None,
    )
    await server.app.store.calls.write([stay])
    called = await alice.got("/calls/ring-2")
    assert called["score"] == 4.12
    assert called["quality"] == [
        {"user": bob.id, "score": 4.12, "worst": 2.5, "audioScore": 4.3, "videoScore": None, "seconds": 6.0}
    ]
    assert _ids(await alice.got("/calls", minScore=4)) == ["ring-2"]
    assert _ids(await alice.got("/calls", minScore=4.2)) == []
    assert _ids(await alice.got("/calls", maxScore=4.2)) == ["ring-2"]


async def test_how_good_it_was_for_others_in_the_room_is_told_to_administrators_only(
    server: Server, api: Api, talk: dict[str, Api]
) -> None:
    admin, alice, carol = await api.by("root", admin=True), talk["alice"], talk["carol"]
    people = (alice, talk["bob"], carol)
    for each in people:
        stay = StayRecord(
            room=f"{2:064x}",
            user=each.id,
            peer=f"p of {each.id}",
            began_ms=3000,
            ended_ms=8900,
            lasted_ms=5000,
            score=4.0,
            worst=2.5,
            audio_score=4.0,
            video_score=None,
        )
        await server.app.store.calls.write([stay])
    for asker, told in ((alice, people[:2]), (talk["bob"], people[:2]), (admin, people)):
        whose = {"user": "alice"} if asker is admin else {}
        (listed,) = (await asker.got("/calls", reason="ACCEPTED", **whose))["calls"]
        for call in (listed, await asker.got("/calls/ring-2")):
            assert {quality["user"] for quality in call["quality"]} == {each.id for each in told}
            assert call["score"] == 4.0


async def test_the_devices_of_others_are_told_to_administrators_only(api: Api, talk: dict[str, Api]) -> None:
    admin = await api.by("root", admin=True)
    assert (await talk["alice"].got("/calls/ring-1"))["candidates"] == []
    assert len((await admin.got("/calls/ring-1"))["candidates"]) == 1


async def test_calls_of_others_are_for_administrators_of_their_domain(api: Api, talk: dict[str, Api]) -> None:
    admin, boss = await api.by("root", admin=True), await api.by("boss", "acme", admin=True)
    assert _ids(await admin.got("/calls")) == []
    assert _ids(await admin.got("/calls", domain="local")) == ["ring-3", "ring-2", "ring-1"]
    assert _ids(await admin.got("/calls", user="carol")) == ["ring-3"]
    assert (await talk["bob"].get("/calls", user="alice"))[0] == 403
    assert (await talk["bob"].get("/calls", domain="local"))[0] == 403
    assert (await talk["bob"].get("/calls/ring-3"))[0] == 404
    assert (await boss.get("/calls", user=talk["alice"].id))[0] == 404
    assert (await boss.get("/calls/ring-3"))[0] == 404
    assert _ids(await boss.got("/calls", domain="acme")) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"after": "x"},
        {"limit": 0},
        {"limit": "many"},
        {"reason": "RUDE"},
        {"minScore": 0},
        {"maxScore": "good"},
        {"tea": 1},
    ],
)
async def test_a_question_that_is_none_is_named(talk: dict[str, Api], asked: dict[str, Any]) -> None:
    status, problem = await talk["alice"].get("/calls", **asked)
    assert (status, next(iter(asked)) in problem["detail"]) == (400, True)


async def test_who_could_not_be_reached_is_not_told_to_the_caller(server: Server, api: Api) -> None:
    alice, bob = await api.by("alice"), await api.by("bob")
    unreached = _record(4, alice.id, bob.id, to="bob", reason="NOBODY_REACHABLE", code=404, candidates=())
    await server.app.store.calls.record(unreached)
    (told,) = (await alice.got("/calls"))["calls"]
    assert (told["to"], told["invitees"], told["missedBy"]) == ("bob", [], [])
    assert (await bob.got("/calls"))["calls"][0]["invitees"] == [bob.id]
