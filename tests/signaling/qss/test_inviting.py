"""Several invitations in one room: what is meant for one happens to no other, and the node is put right afterwards.

Names are compared as they come in frames: equal, but not the same objects.
"""

from __future__ import annotations

import pytest

from signaling.errors import Already
from signaling.qss import rules
from signaling.qss.effects import Conclude, Grant, Revoke, Rights, Ring
from signaling.qss.frames import MediaTypes
from signaling.qss.identifiers import DeviceId, DeviceRef, Instant, PeerId, RequestId, RoomId, UserId
from signaling.qss.invitations import Kind
from signaling.qss.membership import Standing
from signaling.qss.offer import Offer
from signaling.qss.room import Change, Member, Room
from tests.signaling.qss.virtual import ALICE, BOB, CAROL, ROOM, bobs, fresh_room

DAVE, ERIN, FRANK = (UserId(letter * 24) for letter in "def")
CALLERS = (ALICE, BOB, CAROL)
CALLED = (DAVE, ERIN, FRANK)
NOW, LATER = Instant(10.0), Instant(40.0)
LEFT = Instant(100.0)


def device(user: UserId, name: str = "tab") -> DeviceRef:
    return DeviceRef(UserId("".join(list(user))), DeviceId("".join(list(name))))


def named(name: str) -> RequestId:
    return RequestId("".join(list(name)))


def kept(change: Change) -> Room:
    assert change.room is not None
    return change.room


def invited(room: Room, inviter: DeviceRef, request: str, to: UserId, kind: Kind = Kind.INVITATION) -> Room:
    offer = Offer(
        kind=kind,
        request_id=named(request),
        inviter=inviter,
        to=to,
        users=(to,),
        mediatypes=MediaTypes(),
        context={},
    )
    opened = rules.invite(room, offer, ring_id=named(f"ring {to[0]}"), now=NOW, expires_at=LATER)
    return kept(rules.granted(kept(opened), named(f"ring {to[0]}"), [device(to)], NOW))


def ringing() -> Room:
    """Alice, Bob and Carol each call somebody, with the same requestID; Bob somebody more, with others around it."""
    members = tuple(Member(user, serial, Standing.MEMBER) for serial, user in enumerate(CALLERS, start=1))
    room = fresh_room(members=members, next_serial=4, keep_until=LEFT)
    for caller, called in zip(CALLERS, CALLED, strict=True):
        room = invited(room, device(caller), "r5", called)
    for request, more in (("r4", "1" * 24), ("r6", "2" * 24)):
        room = invited(room, device(BOB), request, UserId(more))
    return invited(room, device(BOB, "phone"), "r5", UserId("3" * 24))


def is_open(room: Room) -> set[str]:
    return {i.to[0] for i in room.invitations}


# --- one of several --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inviter", "request_id", "gone"),
    [(ALICE, "r5", "d"), (BOB, "r5", "e"), (CAROL, "r5", "f"), (BOB, "r4", "1"), (BOB, "r6", "2")],
)
def test_a_cancel_takes_back_one_request_of_one_device(inviter: UserId, request_id: str, gone: str) -> None:
    change = rules.cancel(ringing(), device(inviter), named(request_id), NOW)
    assert is_open(kept(change)) == set("def123") - {gone}


@pytest.mark.parametrize("request_id", ["r3", "r7", "r45"])
def test_a_cancel_of_what_was_never_asked_is_refused(request_id: str) -> None:
    room = ringing()
    assert rules.cancel(room, device(BOB), named(request_id), NOW) == Change(room, refused=True)


@pytest.mark.parametrize("stranger", ["0", "z"])
def test_a_cancel_of_another_device_under_the_same_request_id_is_refused(stranger: str) -> None:
    room = ringing()
    assert rules.cancel(room, device(UserId(stranger * 24)), named("r5"), NOW) == Change(room, refused=True)


@pytest.mark.parametrize(("inviter", "gone"), [(ALICE, "d"), (BOB, "e12"), (CAROL, "f")])
def test_close_ends_what_this_device_has_open(inviter: UserId, gone: str) -> None:
    change = rules.close_calls(ringing(), device(inviter), NOW)
    assert is_open(kept(change)) == set("def123") - set(gone)


@pytest.mark.parametrize(("inviter", "gone"), [(ALICE, "d"), (BOB, "e123"), (CAROL, "f")])
def test_who_leaves_takes_with_him_what_he_has_open_on_all_devices(inviter: UserId, gone: str) -> None:
    change = rules.leave(ringing(), device(inviter), LEFT, NOW)
    assert is_open(kept(change)) == set("def123") - set(gone)
    told = {e.inviter: e.told for e in change.effects if isinstance(e, Conclude)}
    assert told.pop(device(inviter)) is False
    assert told == ({device(BOB, "phone"): True} if inviter == BOB else {})


@pytest.mark.parametrize("called", CALLED)
def test_an_answer_ends_the_invitation_that_rang(called: UserId) -> None:
    room = ringing()
    ring = named(f"ring {called[0]}")
    accepted = rules.answer(room, ring, device(called), None, LEFT, NOW)
    assert is_open(kept(accepted)) == set("def123") - {called[0]}
    assert kept(accepted).standing(called) is Standing.MEMBER
    declined = rules.answer(room, ring, device(called), 603, LEFT, NOW)
    assert is_open(kept(declined)) == set("def123") - {called[0]}
    assert not kept(declined).has(called)


@pytest.mark.parametrize("error", [None, 603])
@pytest.mark.parametrize("ring", ["ring d", "ring f", "ring", "ring zz"])
def test_an_answer_to_what_does_not_ring_here_is_refused(ring: str, error: int | None) -> None:
    room = ringing()
    assert rules.answer(room, named(ring), device(ERIN), error, LEFT, NOW) == Change(room, refused=True)


