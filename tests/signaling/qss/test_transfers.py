"""Attended transfers: the target admits and waits, the source lets go."""

from __future__ import annotations

import pytest

from signaling.errors import Already, NotInAcl, RoomFull, RoomLocked
from signaling.qss import rules
from signaling.qss.effects import Conclude, Effect, Grant, Revoke, Tell, Transferred
from signaling.qss.frames import Event, MediaTypes, wire
from signaling.qss.identifiers import DeviceId, DeviceRef, Instant, PeerId, RequestId, RoomId, UserId
from signaling.qss.membership import Standing
from signaling.qss.offer import Offer
from signaling.qss.room import DESTROYED, MEDIA_SERVER_LOST, Change, Member, Peer, Room
from signaling.qss.transfers import Move, Step, Transfer
from tests.signaling.qss.virtual import ALICE, ALICES, BOB, CAROL, ROOM, event, fresh_room

SOURCE = RoomId("9" * 64)
REQUEST = RequestId("t1")
NOW, LATER = Instant(10.0), Instant(40.0)
CAROLS = DeviceRef(CAROL, DeviceId("carol-tab"))


def expected(room: Room, user: UserId = BOB, by: DeviceRef = ALICES, expires_at: Instant = LATER) -> Change:
    return rules.expect(room, by=by, request_id=REQUEST, user=user, source=SOURCE, expires_at=expires_at)


def waiting() -> Room:
    """Alice's room waits for Bob."""
    room = expected(fresh_room(peers=frozenset({Peer(ALICE, PeerId("p1"))}))).room
    assert room is not None
    return room


def said(room: RoomId, state: str, **error: int) -> Event:
    return event("transfer", roomId=room, userId=ALICE, kind="attended", to=BOB, state=state, **error)


def results(effects: tuple[Effect, ...]) -> list[dict[str, object]]:
    return [wire(effect.result) for effect in effects if isinstance(effect, Conclude)]


def ends(effects: tuple[Effect, ...]) -> list[Transferred]:
    return [effect for effect in effects if isinstance(effect, Transferred)]


def test_the_target_grants_the_participant_waits_for_him_and_tells_the_room() -> None:
    change = expected(fresh_room())
    assert change.room is not None
    assert change.room.members[-1] == Member(BOB, 2, Standing.MEMBER)
    assert change.room.next_serial == 3
    assert change.room.deadline() == LATER
    assert change.effects == (Grant("sfu1", ROOM, BOB, 2), Tell((ALICE,), said(ROOM, "started")))


def test_the_target_takes_nobody_it_has_and_nobody_when_locked_or_full_or_for_a_stranger() -> None:
    with pytest.raises(Already):
        expected(waiting())
    with pytest.raises(RoomLocked):
        expected(fresh_room(locked=True))
    with pytest.raises(RoomFull):
        expected(fresh_room(participants_limit=0))
    with pytest.raises(NotInAcl):
        expected(fresh_room(), by=CAROLS)
    assert expected(fresh_room(participants_limit=2)).room is not None


def test_a_user_found_without_media_after_a_restart_may_be_transferred_there() -> None:
    unsure = Member(BOB, 2, Standing.UNSURE)
    room = fresh_room(members=(*fresh_room().members, unsure), next_serial=3, participants_limit=2)
    change = expected(room)
    assert change.room is not None
    assert change.room.members == (*fresh_room().members, Member(BOB, 3, Standing.MEMBER))


def test_his_media_completes_it_once() -> None:
    change = rules.joined(waiting(), BOB, PeerId("p2"), NOW)
    assert change.room is not None
    assert change.room.transfers == ()
    assert [result.get("error", "none") for result in results(change.effects)] == ["none"]
    assert ends(change.effects) == [Transferred(SOURCE, BOB, ALICE, ROOM, None)]
    assert Tell((ALICE, BOB), said(ROOM, "completed")) in change.effects
    again = rules.joined(change.room, BOB, PeerId("p3"), NOW)
    assert results(again.effects) == []


def test_media_of_somebody_else_does_not_complete_it() -> None:
    room = rules.add(waiting(), ALICE, [CAROL]).room
    assert room is not None
    assert results(rules.joined(room, CAROL, PeerId("p3"), NOW).effects) == []


def test_who_does_not_come_in_time_leaves_the_target_again_with_408() -> None:
    assert rules.on_time(waiting(), Instant(LATER - 0.001)) == Change(waiting())
    change = rules.on_time(waiting(), LATER)
    assert change.room is not None
    assert change.room.participants == (ALICE,)
    assert [result["error"] for result in results(change.effects)] == [408]
    assert Revoke("sfu1", ROOM, BOB, "not transferred") in change.effects
    assert ends(change.effects) == [Transferred(SOURCE, BOB, ALICE, ROOM, 408)]


