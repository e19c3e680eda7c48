"""Rooms on virtual time: media, leaving, and when a room dies."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from signaling.errors import NotInAcl
from signaling.qss import rules
from signaling.qss.effects import CloseRoom, Effect, Grant, Redirect, Revoke, Rights, Tell
from signaling.qss.figures import Figures, Way
from signaling.qss.frames import Server
from signaling.qss.identifiers import Instant, PeerId, UserId
from signaling.qss.membership import Standing
from signaling.qss.room import LOST, Change, Held, Member, Peer, Rating
from tests.signaling.qss.virtual import ALICE, ALICES, BOB, CAROL, ROOM, World, bobs, fresh_room

PHONE = bobs("phone")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def call() -> World:
    """Alice and Bob are talking."""
    world = World()
    world.joined(ALICE, "p1")
    world.invite()
    world.answer(PHONE)
    world.joined(BOB, "p2")
    return world


def _audience(effects: Iterable[Effect], name: str) -> list[tuple[UserId, ...]]:
    return [e.users for e in effects if isinstance(e, Tell) and e.event.payload.event_name == name]


def test_a_fresh_room_waits_for_its_first_media_and_then_dies(world: World) -> None:
    world.wait(59)
    assert world.room() is not None
    world.wait(2)
    assert world.room() is None
    assert [e.reason for e in world.done if isinstance(e, CloseRoom)] == ["empty"]


def test_joined_is_told_to_everybody_in_the_room_with_user_and_peer(call: World) -> None:
    assert call.events("participant-joined") == [
        {"roomId": ROOM, "userId": ALICE, "peer": "p1"},
        {"roomId": ROOM, "userId": BOB, "peer": "p2"},
    ]
    assert _audience(call.done, "participant-joined") == [(ALICE,), (ALICE, BOB)]


def test_joined_twice_is_told_once(call: World) -> None:
    call.joined(BOB, "p2")
    assert len(call.events("participant-joined")) == 2


def test_a_user_may_be_in_a_room_from_several_devices(call: World) -> None:
    call.joined(BOB, "p3")
    call.left(BOB, "p2")
    room = call.room()
    assert room is not None
    assert room.peers == {Peer(ALICE, PeerId("p1")), Peer(BOB, PeerId("p3"))}


def test_media_of_a_user_who_is_not_in_the_acl_is_cut_off(call: World) -> None:
    call.joined(CAROL, "p9")
    assert call.done[-1] == Revoke("sfu1", ROOM, CAROL, "not in the ACL")
    room = call.room()
    assert room is not None
    assert Peer(CAROL, PeerId("p9")) not in room.peers


def test_leaving_takes_the_user_out_of_the_acl_and_the_media(call: World) -> None:
    call.leave(PHONE)
    room = call.room()
    assert room is not None
    assert room.participants == (ALICE,)
    assert Revoke("sfu1", ROOM, BOB, "left") in call.done
    assert call.events("participant-left") == [{"roomId": ROOM, "userId": BOB, "peer": "p2", "reason": "left"}]
    assert _audience(call.done, "participant-left") == [(ALICE,)]


def test_the_leavers_other_devices_are_told_that_they_are_out(call: World) -> None:
    call.leave(PHONE)
    told = [e for e in call.done if isinstance(e, Tell) and e.event.payload.event_name == "expelled"]
    assert [(e.users, e.skip) for e in told] == [((BOB,), PHONE)]


def test_the_nodes_own_report_of_a_leave_says_nothing_new(call: World) -> None:
    call.leave(PHONE)
    done = len(call.done)
    call.left(BOB, "p2", "revoked")
    assert len(call.done) == done


def test_a_second_leave_is_refused_as_not_in_the_acl(call: World) -> None:
    call.leave(PHONE)
    with pytest.raises(NotInAcl):
        call.leave(PHONE)


def test_a_leaver_whose_media_never_connected_is_missed_all_the_same(world: World) -> None:
    world.joined(ALICE, "p1")
    world.invite()
    world.answer(PHONE)
    world.leave(PHONE)
    assert world.events("participant-left") == [{"roomId": ROOM, "userId": BOB, "reason": "left"}]


def test_the_room_dies_when_the_last_participant_leaves(call: World) -> None:
    call.leave(PHONE)
    assert call.room() is not None
    call.leave(ALICES)
    assert call.room() is None
    assert isinstance(call.done[-1], CloseRoom)


def test_the_room_dies_at_a_clean_end_of_the_last_media(call: World) -> None:
    call.left(BOB, "p2")
    call.left(ALICE, "p1")
    assert call.room() is None
    assert _audience(call.done, "room-destroyed") == [(ALICE, BOB)]


def test_whose_media_travels_badly_is_known_of_who_is_here(call: World) -> None:
    done = len(call.done)
    call.apply(lambda r: rules.rated(r, {BOB: "poor", CAROL: "lost"}, {}))
    room = call.room()
    assert room is not None
    assert room.rated == (Rating(BOB, "poor"),)
    call.apply(lambda r: rules.rated(r, {ALICE: "fair"}, {}))
    room = call.room()
    assert room is not None
    assert room.rated == (Rating(ALICE, "fair"),)
    figures = Figures(40, None, Way(500, 0.01, 3), Way(900, 0.0, 5))
    call.apply(lambda r: rules.rated(r, {ALICE: "fair"}, {ALICE: figures, BOB: figures, CAROL: figures}))
    room = call.room()
    assert room is not None
    assert set(room.rated) == {Rating(ALICE, "fair", figures), Rating(BOB, "good", figures)}
    assert len(call.done) == done


def test_a_lost_connection_is_kept_for_15_s(call: World) -> None:
    call.left(BOB, "p2")
    call.left(ALICE, "p1", LOST)
    call.wait(14)
    assert call.room() is not None
    call.joined(ALICE, "p3")
    call.wait(100)
    assert call.room() is not None
    call.left(ALICE, "p3", LOST)
    call.wait(16)
    assert call.room() is None


def test_an_open_invitation_keeps_a_room_alive(world: World) -> None:
    world.wait(50)
    world.invite()
    world.wait(25)
    assert world.room() is not None
    world.wait(10)
    assert world.room() is None
    assert [result["error"] for result in world.results()] == [408]


def test_who_accepted_is_waited_for(world: World) -> None:
    world.wait(50)
    world.invite()
    world.wait(20)
    world.answer(PHONE)
    world.wait(50)
    assert world.room() is not None
    world.wait(20)
    assert world.room() is None


def test_nothing_is_left_of_a_dead_room(call: World) -> None:
    call.leave(PHONE)
    call.leave(ALICES)
    assert len(call.states) == 0


def test_media_that_connects_before_the_accept_goes_with_the_invitation(world: World) -> None:
    world.joined(ALICE, "p1")
    world.invite()
    world.joined(BOB, "p2")
    world.wait(31)
    room = world.room()
    assert room is not None
    assert room.peers == {Peer(ALICE, PeerId("p1"))}
    assert world.events("participant-left")[-1]["userId"] == BOB


SERVER = Server(https="wss://elsewhere/sfu1/socket.io", wss="wss://elsewhere/ws-sfu1")


def _reconciled(world: World, grants: set[tuple[UserId, int]], peers: set[Peer]) -> None:
    held = Held(SERVER, frozenset((user, serial, Rights()) for user, serial in grants), frozenset(peers))
    keep_until = Instant(world.now + 15)
    world.apply(lambda r: rules.reconciled(r, held, keep_until, world.instant))


def test_a_node_that_is_back_heals_what_was_missed(call: World) -> None:
    _reconciled(call, {(ALICE, 1), (BOB, 2)}, {Peer(ALICE, PeerId("p1")), Peer(BOB, PeerId("p7"))})
    assert call.events("participant-left") == [{"roomId": ROOM, "userId": BOB, "peer": "p2", "reason": LOST}]
    assert [joined["peer"] for joined in call.events("participant-joined")] == ["p1", "p2", "p7"]
    room = call.room()
    assert room is not None
    assert room.server == SERVER


def test_a_node_that_is_back_gets_lost_grants_again_and_forgets_dead_ones(call: World) -> None:
    before = len(call.done)
    _reconciled(call, {(ALICE, 1), (CAROL, 5)}, {Peer(ALICE, PeerId("p1")), Peer(BOB, PeerId("p2"))})
    done = [effect for effect in call.done[before:] if not isinstance(effect, Redirect)]
    assert done == [Revoke("sfu1", ROOM, CAROL, "not in the ACL"), Grant("sfu1", ROOM, BOB, 2)]


def test_a_member_found_without_media_after_a_restart_may_be_invited_again(world: World) -> None:
    unsure = Member(BOB, 2, Standing.UNSURE)
    world.apply(lambda r: Change(fresh_room(members=(*r.members, unsure), next_serial=3)))
    world.invite()
    assert world.ringing() == {"phone", "laptop"}
    room = world.room()
    assert room is not None
    assert room.member(BOB).serial == 3


def test_a_room_knows_its_users_by_name_and_has_a_sip_address() -> None:
    room = fresh_room()
    assert room.has(UserId("".join(list(ALICE))))
    assert not room.has(CAROL)
    assert room.sip_uri == "sip:88814738571@audiomixer-sfu1:5080"