@pytest.mark.parametrize("other", [DAVE, FRANK])
def test_an_accept_is_repeated_by_its_winner_alone(other: UserId) -> None:
    room = kept(rules.answer(ringing(), named("ring e"), device(ERIN), None, LEFT, NOW))
    assert rules.answer(room, named("ring e"), device(ERIN), None, LEFT, NOW) == Change(room)
    for device_of in (device(other), device(ERIN, "phone")):
        assert rules.answer(room, named("ring e"), device_of, None, LEFT, NOW).refused


# --- what the node was told meanwhile --------------------------------------------------------------------------------


HELD = Rights(publish=False, receive=False)


@pytest.mark.parametrize(
    ("given", "now", "right"),
    [
        (Member(DAVE, 4, Standing.INVITED), Member(DAVE, 4, Standing.MEMBER), ()),
        (Member(DAVE, 4, Standing.INVITED), None, (Revoke("sfu1", ROOM, DAVE, "not in the ACL"),)),
        (Member(DAVE, 4, Standing.INVITED), Member(DAVE, 9, Standing.MEMBER), (Grant("sfu1", ROOM, DAVE, 9),)),
        (Member(DAVE, 9, Standing.INVITED), Member(DAVE, 4, Standing.MEMBER), (Grant("sfu1", ROOM, DAVE, 4),)),
        (
            Member(DAVE, 4, Standing.INVITED),
            Member(DAVE, 4, Standing.MEMBER, held=True),
            (Grant("sfu1", ROOM, DAVE, 4, HELD),),
        ),
        (
            Member(DAVE, 4, Standing.INVITED, held=True),
            Member(DAVE, 4, Standing.MEMBER),
            (Grant("sfu1", ROOM, DAVE, 4),),
        ),
    ],
)
def test_a_grant_that_something_has_overtaken_is_put_right(
    given: Member, now: Member | None, right: tuple[Grant | Revoke, ...]
) -> None:
    members = (Member(ALICE, 1, Standing.MEMBER), *((now,) if now else ()))
    room = fresh_room(members=members, next_serial=10, keep_until=LEFT)
    assert rules.granted(room, named("over"), [], NOW, [given]).effects == right
    assert rules.failed(room, named("over"), NOW, [given]).effects == right


def test_devices_that_came_and_went_while_the_node_was_asked_ring_or_do_not() -> None:
    room = kept(rules.granted(kept(_prepared()), named("ring1"), [bobs("phone"), bobs("laptop")], NOW))
    change = rules.online(room, named("ring1"), [bobs("phone"), bobs("tablet")], NOW)
    assert [e.device.device for e in change.effects if isinstance(e, Ring)] == ["tablet"]
    assert set(kept(change).invitations[0].ringing(NOW)) == {bobs("phone"), bobs("tablet")}
    over = kept(rules.cancel(room, device(ALICE), named("r1"), NOW))
    assert rules.online(over, named("ring1"), [bobs("phone"), bobs("tablet")], NOW) == Change(over)


def _prepared() -> Change:
    offer = Offer(
        request_id=named("r1"), inviter=device(ALICE), to=BOB, users=(BOB,), mediatypes=MediaTypes(), context={}
    )
    room = fresh_room(keep_until=LEFT)
    return rules.invite(room, offer, ring_id=RequestId("ring1"), now=NOW, expires_at=LATER)


# --- a blind transfer ------------------------------------------------------------------------------------------------


def test_whoever_accepts_a_blind_transfer_takes_the_inviters_place_and_her_calls_end() -> None:
    members = (Member(ALICE, 1, Standing.MEMBER), Member(BOB, 2, Standing.MEMBER))
    room = fresh_room(members=members, next_serial=3, keep_until=LEFT)
    room = invited(room, device(ALICE), "r1", DAVE, Kind.BLIND_TRANSFER)
    room = invited(room, device(ALICE), "r2", CAROL)
    room = invited(room, device(BOB), "r3", ERIN)
    change = rules.answer(room, named("ring d"), device(DAVE), None, LEFT, NOW)
    assert kept(change).participants == (BOB, DAVE, ERIN)
    assert is_open(kept(change)) == {"e"}
    assert {e.request_id for e in change.effects if isinstance(e, Conclude)} == {"r1", "r2"}


def test_whoever_accepts_an_invitation_takes_nobodys_place() -> None:
    room = invited(fresh_room(keep_until=LEFT), device(ALICE), "r1", DAVE)
    change = rules.answer(room, named("ring d"), device(DAVE), None, LEFT, NOW)
    assert kept(change).participants == (ALICE, DAVE)


def test_who_calls_or_moves_somebody_after_a_restart_is_a_member_again_and_not_called_himself() -> None:
    unsure = fresh_room(members=(Member(ALICE, 1, Standing.UNSURE),), keep_until=LEFT)
    assert invited(unsure, device(ALICE), "r1", DAVE).standing(ALICE) is Standing.MEMBER
    with pytest.raises(Already):
        invited(unsure, device(ALICE), "r1", ALICE)
    moving = rules.expect(
        unsure, by=device(ALICE), request_id=named("t1"), user=DAVE, source=RoomId("9" * 64), expires_at=LATER
    )
    assert kept(moving).standing(ALICE) is Standing.MEMBER


def test_the_node_is_told_to_forget_media_of_somebody_unknown() -> None:
    room = fresh_room(keep_until=LEFT)
    forgotten = Revoke("sfu1", ROOM, DAVE, "not in the ACL")
    assert rules.joined(room, DAVE, PeerId("p1"), NOW) == Change(room, (forgotten,), refused=True)