def test_of_two_transfers_only_the_one_whose_time_is_over_ends() -> None:
    both = expected(waiting(), user=CAROL, expires_at=Instant(50.0)).room
    assert both is not None
    change = rules.on_time(both, LATER)
    assert change.room is not None
    assert change.room.participants == (ALICE, CAROL)
    assert [transfer.user for transfer in change.room.transfers] == [CAROL]


def test_who_is_taken_out_of_the_target_is_not_transferred_487() -> None:
    change = rules.expel(waiting(), ALICE, [BOB], NOW, NOW)
    assert [result["error"] for result in results(change.effects)] == [487]
    assert Tell((ALICE,), said(ROOM, "failed", error=487)) in change.effects


@pytest.mark.parametrize(("reason", "code"), [(MEDIA_SERVER_LOST, 503), (DESTROYED, 487), ("stopped", 487)])
def test_a_target_that_ends_fails_it_with_503_if_its_node_was_lost_else_487(reason: str, code: int) -> None:
    change = rules.destroy(waiting(), reason, NOW)
    assert [result["error"] for result in results(change.effects)] == [code]
    assert ends(change.effects) == [Transferred(SOURCE, BOB, ALICE, ROOM, code)]


def test_the_source_hears_of_it_from_the_start_and_lets_him_go_at_the_end() -> None:
    members = (*fresh_room().members, Member(BOB, 2, Standing.MEMBER))
    source = fresh_room(members=members, peers=frozenset({Peer(ALICE, PeerId("p1")), Peer(BOB, PeerId("p2"))}))
    assert rules.announced(source, ALICE, BOB) == Change(source, (Tell((ALICE, BOB), said(ROOM, "started")),))
    change = rules.transferred(source, Transferred(ROOM, BOB, ALICE, SOURCE, None), NOW)
    assert change.room is not None
    assert change.room.participants == (ALICE,)
    assert change.effects[:2] == (Tell((ALICE, BOB), said(ROOM, "completed")), Revoke("sfu1", ROOM, BOB, "transferred"))
    stays = rules.transferred(source, Transferred(ROOM, BOB, ALICE, SOURCE, 408), NOW)
    assert stays == Change(source, (Tell((ALICE, BOB), said(ROOM, "failed", error=408)),))


def test_a_source_that_he_has_left_already_hears_of_it_and_changes_nothing() -> None:
    source = fresh_room()
    change = rules.transferred(source, Transferred(ROOM, BOB, ALICE, SOURCE, None), NOW)
    assert change == Change(source, (Tell((ALICE,), said(ROOM, "completed")),))


def test_a_transfer_ends_once() -> None:
    transfer = Transfer(by=ALICES, request_id=REQUEST, user=BOB, source=SOURCE, expires_at=LATER)
    over = transfer.after(Step.ARRIVE)
    assert over is not None
    assert over.state is Move.COMPLETED
    assert [over.after(step) for step in Step] == [None] * len(Step)


def test_it_ends_by_time_also_where_time_is_seen_late_and_by_the_name_of_its_reason() -> None:
    late = rules.on_time(waiting(), Instant(LATER + 1))
    assert [result["error"] for result in results(late.effects)] == [408]
    lost = rules.destroy(waiting(), "".join(MEDIA_SERVER_LOST), NOW)
    assert [result["error"] for result in results(lost.effects)] == [503]


@pytest.mark.parametrize("user", [ALICE, BOB, CAROL])
def test_only_who_is_in_the_target_already_is_refused_there(user: UserId) -> None:
    others = [other for other in (ALICE, BOB, CAROL) if other != user]
    members = tuple(Member(other, serial, Standing.MEMBER) for serial, other in enumerate(others, start=1))
    room = fresh_room(members=members, next_serial=3)
    by = DeviceRef(others[0], DeviceId("tab"))
    change = expected(room, UserId("".join(user)), by)
    assert change.room is not None
    assert change.room.participants == (*others, user)
    with pytest.raises(Already):
        expected(change.room, UserId("".join(user)), by)


def test_who_left_the_source_and_is_being_rung_to_come_back_rings_on_when_he_arrives_in_the_target() -> None:
    offer = Offer(request_id=RequestId("r1"), inviter=ALICES, to=BOB, users=(BOB,), mediatypes=MediaTypes(), context={})
    rung = rules.invite(fresh_room(), offer, ring_id=RequestId("ring1"), now=NOW, expires_at=LATER).room
    assert rung is not None
    change = rules.transferred(rung, Transferred(ROOM, BOB, ALICE, SOURCE, None), NOW)
    assert change.room == rung
    assert change.effects == (Tell((ALICE,), said(ROOM, "completed")),)


def test_whoever_arrives_under_the_name_that_is_waited_for_completes_it() -> None:
    change = rules.joined(waiting(), UserId("".join(list(BOB))), PeerId("p2"), NOW)
    assert [end.error for end in ends(change.effects)] == [None]
