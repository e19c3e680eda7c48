"""The tables of the rules: what each may lead to, what has no way out, and that no row refuses silently or wrongly.

Whatever may happen in any state has a row or is refused: then nothing changes.
"""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from signaling.qss import holding, invitations, membership, rules, transfers
from signaling.qss.admitting import admissible, admit, stepped, with_a_place
from signaling.qss.frames import MediaTypes
from signaling.qss.holding import Turn
from signaling.qss.identifiers import Instant, PeerId, RequestId, UserId
from signaling.qss.invitations import OPEN, Happening, Invitation, State
from signaling.qss.membership import Passage, Standing, after, found
from signaling.qss.offer import Offer
from signaling.qss.room import Member, Peer, Room
from signaling.qss.transfers import Move, Step, Transfer
from tests.signaling.qss.virtual import ALICE, ALICES, BOB, CAROL, ROOM, bobs, fresh_room

NOW, LATER = Instant(10.0), Instant(40.0)
DAVE = UserId("d" * 24)

HAPPENINGS: dict[type[Happening], Happening] = {
    invitations.Granted: invitations.Granted((bobs("phone"),)),
    invitations.Fail: invitations.Fail(503),
    invitations.DeviceCame: invitations.DeviceCame(bobs("tablet")),
    invitations.DeviceGone: invitations.DeviceGone(bobs("phone"), LATER),
    invitations.Accept: invitations.Accept(bobs("phone")),
    invitations.Decline: invitations.Decline(bobs("phone"), 603),
    invitations.Cancel: invitations.Cancel(),
    invitations.Expire: invitations.Expire(),
    invitations.Withdraw: invitations.Withdraw(),
    invitations.Refuse: invitations.Refuse(BOB),
    invitations.Remove: invitations.Remove(BOB),
}
# How somebody may come to stand, and how he cannot.
STANDINGS = {
    (Standing.ABSENT, Passage.INVITE): Standing.INVITED,
    (Standing.ABSENT, Passage.ADMIT): Standing.MEMBER,
    (Standing.ABSENT, Passage.FIND): Standing.UNSURE,
    (Standing.ABSENT, Passage.ACCEPT): None,
    (Standing.ABSENT, Passage.UNASK): None,
    (Standing.ABSENT, Passage.ARRIVE): None,
    (Standing.ABSENT, Passage.ACT): None,
    (Standing.ABSENT, Passage.DEPART): None,
    (Standing.INVITED, Passage.INVITE): None,
    (Standing.INVITED, Passage.ADMIT): None,
    (Standing.INVITED, Passage.FIND): None,
    (Standing.INVITED, Passage.ACCEPT): Standing.MEMBER,
    (Standing.INVITED, Passage.UNASK): Standing.ABSENT,
    (Standing.INVITED, Passage.ARRIVE): Standing.INVITED,
    (Standing.INVITED, Passage.ACT): None,
    (Standing.INVITED, Passage.DEPART): None,
    (Standing.UNSURE, Passage.INVITE): Standing.INVITED,
    (Standing.UNSURE, Passage.ADMIT): Standing.MEMBER,
    (Standing.UNSURE, Passage.FIND): None,
    (Standing.UNSURE, Passage.ACCEPT): None,
    (Standing.UNSURE, Passage.UNASK): None,
    (Standing.UNSURE, Passage.ARRIVE): Standing.MEMBER,
    (Standing.UNSURE, Passage.ACT): Standing.MEMBER,
    (Standing.UNSURE, Passage.DEPART): Standing.ABSENT,
    (Standing.MEMBER, Passage.INVITE): None,
    (Standing.MEMBER, Passage.ADMIT): None,
    (Standing.MEMBER, Passage.FIND): None,
    (Standing.MEMBER, Passage.ACCEPT): None,
    (Standing.MEMBER, Passage.UNASK): None,
    (Standing.MEMBER, Passage.ARRIVE): Standing.MEMBER,
    (Standing.MEMBER, Passage.ACT): Standing.MEMBER,
    (Standing.MEMBER, Passage.DEPART): Standing.ABSENT,
}


def invitation(state: State) -> Invitation:
    """Alice's to Bob, whose phone rings."""
    return Invitation(
        ring_id=RequestId("ring1"),
        request_id=RequestId("r1"),
        inviter=ALICES,
        to=BOB,
        asked=(BOB,),
        invitees=(BOB,),
        mediatypes=MediaTypes(),
        context={},
        created_at=NOW,
        expires_at=LATER,
        state=state,
        candidates=() if state is State.PREPARING else (invitations.Candidate(bobs("phone")),),
    )


def standing(user_stands: Standing, **changes: object) -> Room:
    """Alice's room, with Bob as he stands."""
    bob = () if user_stands is Standing.ABSENT else (Member(BOB, 2, user_stands),)
    return fresh_room(members=(Member(ALICE, 1, Standing.MEMBER), *bob), next_serial=3, **changes)


# --- every state, whatever happens -----------------------------------------------------------------------------------


def test_everything_that_may_happen_to_an_invitation_is_tried_here() -> None:
    assert set(HAPPENINGS) == set(get_args(Happening))


