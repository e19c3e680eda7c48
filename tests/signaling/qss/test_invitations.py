"""Invitations on virtual time: each test is a line of the table of docs/protocol.md, "Invitations"."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from signaling.errors import Already, NotInAcl, RoomFull
from signaling.qss.effects import Revoke
from signaling.qss.identifiers import DeviceRef
from signaling.qss.membership import Standing
from signaling.qss.room import Change
from tests.signaling.qss.virtual import ALICE, ALICES, BOB, CAROL, ROOM, World, bobs

PHONE, LAPTOP = bobs("phone"), bobs("laptop")


@pytest.fixture
def world() -> World:
    return World()


def test_every_device_rings_and_alice_hears_ringing_once(world: World) -> None:
    world.invite()
    assert world.ringing() == {"phone", "laptop"}
    assert world.events("ringing") == [{"roomId": ROOM, "userId": BOB}]


def test_nothing_rings_before_the_node_has_the_grant(world: World) -> None:
    world.invite(granted=False)
    assert world.ringing() == set()
    world.connect(bobs("tablet"))
    assert world.ringing() == set()


def test_the_accepting_device_wins_and_the_others_are_cancelled_487(world: World) -> None:
    world.invite()
    assert world.answer(PHONE)
    accepted = {"answer": "invitation", "requestID": "r1", "from": ALICE, "whoAccepted": BOB}
    assert world.told_alice() == [accepted]
    cancelled = {"cancel": "invitation", "requestID": "ring1", "to": BOB, "from": ALICE, "error": 487}
    assert world.cancels(LAPTOP) == [cancelled]
    assert world.cancels(PHONE) == []


def test_a_second_accept_is_refused(world: World) -> None:
    world.invite()
    assert world.answer(PHONE)
    assert not world.answer(LAPTOP)
    assert len(world.results()) == 1


def test_the_winners_repeated_accept_changes_nothing(world: World) -> None:
    world.invite()
    world.answer(PHONE)
    done = len(world.done)
    assert world.answer(PHONE)
    assert len(world.done) == done


def test_a_decline_on_one_of_several_devices_is_told_to_nobody(world: World) -> None:
    world.invite()
    done = len(world.done)
    assert world.answer(PHONE, 603)
    assert len(world.done) == done
    assert world.answer(LAPTOP)


def test_a_device_that_declined_cannot_accept_any_more(world: World) -> None:
    world.invite()
    world.answer(PHONE, 603)
    assert not world.answer(PHONE)


def test_the_last_declining_device_ends_it_with_603(world: World) -> None:
    world.invite()
    world.answer(PHONE, 603)
    world.answer(LAPTOP, 603)
    assert world.told_alice() == [{"answer": "invitation", "requestID": "r1", "from": ALICE, "error": 603}]
    assert world.cancels(PHONE) == world.cancels(LAPTOP) == []


@pytest.mark.parametrize(
    ("codes", "told"), [((486, 486), 486), ((486, 603), 603), ((603, 486), 603), ((480, 480), 603)]
)
def test_busy_counts_as_a_decline_and_is_told_where_no_device_said_more(
    world: World, codes: tuple[int, int], told: int
) -> None:
    world.invite()
    world.answer(PHONE, codes[0])
    world.answer(LAPTOP, codes[1])
    assert [result["error"] for result in world.results()] == [told]


def test_nobody_answers_and_it_is_408_exactly_once(world: World) -> None:
    world.invite()
    world.wait(29.9)
    assert world.results() == []
    world.wait(100)
    missed = {"cancel": "invitation", "error": 408, "requestID": "r1", "to": ALICE, "from": BOB}
    assert world.told_alice() == [missed]
    cancelled = {"cancel": "invitation", "requestID": "ring1", "to": BOB, "from": ALICE, "error": 408}
    assert world.cancels(PHONE) == world.cancels(LAPTOP) == [cancelled]


def test_close_ends_it_with_408_as_the_timer_does(world: World) -> None:
    world.invite()
    world.close()
    world.wait(100)
    assert [result["error"] for result in world.told_alice()] == [408]
    assert [cancel["error"] for cancel in world.cancels(PHONE)] == [408]


def test_some_declined_and_one_silent_to_the_end_is_408(world: World) -> None:
    world.invite()
    world.answer(PHONE, 603)
    world.wait(30)
    assert [result["error"] for result in world.told_alice()] == [408]
    assert world.cancels(PHONE) == []


def test_alices_cancel_reaches_the_devices_as_487_and_alice_as_nothing(world: World) -> None:
    world.invite()
    assert world.cancel()
    assert world.told_alice() == []
    assert [result["error"] for result in world.results()] == [487]
    cancelled = {"cancel": "invitation", "requestID": "ring1", "to": BOB, "from": ALICE, "error": 487}
    assert world.cancels(PHONE) == world.cancels(LAPTOP) == [cancelled]


def test_a_cancel_that_crosses_an_accept_is_refused(world: World) -> None:
    world.invite()
    world.answer(PHONE)
    assert not world.cancel()
    assert len(world.results()) == 1


def test_an_accept_that_crosses_a_cancel_is_refused(world: World) -> None:
    world.invite()
    world.cancel()
    assert not world.answer(PHONE)


def test_only_bobs_devices_may_answer(world: World) -> None:
    world.invite()
    assert not world.answer(DeviceRef(CAROL, PHONE.device))
    assert world.answer(PHONE)


def test_a_device_that_connects_while_its_user_is_rung_starts_ringing(world: World) -> None:
    world.invite()
    world.connect(bobs("tablet"))
    assert "tablet" in world.ringing()
    assert world.events("ringing") == [{"roomId": ROOM, "userId": BOB}]
    assert world.answer(bobs("tablet"))


def test_a_device_that_declined_does_not_ring_again_when_it_reconnects(world: World) -> None:
    world.invite()
    world.answer(PHONE, 603)
    world.disconnect(PHONE)
    world.connect(PHONE)
    assert world.rang(PHONE) == 1


def test_a_page_that_reloads_rings_again(world: World) -> None:
    world.invite()
    world.disconnect(LAPTOP)
    world.disconnect(PHONE)
    assert world.results() == []
    world.connect(PHONE)
    assert world.rang(PHONE) == 2
    assert world.answer(PHONE)


def test_a_device_that_reconnects_before_its_loss_was_seen_rings_on_its_new_connection(world: World) -> None:
    world.invite()
    world.connect(PHONE)
    assert world.rang(PHONE) == 2


def test_the_last_ringing_device_decides_when_another_is_gone(world: World) -> None:
    world.invite()
    world.disconnect(LAPTOP)
    world.answer(PHONE, 603)
    assert [result["error"] for result in world.told_alice()] == [603]


def test_a_gone_device_stays_a_candidate_for_a_configured_time() -> None:
    world = World(ring_keep_s=5)
    world.invite()
    world.disconnect(LAPTOP)
    world.wait(3)
    world.answer(PHONE, 603)
    assert world.results() == []
    world.connect(LAPTOP)
    assert world.answer(LAPTOP)


def test_a_gone_device_that_stays_away_is_no_candidate_any_more() -> None:
    world = World(ring_keep_s=5)
    world.invite()
    world.disconnect(LAPTOP)
    world.wait(6)
    world.answer(PHONE, 603)
    assert [result["error"] for result in world.told_alice()] == [603]


@pytest.mark.parametrize("how", ["decline", "timeout", "cancel"])
def test_refused_unanswered_or_cancelled_bob_leaves_the_acl_and_his_token_dies(world: World, how: str) -> None:
    world.invite()
    if how == "decline":
        world.answer(PHONE, 603)
        world.answer(LAPTOP, 603)
    elif how == "timeout":
        world.wait(30)
    else:
        world.cancel()
    room = world.room()
    assert room is not None
    assert room.participants == (ALICE,)
    assert [e.user for e in world.done if isinstance(e, Revoke)] == [BOB]


def test_another_invitation_of_bob_makes_another_token(world: World) -> None:
    world.invite()
    world.cancel()
    world.invite("r2", ring="ring2")
    room = world.room()
    assert room is not None
    assert room.member(BOB).serial == 3


def test_bob_already_invited_is_409(world: World) -> None:
    world.invite()
    with pytest.raises(Already):
        world.invite("r2", ring="ring2")


def test_bob_in_the_room_is_409(world: World) -> None:
    world.invite()
    world.answer(PHONE)
    with pytest.raises(Already):
        world.invite("r2", ring="ring2")


def test_alice_inviting_herself_is_409(world: World) -> None:
    with pytest.raises(Already):
        world.invite(to=ALICE)


def test_who_is_not_in_the_acl_invites_nobody(world: World) -> None:
    with pytest.raises(NotInAcl):
        world.invite(inviter=DeviceRef(CAROL, PHONE.device))


def test_a_full_room_is_486(world: World) -> None:
    world.apply(lambda r: Change(replace(r, participants_limit=1)))
    with pytest.raises(RoomFull) as refusal:
        world.invite()
    assert refusal.value.code == 486


def test_participants_are_the_acl_the_creator_first(world: World) -> None:
    world.invite()
    world.invite("r2", to=CAROL, ring="ring2", granted=False)
    room = world.room()
    assert room is not None
    assert room.participants == (ALICE, BOB, CAROL)


def test_a_rung_user_is_not_told_what_happens_in_the_room(world: World) -> None:
    world.invite()
    room = world.room()
    assert room is not None
    assert room.present == (ALICE,)
    world.answer(PHONE)
    answered = world.room()
    assert answered is not None
    assert answered.present == (ALICE, BOB)
    assert answered.member(BOB).standing is Standing.MEMBER


def test_a_room_that_goes_away_ends_its_invitations_with_503_and_487(world: World) -> None:
    world.invite()
    world.destroy()
    assert [result["error"] for result in world.told_alice()] == [503]
    assert [cancel["error"] for cancel in world.cancels(PHONE)] == [487]
    assert world.events("room-destroyed") == [{"roomId": ROOM, "reason": "media server lost"}]


def test_an_inviter_who_leaves_takes_her_invitations_with_her(world: World) -> None:
    world.joined(ALICE, "p1")
    world.invite()
    world.leave(ALICES)
    assert [cancel["error"] for cancel in world.cancels(PHONE)] == [487]
    assert world.told_alice() == []
    assert world.room() is None


def test_an_inviter_whose_media_ended_elsewhere_is_told_that_it_is_cancelled(world: World) -> None:
    world.joined(ALICE, "p1")
    world.invite()
    world.left(ALICE, "p1")
    assert [result["error"] for result in world.told_alice()] == [487]
    assert world.room() is None


def test_a_rung_user_who_leaves_the_room_declines_on_all_devices(world: World) -> None:
    world.invite()
    world.leave(PHONE)
    assert [result["error"] for result in world.told_alice()] == [603]
    assert [cancel["error"] for cancel in world.cancels(LAPTOP)] == [487]
