"""What happens to one user happens to no other, whoever comes first by name: names are compared whole, as they come."""

from __future__ import annotations

import pytest

from signaling.qss import rules
from signaling.qss.effects import Record
from signaling.qss.frames import MediaTypes
from signaling.qss.identifiers import DeviceId, DeviceRef, Instant, PeerId, RequestId, UserId
from signaling.qss.invitations import (
    Accept,
    Cancel,
    Candidate,
    Decline,
    DeviceCame,
    DeviceGone,
    Expire,
    Fail,
    Granted,
    Happening,
    Invitation,
    Refuse,
    Remove,
    State,
    Withdraw,
)
from signaling.qss.membership import Standing
from signaling.qss.room import LOST, Change, Member, Peer
from tests.signaling.qss.virtual import ALICE, ALICES, BOB, CAROL, ROOM, World, bobs, fresh_room

DAVE = UserId("d" * 24)
CALLED = (BOB, CAROL, DAVE)
NOW, LATER = Instant(10.0), Instant(25.0)


def tab(user: UserId) -> DeviceRef:
    """A user's device, named as in a frame."""
    return DeviceRef(UserId("".join(user)), DeviceId("".join("tab")))


def group_call() -> Invitation:
    """A group of three is rung, on one device each."""
    invitation = Invitation(
        ring_id=RequestId("ring1"),
        request_id=RequestId("r1"),
        inviter=ALICES,
        to="f" * 24,
        asked=CALLED,
        invitees=CALLED,
        mediatypes=MediaTypes(),
        context={},
        created_at=NOW,
        expires_at=LATER,
    )
    rung = invitation.after(Granted(tuple(tab(user) for user in CALLED)), NOW)
    assert rung is not None
    return rung


def after(invitation: Invitation, happening: Happening) -> Invitation:
    following = invitation.after(happening, NOW)
    assert following is not None
    return following


@pytest.mark.parametrize("user", CALLED)
@pytest.mark.parametrize(("out", "code"), [(Refuse, 603), (Remove, 487)])
def test_who_goes_out_of_a_group_call_stops_ringing_and_the_others_ring_on(
    user: UserId, out: type[Refuse | Remove], code: int
) -> None:
    following = after(group_call(), out(UserId("".join(user))))
    others = tuple(other for other in CALLED if other != user)
    assert following.state is State.RINGING
    assert following.invitees == others
    assert following.ringing(NOW) == tuple(tab(other) for other in others)
    said = {candidate.device.user: candidate.declined for candidate in following.candidates}
    assert said == dict.fromkeys(others) | {user: code}
    assert following.after(out(user), NOW) is None


@pytest.mark.parametrize("user", CALLED)
def test_who_declines_on_his_last_device_is_out_and_may_not_come_back(user: UserId) -> None:
    following = after(group_call(), Decline(tab(user), 486))
    assert user not in following.invitees
    assert len(following.ringing(NOW)) == 2
    assert following.after(DeviceCame(tab(user)), NOW) is None
    assert following.after(Accept(tab(user)), NOW) is None


@pytest.mark.parametrize("user", CALLED)
def test_a_gone_device_takes_no_others_with_it(user: UserId) -> None:
    following = after(group_call(), DeviceGone(tab(user), NOW))
    assert following.ringing(NOW) == tuple(tab(other) for other in CALLED if other != user)
    assert following.after(DeviceGone(tab(user), NOW), NOW) is None
    assert set(after(following, DeviceCame(tab(user))).ringing(NOW)) == {tab(other) for other in CALLED}


def test_a_gone_device_rings_until_the_moment_it_is_kept_to() -> None:
    candidate = Candidate(tab(BOB), kept_until=LATER)
    assert candidate.rings(Instant(24.9))
    assert not candidate.rings(LATER)
    assert not candidate.rings(Instant(25.1))


@pytest.mark.parametrize(
    ("codes", "told"), [((486, 486, 486), 486), ((486, 486, 603), 603), ((486, 480, 486), 603), ((486, 487, 486), 486)]
)
def test_a_group_that_declined_is_busy_only_if_everybody_was(codes: tuple[int, ...], told: int) -> None:
    invitation = group_call()
    for user, code in zip(CALLED, codes, strict=True):
        invitation = after(invitation, Remove(user) if code == 487 else Decline(tab(user), code))
    assert invitation.state is State.DECLINED
    assert invitation.refusal == told


def test_only_called_users_who_are_online_are_rung_when_the_node_has_granted() -> None:
    prepared = Invitation(
        ring_id=RequestId("ring1"),
        request_id=RequestId("r1"),
        inviter=ALICES,
        to="f" * 24,
        asked=(BOB, CAROL),
        invitees=(BOB, CAROL),
        mediatypes=MediaTypes(),
        context={},
        created_at=NOW,
        expires_at=LATER,
    )
    assert prepared.is_group
    rung = after(prepared, Granted((tab(BOB), tab(DAVE))))
    assert rung.ringing(NOW) == (tab(BOB),)
    assert rung.invitees == (BOB,)
    assert after(prepared, Fail(503)).failure == 503


