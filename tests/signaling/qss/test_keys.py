"""What a room is found by: by everything that may be asked about it, and by nothing else."""

from __future__ import annotations

from signaling.qss import rules
from signaling.qss.identifiers import Instant, RequestId, RoomId
from signaling.state.keys import ByInvitee, ByInviter, ByMember, ByNode, ByNumber, ByRequest, ByRing, keys_of
from tests.signaling.qss.virtual import ALICE, ALICES, BOB, CAROL, World, bobs, fresh_room

NUMBER = ByNumber("14738571")


def _keys(world: World) -> object:
    room = world.room()
    assert room is not None
    return keys_of(room)


def test_a_room_is_found_by_its_number_its_node_and_its_members() -> None:
    assert keys_of(fresh_room()) == {NUMBER, ByNode("sfu1"), ByMember(ALICE)}


def test_a_lobby_is_on_no_node() -> None:
    assert keys_of(fresh_room(node="")) == {NUMBER, ByMember(ALICE)}


def test_a_room_with_an_open_invitation_is_found_by_both_sides_of_it() -> None:
    world = World()
    world.invite()
    ring, request = RequestId("ring1"), RequestId("r1")
    asked = {ByRing(ring), ByRequest(ALICES, request), ByInviter(ALICES), ByInvitee(BOB)}
    assert _keys(world) == {NUMBER, ByNode("sfu1"), ByMember(ALICE), ByMember(BOB), *asked}


def test_after_the_accept_it_is_found_by_the_ring_alone_so_that_the_accept_may_be_repeated() -> None:
    world = World()
    world.invite()
    world.answer(bobs("phone"))
    assert _keys(world) == {NUMBER, ByNode("sfu1"), ByMember(ALICE), ByMember(BOB), ByRing(RequestId("ring1"))}


def test_a_room_that_waits_for_a_transfer_is_found_by_its_request() -> None:
    request, source = RequestId("t1"), RoomId("9" * 64)
    change = rules.expect(
        fresh_room(), by=ALICES, request_id=request, user=CAROL, source=source, expires_at=Instant(30.0)
    )
    assert change.room is not None
    assert keys_of(change.room) == {
        NUMBER, ByNode("sfu1"), ByMember(ALICE), ByMember(CAROL), ByRequest(ALICES, request),
    }  # fmt: skip