@pytest.mark.parametrize(("state", "happening"), list(product(State, HAPPENINGS.values())), ids=str)
def test_an_invitation_goes_where_its_table_says_and_nowhere_else(state: State, happening: Happening) -> None:
    following = invitation(state).after(happening, NOW)
    expected = invitations.TRANSITIONS.get((state, type(happening)))
    assert (following and following.state) == expected


@pytest.mark.parametrize(("state", "step"), list(product(Move, Step)))
def test_a_transfer_goes_where_its_table_says_and_nowhere_else(state: Move, step: Step) -> None:
    moving = Transfer(by=ALICES, request_id=RequestId("t"), user=BOB, source=ROOM, expires_at=LATER, state=state)
    following = moving.after(step)
    assert (following and following.state) == transfers.TRANSITIONS.get((state, step))


@pytest.mark.parametrize(("held", "turn"), list(product([False, True], Turn)))
def test_a_participant_is_held_as_the_table_says(held: bool, turn: Turn) -> None:
    members = (Member(ALICE, 1, Standing.MEMBER, held=held),)
    rule = rules.hold if turn is Turn.HOLD else rules.unhold
    following = rule(fresh_room(members=members), ALICE).room
    assert following is not None
    assert following.member(ALICE).held == holding.TRANSITIONS.get((held, turn), held)


@pytest.mark.parametrize(("before", "passage"), list(product(Standing, Passage)))
def test_somebody_stands_in_the_acl_as_the_table_says(before: Standing, passage: Passage) -> None:
    assert after(before, passage) is STANDINGS[before, passage]


def test_only_open_invitations_and_moving_transfers_have_a_way_on() -> None:
    assert {state for state, _ in invitations.TRANSITIONS} == OPEN
    assert {state for state, _ in transfers.TRANSITIONS} == {Move.MOVING}


def test_every_state_can_be_reached() -> None:
    assert set(invitations.TRANSITIONS.values()) == set(State) - {State.PREPARING}
    assert set(transfers.TRANSITIONS.values()) == set(Move) - {Move.MOVING}
    assert set(membership.TRANSITIONS.values()) == set(Standing)


# --- the ACL's table as it changes a room ----------------------------------------------------------------------------


@pytest.mark.parametrize("connected", [True, False])
def test_who_is_found_at_a_node_is_a_member_if_his_media_is_connected(connected: bool) -> None:
    assert found(connected=connected) is (Standing.MEMBER if connected else Standing.UNSURE)


@pytest.mark.parametrize(
    ("before", "passage"), list(product(Standing, [Passage.ACCEPT, Passage.UNASK, Passage.DEPART]))
)
def test_a_step_changes_one_users_entry_or_nothing(before: Standing, passage: Passage) -> None:
    room = standing(before, peers=frozenset({Peer(ALICE, PeerId("p1")), Peer(BOB, PeerId("p2"))}))
    following = stepped(room, BOB, passage)
    if STANDINGS[before, passage] is None:
        assert following is room
    else:
        assert following.standing(BOB) is STANDINGS[before, passage]
        assert bool(following.peers_of(BOB)) is following.has(BOB)
    assert following.member(ALICE) == room.member(ALICE)
    assert following.peers_of(ALICE) == room.peers_of(ALICE)


def test_what_a_member_answered_is_kept_until_he_answers_anew() -> None:
    answered = (RequestId("ring1"), bobs("phone").device)
    accepted = stepped(standing(Standing.INVITED), BOB, Passage.ACCEPT, answered)
    assert stepped(accepted, BOB, Passage.ARRIVE).member(BOB).answered == answered
    assert stepped(standing(Standing.MEMBER), BOB, Passage.ARRIVE).member(BOB).answered is None


def test_those_admitted_come_last_each_by_a_grant_of_his_own() -> None:
    room, admitted = admit(standing(Standing.UNSURE), (CAROL, BOB), Passage.ADMIT)
    assert admitted == (Member(CAROL, 3, Standing.MEMBER), Member(BOB, 4, Standing.MEMBER))
    assert room.members == (Member(ALICE, 1, Standing.MEMBER), *admitted)
    assert room.next_serial == 5


def test_who_is_named_twice_is_admitted_once() -> None:
    assert admissible(standing(Standing.ABSENT), [BOB, ALICE, BOB], Passage.ADMIT) == (BOB,)


@pytest.mark.parametrize(("limit", "placed"), [(1, (BOB,)), (2, (BOB,)), (3, (BOB, CAROL)), (9, (BOB, CAROL, DAVE))])
def test_who_is_in_the_acl_has_a_place_and_others_take_what_is_free(limit: int, placed: tuple[UserId, ...]) -> None:
    room = standing(Standing.UNSURE, participants_limit=limit)
    assert with_a_place(room, (CAROL, BOB, DAVE)) == placed


def test_a_group_call_after_a_restart_never_overfills_the_room() -> None:
    room = standing(Standing.UNSURE, participants_limit=3)
    offer = Offer(
        request_id=RequestId("r1"),
        inviter=ALICES,
        to="f" * 24,
        users=(CAROL, DAVE, BOB),
        mediatypes=MediaTypes(),
        context={},
    )
    following = rules.invite(room, offer, ring_id=RequestId("ring1"), now=NOW, expires_at=LATER).room
    assert following is not None
    assert following.participants == (ALICE, BOB, CAROL)
