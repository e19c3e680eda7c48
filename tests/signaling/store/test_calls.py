"""Call history: written twice, in any order, and searched, in real databases of both kinds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from signaling.qss.history import (
    ACCEPTED,
    BUSY,
    DECLINED,
    DECLINED_BY_CREATOR,
    DECLINED_BY_TIMEOUT,
    DISCONNECTED,
    NOBODY_REACHABLE,
    TIMEOUT,
    CallEnded,
    CallRecord,
    CandidateRecord,
    Entry,
    StayRecord,
)
from signaling.store import Store
from signaling.store.history import CallFilter, End, Quality
from signaling.store.missed import missed_by

ALICE, BOB, CAROL = "a" * 24, "b" * 24, "c" * 24


def call(name: str, at: int = 1000, **changes: object) -> CallRecord:
    made = CallRecord(
        id=name,
        room="r" * 64,
        inviter=ALICE,
        inviter_device="tab",
        to=BOB,
        invitees=(BOB,),
        accepted_by=None,
        media=("audio", "video"),
        created_ms=at,
        decided_ms=at + 500,
        reason=DECLINED_BY_TIMEOUT,
        code=408,
        candidates=(CandidateRecord(user=BOB, device="phone", reason=TIMEOUT),),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def accepted(name: str, at: int = 1000, by: str = BOB, **changes: object) -> CallRecord:
    won = (CandidateRecord(user=by, device="phone", reason=ACCEPTED),)
    return call(name, at, accepted_by=by, reason=ACCEPTED, code=None, candidates=won, **changes)


def stay(peer: str, user: str = BOB, began: int = 1600, ended: int = 3600, **changes: object) -> StayRecord:
    made = StayRecord(
        room="r" * 64,
        user=user,
        peer=peer,
        began_ms=began,
        ended_ms=ended,
        lasted_ms=ended - began,
        score=4.0,
        worst=3.0,
        audio_score=4.25,
        video_score=None,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


async def names(store: Store, **sought: object) -> list[str]:
    return [found.record.id for found in await store.calls.list(CallFilter(**sought))]  # type: ignore[arg-type]


async def test_a_call_is_read_as_it_was_written(store: Store) -> None:
    await store.calls.record(call("one"))
    (found,) = await store.calls.list(CallFilter())
    assert (found.record, found.end, found.missed_by) == (call("one"), None, (BOB,))
    assert await store.calls.by_id("one") == found
    assert await store.calls.by_id("two") is None


async def test_a_call_that_is_written_twice_is_there_once(store: Store) -> None:
    await store.calls.write([call("one"), accepted("two")])
    await store.calls.write([accepted("two"), call("one")])
    await store.calls.record(call("one"))
    assert await names(store) == ["two", "one"]
    assert await names(store, user=BOB) == ["two", "one"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 1, 0, 0, 1)])
async def test_the_end_of_a_talk_finds_its_call_in_any_order(store: Store, order: tuple[int, ...]) -> None:
    news: list[CallRecord | CallEnded] = [
        accepted("one"),
        CallEnded(room="r" * 64, user=None, ended_ms=9000, reason="left"),
    ]
    for index in order:
        await store.calls.write([news[index]])
    (found,) = await store.calls.list(CallFilter())
    assert found.end == End(9000, "left")


async def test_a_talk_ends_with_the_first_end_that_is_its_own(store: Store) -> None:
    first, again = accepted("first", 1000), accepted("again", 5000)
    other, elsewhere = accepted("other", 1000, CAROL), accepted("elsewhere", 1000, room="s" * 64)
    refused = call("refused", 1000)
    await store.calls.write([first, again, other, elsewhere, refused])
    await store.calls.ended(CallEnded(room="r" * 64, user=BOB, ended_ms=4000, reason="left"))
    await store.calls.ended(CallEnded(room="r" * 64, user=BOB, ended_ms=7000, reason="lost"))
    await store.calls.ended(CallEnded(room="r" * 64, user=None, ended_ms=8000, reason="empty"))
    ends = {found.record.id: found.end for found in await store.calls.list(CallFilter())}
    assert ends == {
        "first": End(4000, "left"),
        "again": End(7000, "lost"),
        "other": End(8000, "empty"),
        "elsewhere": None,
        "refused": None,
    }


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (2, 2, 0, 1, 0)])
async def test_the_quality_of_a_call_finds_it_in_any_order(store: Store, order: tuple[int, ...]) -> None:
    news: list[Entry] = [
        accepted("one"),
        CallEnded(room="r" * 64, user=None, ended_ms=5000, reason="left"),
        stay("p1", began=1600, ended=5100),
    ]
    for index in order:
        await store.calls.write([news[index]])
    (found,) = await store.calls.list(CallFilter())
    assert found.quality == (
        Quality(user=BOB, score=4.0, worst=3.0, audio_score=4.25, video_score=None, lasted_ms=3500),
    )
    assert found.score == 4.0


async def test_a_call_is_as_good_as_it_was_for_who_was_there_by_how_long(store: Store) -> None:
    stays = [stay("p1", ALICE, 2000, 5000, score=3.0), stay("p2", BOB, 2000, 3000, score=5.0)]
    await store.calls.write([accepted("one"), *stays])
    found = await store.calls.by_id("one")
    assert found is not None
    assert found.score == pytest.approx((3.0 * 3 + 5.0) / 4)


async def test_of_a_user_with_several_stays_all_count(store: Store) -> None:
    first = stay("p1", BOB, 2000, 5000, score=3.0, worst=1.5, audio_score=None, video_score=3.0)
    again = stay("p2", BOB, 6000, 7000, score=5.0, worst=4.5, audio_score=4.5, video_score=5.0)
    await store.calls.write([accepted("one"), first, again])
    (quality,) = (await store.calls.list(CallFilter()))[0].quality
    assert (quality.score, quality.worst, quality.lasted_ms) == (3.5, 1.5, 4000)
    assert (quality.audio_score, quality.video_score) == (4.5, 3.5)


async def test_a_call_has_the_stays_of_its_own_time_and_room(store: Store) -> None:
    first, again = accepted("first", 1000), accepted("again", 5000)
    await store.calls.write([first, again, call("refused", 1000), accepted("elsewhere", 1000, room="s" * 64)])
    await store.calls.ended(CallEnded(room="r" * 64, user=BOB, ended_ms=4000, reason="left"))
    await store.calls.ended(CallEnded(room="r" * 64, user=None, ended_ms=9000, reason="empty"))
    stays = [
        stay("before", CAROL, 100, 1400),
        stay("all", ALICE, 900, 9000),
        stay("bob", BOB, 1600, 4010),
        stay("again", BOB, 5600, 9000),
        stay("after", CAROL, 9100, 9900),
    ]
    await store.calls.write(stays)
    users = {found.record.id: sorted(q.user for q in found.quality) for found in await store.calls.list(CallFilter())}
    assert users == {"first": [ALICE, BOB], "again": [ALICE, BOB], "refused": [], "elsewhere": []}


async def test_who_had_little_to_hear_has_a_part_in_every_call_that_he_was_there_for(store: Store) -> None:
    """Alone between two calls he rates nothing, and has been there all the same."""
    await store.calls.write([accepted("first", 1000), accepted("again", 5000)])
    await store.calls.ended(CallEnded(room="r" * 64, user=BOB, ended_ms=4000, reason="left"))
    await store.calls.ended(CallEnded(room="r" * 64, user=None, ended_ms=9000, reason="empty"))
    await store.calls.write([stay("all", ALICE, 900, 9000, lasted_ms=3000)])
    users = {found.record.id: [q.user for q in found.quality] for found in await store.calls.list(CallFilter())}
    assert users == {"first": [ALICE], "again": [ALICE]}
    assert await names(store, min_score=4.0) == ["again", "first"]


async def test_calls_are_found_by_their_score(store: Store) -> None:
    for number, score in enumerate((2.0, 3.0, 4.5)):
        room = str(number) * 64
        at = 1000 * (number + 1)
        await store.calls.write([accepted(f"{score}", at, room=room), call(f"missed{number}", at, room=room)])
        await store.calls.record(accepted(f"none{number}", at, room="x" * 64))
        bobs = stay("p", BOB, at + 600, at + 1000, room=room, score=score)
        later = stay("q", BOB, at + 90_000, at + 91_000, room=room, score=1.0)
        await store.calls.write([bobs, later, CallEnded(room=room, user=BOB, ended_ms=at + 1000, reason="left")])
    assert await names(store, min_score=1.0) == ["4.5", "3.0", "2.0"]
    assert await names(store, min_score=3.0) == ["4.5", "3.0"]
    assert await names(store, max_score=3.0, user=BOB) == ["3.0", "2.0"]
    assert await names(store, min_score=2.5, max_score=4.0, direction="in") == ["3.0"]


async def test_history_is_searched_by_every_field(store: Store) -> None:
    await store.users.add("dave", "example.org", "hash")
    dave = await store.users.by_name("dave@example.org")
    assert dave is not None
    await store.calls.write(
        [
            call("timeout", 1000),
            accepted("talk", 2000, inviter=BOB, to=CAROL, invitees=(CAROL,), by=CAROL),
            call(
                "refused", 3000, reason=DECLINED, candidates=(CandidateRecord(user=BOB, device="p", reason=DECLINED),)
            ),
            call("group", 4000, to="9" * 24, invitees=(BOB, CAROL, dave.id)),
        ]
    )
    assert await names(store) == ["group", "refused", "talk", "timeout"]
    assert await names(store, user=BOB) == ["group", "refused", "talk", "timeout"]
    assert await names(store, user=BOB, direction="out") == ["talk"]
    assert await names(store, user=BOB, direction="in") == ["group", "refused", "timeout"]
    assert await names(store, user=BOB, missed=True) == ["group", "timeout"]
    assert await names(store, user=BOB, missed=False) == ["refused", "talk"]
    assert await names(store, missed=True) == ["group", "timeout"]
    assert await names(store, user=BOB, peer=CAROL) == ["group", "talk"]
    assert await names(store, user=ALICE, peer=CAROL, direction="out") == ["group"]
    assert await names(store, peer=CAROL) == ["group", "talk"]
    assert await names(store, reason=DECLINED) == ["refused"]
    assert await names(store, user=BOB, since_ms=2000, until_ms=4000) == ["refused", "talk"]
    assert await names(store, since_ms=2000, until_ms=4000) == ["refused", "talk"]
    assert await names(store, domain="example.org") == ["group"]
    assert await names(store, domain="nowhere") == []
    assert await names(store, user="\0") == []
    await store.users.remove(dave.id)
    assert await names(store, domain="example.org") == ["group"]


@pytest.mark.parametrize("user", [None, BOB])
async def test_pages_miss_no_call_and_show_none_twice(store: Store, user: str | None) -> None:
    at_once = [call(f"call{number:02}", 1000 + number // 3) for number in range(10)]
    await store.calls.write(at_once)
    seen: list[str] = []
    after = None
    while page := await store.calls.list(CallFilter(user=user), after=after, limit=4):
        seen += [found.record.id for found in page]
        after = page[-1].place
        await store.calls.record(call(f"new{len(seen)}", 5000))  # what comes meanwhile moves nothing
    assert seen == [f"call{number:02}" for number in range(9, -1, -1)]


async def test_old_history_is_forgotten(store: Store) -> None:
    await store.calls.write([accepted("old", 1000), accepted("new", 3000)])
    await store.calls.ended(CallEnded(room="r" * 64, user=BOB, ended_ms=1900, reason="left"))
    await store.calls.write([stay("old", began=1600, ended=1900), stay("new", began=3600, ended=4000)])
    assert await store.calls.forget_before(2000) == 1
    assert await store.calls.forget_before(2000) == 0
    assert await names(store) == ["new"]
    assert await names(store, user=BOB) == ["new"]
    await store.calls.record(accepted("older", 1000))
    older = await store.calls.by_id("older")
    assert older is not None
    assert [each.lasted_ms for each in older.quality] == [400]


async def test_what_a_device_made_up_is_written_as_far_as_it_can_be(store: Store) -> None:
    strange = CandidateRecord(user=BOB, device="\0\ud800", reason=TIMEOUT)
    await store.calls.record(call("one", inviter_device="\0\ud800" + "x" * 100, to="\0", candidates=(strange,)))
    (found,) = await store.calls.list(CallFilter())
    assert found.record.inviter_device == ("\ufffd\ufffd" + "x" * 100)[:64]
    assert found.record.candidates[0].device == "\ufffd\ufffd"


DECLINING, IS_BUSY, GONE = [
    CandidateRecord(user=BOB, device=reason, reason=reason) for reason in (DECLINED, BUSY, DISCONNECTED)
]


@pytest.mark.parametrize(
    ("over", "missed"),
    [
        (call("x", reason=DECLINED_BY_TIMEOUT), (BOB,)),
        (call("x", reason=DECLINED_BY_CREATOR), (BOB,)),
        (call("x", reason=NOBODY_REACHABLE, candidates=()), (BOB,)),
        (call("x", reason=DECLINED, candidates=(DECLINING,)), ()),
        (call("x", reason=DECLINED, candidates=(IS_BUSY,)), (BOB,)),
        (call("x", reason=DECLINED_BY_TIMEOUT, candidates=(DECLINING, GONE)), ()),
        (call("x", reason=DECLINED_BY_TIMEOUT, invitees=(BOB, CAROL), candidates=(DECLINING,)), (CAROL,)),
        (accepted("x", by=CAROL, invitees=(BOB, CAROL)), ()),
    ],
)
def test_a_call_is_missed_by_whom_it_was_for_and_who_did_not_refuse_it(
    over: CallRecord, missed: tuple[str, ...]
) -> None:
    assert missed_by(over) == missed