@pytest.mark.parametrize("end", [Cancel(), Expire(), Withdraw(), Refuse(BOB)])
def test_after_its_end_nothing_happens_to_an_invitation_any_more(end: Happening) -> None:
    invitation = group_call()
    for user in (CAROL, DAVE):
        invitation = after(invitation, Remove(user))
    over = after(invitation, end)
    assert not over.is_open
    assert over.ringing(NOW) == ()
    late: list[Happening] = [
        Granted((tab(BOB),)),
        Fail(503),
        DeviceCame(tab(BOB)),
        Accept(tab(BOB)),
        Cancel(),
        Expire(),
    ]
    assert [over.after(happening, NOW) for happening in late] == [None] * len(late)


# --- rooms -----------------------------------------------------------------------------------------------------------

EVERYBODY = (ALICE, BOB, CAROL)


@pytest.mark.parametrize("user", EVERYBODY)
def test_only_who_is_seen_in_a_room_is_sure_to_be_in_it(user: UserId) -> None:
    room = fresh_room(members=tuple(Member(u, n, Standing.UNSURE) for n, u in enumerate(EVERYBODY, start=1)))
    change = rules.joined(room, UserId("".join(user)), PeerId("p1"), NOW)
    assert change.room is not None
    assert {m.user for m in change.room.members if m.standing is Standing.MEMBER} == {user}
    assert change.room.participants == EVERYBODY


@pytest.mark.parametrize("user", EVERYBODY)
def test_who_leaves_takes_his_own_media_and_place_with_him_and_no_others(user: UserId) -> None:
    members = tuple(Member(u, n, Standing.MEMBER) for n, u in enumerate(EVERYBODY, start=1))
    room = fresh_room(members=members, peers=frozenset(Peer(u, PeerId("p")) for u in EVERYBODY))
    change = rules.leave(room, tab(user), LATER, NOW)
    assert change.room is not None
    others = tuple(other for other in EVERYBODY if other != user)
    assert change.room.participants == others
    assert {peer.user for peer in change.room.peers} == set(others)


@pytest.mark.parametrize("reason", ["aborted", "left", "timeout"])
def test_any_clean_end_of_an_inviters_media_cancels_what_she_has_open(reason: str) -> None:
    world = World()
    world.joined(ALICE, "p1")
    world.invite()
    world.left(ALICE, "p1", reason)
    assert [result["error"] for result in world.told_alice()] == [487]


def test_a_lost_connection_of_the_inviter_cancels_nothing() -> None:
    world = World()
    world.joined(ALICE, "p1")
    world.invite()
    world.left(ALICE, "p1", "".join(LOST))
    assert world.results() == []
    assert world.ringing() == {"phone", "laptop"}


def test_an_inviter_with_media_from_another_device_keeps_her_invitations() -> None:
    world = World()
    world.joined(ALICE, "p1")
    world.joined(ALICE, "p2")
    world.invite()
    world.left(ALICE, "p1")
    assert world.results() == []


def test_a_call_goes_on_when_an_invitation_ends_long_after_it_began() -> None:
    world = World()
    world.joined(ALICE, "p1")
    world.wait(500)
    world.invite()
    world.answer(bobs("phone"), 603)
    world.answer(bobs("laptop"), 603)
    room = world.room()
    assert room is not None
    assert room.peers == {Peer(ALICE, PeerId("p1"))}
    assert world.events("room-destroyed") == []


def test_the_nodes_report_of_media_that_nobody_knows_is_refused() -> None:
    room = fresh_room(peers=frozenset({Peer(ALICE, PeerId("p1"))}))
    assert rules.left(room, ALICE, PeerId("p9"), "left", LATER, NOW).refused
    assert rules.left(room, BOB, PeerId("p1"), "left", LATER, NOW) == Change(room, refused=True)
    assert room.uuid == ROOM


@pytest.mark.parametrize("name", ["a-tablet", "z-tablet"])
def test_a_declined_device_stays_silent_when_it_comes_back_and_another_rings(name: str) -> None:
    world = World()
    world.invite()
    world.answer(bobs("phone"), 603)
    world.connect(bobs("phone"))
    assert world.rang(bobs("phone")) == 1
    world.connect(bobs(name))
    assert world.rang(bobs(name)) == 1


def test_a_call_to_one_user_is_no_group_call() -> None:
    world = World()
    world.invite()
    room = world.room()
    assert room is not None
    assert [invitation.is_group for invitation in room.invitations] == [False]


def test_the_end_of_a_room_ends_a_call_in_the_history_only_if_somebody_answered() -> None:
    for answered, count in [(None, 0), ((RequestId("ring1"), DeviceId("tab")), 1)]:
        room = fresh_room(members=(Member(ALICE, 1, Standing.MEMBER, answered),))
        ended = [e for e in rules.destroy(room, "stopped", NOW).effects if isinstance(e, Record)]
        assert len(ended) == count


def test_of_two_invitations_only_the_one_whose_time_is_over_ends() -> None:
    world = World()
    world.invite()
    world.wait(10)
    world.invite("r2", to=CAROL, ring="ring2", granted=False)
    world.wait(21)
    assert [result["error"] for result in world.results("r1")] == [408]
    assert world.results("r2") == []
