"""A room goes on at another node: who is told where, what the node is put right about, and what stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from signaling.dispatch import Dispatch
from signaling.ice import IceServers
from signaling.nodes import commands
from signaling.qss import rules
from signaling.qss.effects import CloseRoom, Grant, Redirect, Revoke, Rights, Tell
from signaling.qss.frames import Server, wire
from signaling.qss.identifiers import Instant, PeerId, UserId
from signaling.qss.membership import Standing
from signaling.qss.moving import MOVED
from signaling.qss.room import Change, Held, Member, Peer, Rating, Room
from signaling.state.deliveries import ToNode, ToUsers
from signaling.tokens import RoomTokens
from tests.signaling.qss.virtual import ALICE, BOB, CAROL, ROOM, World, bobs, fresh_room

THERE = Server(https="wss://other.example/sfu2/socket.io", wss="wss://other.example/ws-sfu2")
UNTIL = Instant(70.0)
HELD = Member(BOB, 2, Standing.MEMBER, held=True)
PEERS = frozenset({Peer(ALICE, PeerId("p1")), Peer(BOB, PeerId("p2"))})


def call(**changes: Any) -> Room:  # noqa: ANN401
    """Alice and Bob are talking; Bob is on hold."""
    members = (Member(ALICE, 1, Standing.MEMBER), HELD)
    return fresh_room(**{"members": members, "next_serial": 3, "peers": PEERS, **changes})


def after(change: Change) -> Room:
    assert change.room is not None
    return change.room


def redirected(change: Change) -> list[UserId]:
    return [effect.user for effect in change.effects if isinstance(effect, Redirect)]


def test_everybody_is_sent_to_the_new_node_and_nobody_is_connected_there_yet() -> None:
    change = rules.moved(call(), call(), "sfu2", THERE, UNTIL)
    room = after(change)
    assert room == replace(call(), node="sfu2", server=THERE, peers=frozenset(), keep_until=UNTIL)
    assert change.effects == (
        CloseRoom("sfu1", ROOM, MOVED, remembered=False),
        Redirect(room, ALICE),
        Redirect(room, BOB),
    )


@pytest.mark.parametrize("node", ["sfu1", "sfu2"])
def test_how_well_media_travelled_before_is_forgotten(node: str) -> None:
    bad = call(rated=(Rating(BOB, "poor"),))
    assert after(rules.moved(bad, bad, node, THERE, UNTIL)).rated == ()


def test_a_room_that_is_kept_longer_already_is_kept_as_long() -> None:
    kept = call(keep_until=Instant(UNTIL + 1))
    assert after(rules.moved(kept, kept, "sfu2", THERE, UNTIL)).keep_until == UNTIL + 1


def test_a_room_to_which_nobody_comes_after_its_move_ends() -> None:
    room = after(rules.moved(call(), call(), "sfu2", THERE, UNTIL))
    assert room.deadline() == UNTIL
    assert rules.on_time(room, Instant(UNTIL - 1)).room == room
    assert rules.on_time(room, UNTIL).room is None


def test_the_node_is_put_right_about_who_came_left_or_was_held_while_it_was_asked() -> None:
    members = (Member(ALICE, 1, Standing.MEMBER, held=True), Member(CAROL, 3, Standing.MEMBER))
    change = rules.moved(call(members=members), call(), "sfu2", THERE, UNTIL)
    assert [effect for effect in change.effects if isinstance(effect, Grant | Revoke)] == [
        Revoke("sfu2", ROOM, BOB, "not in the ACL"),
        Grant("sfu2", ROOM, ALICE, 1, Rights(publish=False, receive=False)),
        Grant("sfu2", ROOM, CAROL, 3),
    ]
    assert redirected(change) == [ALICE, CAROL]


def test_whoever_is_rung_is_told_as_well_and_whoever_is_about_to_be_is_not() -> None:
    world = World()
    world.invite()
    world.invite("r2", to=CAROL, ring="ring2", granted=False)
    room = world.room()
    assert room is not None
    change = rules.moved(room, room, "sfu2", THERE, UNTIL)
    assert redirected(change) == [ALICE, BOB]
    assert after(change).invitations == room.invitations


def test_a_ring_goes_on_through_a_move_and_its_answer_counts() -> None:
    world = World()
    world.invite()
    world.apply(lambda r: rules.moved(r, r, "sfu2", THERE, UNTIL))
    assert world.ringing() == {"phone", "laptop"}
    assert world.answer(bobs("phone"))
    assert world.results()[0]["whoAccepted"] == BOB


def test_of_two_that_move_a_room_one_wins_and_the_other_changes_nothing() -> None:
    first = after(rules.moved(call(), call(), "sfu2", THERE, UNTIL))
    assert rules.moved(first, call(), "sfu3", THERE, UNTIL) == Change(first, refused=True)


def test_who_comes_second_with_the_same_node_has_told_it_an_old_acl_which_is_put_right() -> None:
    first = after(rules.moved(call(), call(), "sfu2", THERE, UNTIL))
    without_bob = after(rules.expel(first, ALICE, [BOB], UNTIL, Instant(11.0)))
    again = rules.moved(without_bob, call(), "".join("sfu2"), THERE, UNTIL)
    assert again == Change(without_bob, (Revoke("sfu2", ROOM, BOB, "not in the ACL"),), refused=True)


def test_a_node_that_takes_its_own_room_again_is_not_told_to_close_it_and_keeps_who_came_already() -> None:
    came = Peer(ALICE, PeerId("p9"))
    change = rules.moved(call(peers=PEERS | {came}), call(node="".join("sfu1")), "".join("sfu1"), THERE, UNTIL)
    assert after(change).peers == {came}
    assert not any(isinstance(effect, CloseRoom) for effect in change.effects)
    assert redirected(change) == [ALICE, BOB]


@pytest.mark.parametrize(("server", "told"), [(THERE, [ALICE, BOB]), (call().server, [])])
def test_a_node_that_is_back_with_another_address_is_told_to_everybody(server: Server, told: list[UserId]) -> None:
    grants = frozenset((member.user, member.serial, member.rights) for member in call().members)
    change = rules.reconciled(call(), Held(server, grants, PEERS), UNTIL, Instant(10.0))
    assert redirected(change) == told
    assert after(change) == call(server=server)
    assert not any(isinstance(effect, Tell) for effect in change.effects), "nobody has left"


def test_each_gets_his_own_token_in_the_event_and_the_old_node_is_told_once_only() -> None:
    tokens = RoomTokens(b"a secret of sixteen bytes or more")
    change = rules.moved(call(), call(), "sfu2", THERE, UNTIL)
    closed, alices, bobs_ = Dispatch(tokens, IceServers())(change)
    assert closed == ToNode("sfu1", commands.CLOSE_ROOM, {"room": ROOM, "reason": MOVED}, closes=None)
    for delivery, user, serial in ((alices, ALICE, 1), (bobs_, BOB, 2)):
        assert isinstance(delivery, ToUsers)
        assert delivery.users == (user,)
        payload = {
            "roomId": ROOM,
            "server": {"https": THERE.https, "wss": THERE.wss},
            "token": tokens.token(ROOM, user, serial),
        }
        assert wire(delivery.frame) == {"type": "event", "payload": {"eventName": "room-moved", "payload": payload}}
