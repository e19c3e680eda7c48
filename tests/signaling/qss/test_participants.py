"""What participants do to themselves, each other and the room: hold, mute, lock, and the ACL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from signaling.errors import NotInAcl, RoomFull, RoomLocked
from signaling.qss import rules
from signaling.qss.effects import Grant, Revoke, Rights, Tell
from signaling.qss.identifiers import DeviceId, DeviceRef, Instant, PeerId, UserId
from signaling.qss.membership import Standing
from signaling.qss.room import Change, Member, Peer, Room
from tests.signaling.qss.virtual import ALICE, ALICES, BOB, CAROL, ROOM, World, bobs, event, fresh_room

DAVE = UserId("d" * 24)
CAROLS = DeviceRef(CAROL, DeviceId("carol-tab"))
NOW, LATER = Instant(10.0), Instant(25.0)
TWO = (Member(ALICE, 1, Standing.MEMBER), Member(BOB, 2, Standing.MEMBER))
RUNG = Member(CAROL, 3, Standing.INVITED)


def call(*more: Member, **changes: object) -> Room:
    """Alice and Bob are talking; `more` are in the ACL as well."""
    members = (*TWO, *more)
    return fresh_room(members=members, next_serial=len(members) + 1, **changes)


def after(change: Change) -> Room:
    assert change.room is not None
    return change.room


def told(room: Room, name: str, **payload: object) -> Tell:
    return Tell(room.present, event(name, roomId=ROOM, **payload))


# --- hold ------------------------------------------------------------------------------------------------------------


def test_hold_stops_the_users_media_and_the_room_hears_of_it() -> None:
    room = call(RUNG)
    change = rules.hold(room, BOB)
    assert after(change).held == (BOB,)
    assert change.effects == (
        Grant("sfu1", ROOM, BOB, 2, Rights(publish=False, receive=False)),
        told(room, "participant-held", userId=BOB),
    )


def test_unhold_lets_it_go_on_and_others_stay_held() -> None:
    both = after(rules.hold(after(rules.hold(call(), BOB)), ALICE))
    change = rules.unhold(both, BOB)
    assert after(change).held == (ALICE,)
    assert change.effects == (Grant("sfu1", ROOM, BOB, 2, Rights()), told(both, "participant-unheld", userId=BOB))


def test_holding_keeps_everybodys_place() -> None:
    assert after(rules.hold(call(), ALICE)).participants == (ALICE, BOB)


@pytest.mark.parametrize(("rule", "held"), [(rules.hold, True), (rules.unhold, False)])
def test_what_is_the_case_already_changes_nothing(rule: Callable[[Room, UserId], Change], held: bool) -> None:
    room = after(rules.hold(call(), BOB)) if held else call()
    assert rule(room, BOB) == Change(room)


@pytest.mark.parametrize("who", [CAROL, DAVE])
def test_who_is_only_rung_or_a_stranger_holds_locks_mutes_and_admits_nothing(who: UserId) -> None:
    room = call(RUNG)
    device = DeviceRef(who, DeviceId("tab"))
    forbidden: list[Callable[[], Change]] = [
        lambda: rules.hold(room, who),
        lambda: rules.unhold(room, who),
        lambda: rules.lock(room, who),
        lambda: rules.unlock(room, who),
        lambda: rules.mute_requested(room, who, ALICE, "audio", muted=True),
        lambda: rules.mute_requested(room, ALICE, who, "audio", muted=True),
        lambda: rules.mute_changed(room, device, "audio", muted=True),
        lambda: rules.add(room, who, [DAVE]),
        lambda: rules.expel(room, who, [ALICE], LATER, NOW),
        lambda: rules.demolish(room, device, NOW),
        lambda: rules.announced(room, who, ALICE),
        lambda: rules.announced(room, ALICE, who),
    ]
    for rule in forbidden:
        with pytest.raises(NotInAcl):
            rule()


# --- lock ------------------------------------------------------------------------------------------------------------


def test_locking_and_unlocking_are_told_to_the_room_by_name() -> None:
    room = call(RUNG)
    locked = rules.lock(room, BOB)
    assert after(locked).locked
    assert locked.effects == (told(room, "room-locked", userId=BOB),)
    unlocked = rules.unlock(after(locked), ALICE)
    assert not after(unlocked).locked
    assert unlocked.effects == (told(room, "room-unlocked", userId=ALICE),)


def test_locking_twice_is_told_once() -> None:
    room = after(rules.lock(call(), BOB))
    assert rules.lock(room, ALICE) == Change(room)
    assert rules.unlock(call(), ALICE) == Change(call())


# --- mute ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("muted", [True, False])
def test_a_mute_request_goes_to_whom_it_asks_and_changes_nothing(muted: bool) -> None:
    asked = event("mute-request", media="audio", muted=muted, requestedBy=ALICE, roomId=ROOM, to=BOB)
    assert rules.mute_requested(call(), ALICE, BOB, "audio", muted=muted) == Change(call(), (Tell((BOB,), asked),))


@pytest.mark.parametrize("muted", [True, False])
def test_a_mute_is_told_to_the_room_but_for_the_device_that_says_so(muted: bool) -> None:
    said = event("mute-change", roomId=ROOM, userId=BOB, media="video", muted=muted)
    change = rules.mute_changed(call(RUNG), bobs("phone"), "video", muted=muted)
    assert change == Change(call(RUNG), (Tell((ALICE, BOB), said, skip=bobs("phone")),))


# --- the ACL ---------------------------------------------------------------------------------------------------------


def test_added_users_get_grants_in_order_and_hear_of_it_and_nobody_rings() -> None:
    change = rules.add(call(), BOB, [DAVE, CAROL, DAVE, ALICE])
    assert after(change).members == (*TWO, Member(DAVE, 3, Standing.MEMBER), Member(CAROL, 4, Standing.MEMBER))
    assert after(change).next_serial == 5
    assert change.effects == (
        Grant("sfu1", ROOM, DAVE, 3),
        Grant("sfu1", ROOM, CAROL, 4),
        Tell((DAVE,), event("admitted", roomId=ROOM, userId=DAVE, by=BOB)),
        Tell((CAROL,), event("admitted", roomId=ROOM, userId=CAROL, by=BOB)),
    )


def test_adding_who_is_in_already_changes_nothing_even_in_a_locked_or_full_room() -> None:
    room = call(locked=True, participants_limit=2)
    assert rules.add(room, ALICE, [BOB, ALICE]) == Change(room)


def test_a_user_found_without_media_after_a_restart_is_added_anew_in_his_own_place() -> None:
    room = call(Member(CAROL, 3, Standing.UNSURE), participants_limit=3)
    assert after(rules.add(room, ALICE, [CAROL])).members == (*TWO, Member(CAROL, 4, Standing.MEMBER))


def test_a_locked_room_admits_nobody() -> None:
    with pytest.raises(RoomLocked):
        rules.add(call(locked=True), ALICE, [CAROL])


def test_a_room_takes_as_many_as_it_has_places_and_no_more() -> None:
    assert after(rules.add(call(participants_limit=3), ALICE, [CAROL])).participants == (ALICE, BOB, CAROL)
    with pytest.raises(RoomFull) as refusal:
        rules.add(call(participants_limit=3), ALICE, [CAROL, DAVE])
    assert refusal.value.code == 486


def test_an_expelled_user_is_cut_off_and_everybody_is_told_while_the_room_goes_on() -> None:
    room = call(peers=frozenset({Peer(ALICE, PeerId("p1")), Peer(BOB, PeerId("p2"))}))
    change = rules.expel(room, ALICE, [BOB, BOB, DAVE], LATER, NOW)
    following = after(change)
    assert following.participants == (ALICE,)
    assert following.keep_until == room.keep_until
    assert change.effects == (
        Revoke("sfu1", ROOM, BOB, "removed"),
        Tell((BOB,), event("expelled", roomId=ROOM, userId=BOB, reason="removed")),
        told(following, "participant-left", userId=BOB, peer="p2", reason="removed"),
    )


def test_a_room_whose_last_media_is_expelled_waits_a_moment() -> None:
    room = call(peers=frozenset({Peer(BOB, PeerId("p2"))}))
    assert after(rules.expel(room, ALICE, [BOB], LATER, NOW)).keep_until == LATER
    assert rules.expel(room, ALICE, [BOB], NOW, NOW).room is None


def test_a_rung_user_who_is_expelled_stops_ringing_without_having_declined() -> None:
    world = World()
    world.joined(ALICE, "p1")
    world.invite()
    world.apply(lambda r: rules.expel(r, ALICE, [BOB], world.instant, world.instant))
    assert [result["error"] for result in world.told_alice()] == [487]
    assert [cancel["error"] for cancel in world.cancels(bobs("phone"))] == [487]


def test_an_expelled_inviter_takes_her_invitations_with_her_and_is_told() -> None:
    world = World()
    world.apply(lambda r: rules.add(r, ALICE, [CAROL]))
    world.joined(CAROL, "p3")
    world.joined(ALICE, "p1")
    world.invite()
    world.apply(lambda r: rules.expel(r, CAROL, [ALICE], world.instant, world.instant))
    assert world.cancels(bobs("phone"))
    assert [result["error"] for result in world.told_alice()] == [487]


def test_destroying_a_room_cancels_everybodys_invitations_and_tells_but_the_device_that_did() -> None:
    world = World()
    world.apply(lambda r: rules.add(r, ALICE, [CAROL]))
    world.invite("r1", inviter=ALICES)
    world.apply(lambda r: rules.add(r, ALICE, [CAROL]))
    world.invite("r2", to=DAVE, ring="ring2", inviter=CAROLS, granted=False)
    world.apply(lambda r: rules.demolish(r, ALICES, world.instant))
    assert world.room() is None
    assert world.results("r1")[0]["error"] == world.results("r2")[0]["error"] == 487
    assert [result["requestID"] for result in world.told_alice()] == ["r2"]
    assert world.events("room-destroyed") == [{"roomId": ROOM, "reason": "destroyed"}]
