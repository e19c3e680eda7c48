"""Whatever happens in whatever order: an invitation has one result, one winner, and leaves nothing behind.

Hypothesis plays random interleavings of answers, cancels, time, connections, media and leaving (each possibly twice)
against the rules and the memory state, and checks after every step what must always hold.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.errors import Already, NotInAcl, UnknownRoom
from signaling.qss.identifiers import DeviceRef, RequestId
from signaling.state.keys import ByInvitee, ByInviter, ByRequest, ByRing, Key
from tests.signaling.qss.virtual import ALICE, ALICES, BOB, World, bobs, run

DEVICES = [bobs("phone"), bobs("laptop"), bobs("tablet")]

# name -> what happens; a step that the rules refuse is as good as one that they allow.
STEPS: dict[str, Callable[[World, DeviceRef, str], object]] = {
    "accept": lambda w, d, ring: _accept(w, d, ring),
    "decline": lambda w, d, ring: w.answer(d, 603, ring=ring),
    "busy": lambda w, d, ring: w.answer(d, 486, ring=ring),
    "cancel": lambda w, _, ring: w.cancel(ring),
    "close": lambda w, _d, _r: w.close(),
    "connect": lambda w, d, _: None if d in w.online else w.connect(d),
    "connect again": lambda w, d, _: w.connect(d) if d in w.online else None,
    "disconnect": lambda w, d, _: w.disconnect(d) if d in w.online else None,
    "a second": lambda w, _d, _r: w.wait(1),
    "a while": lambda w, _d, _r: w.wait(11),
    "media": lambda w, _d, ring: w.joined(BOB, ring),
    "alice media": lambda w, _d, _r: w.joined(ALICE, "p1"),
    "media lost": lambda w, _d, ring: w.left(BOB, ring, "connection lost"),
    "alice media lost": lambda w, _d, _r: w.left(ALICE, "p1", "connection lost"),
    "leave": lambda w, d, _: w.leave(d),
    "alice leaves": lambda w, _d, _r: w.leave(ALICES),
    "node lost": lambda w, _d, _r: w.destroy(),
    "invite": lambda w, _, ring: w.invite(ring, ring=ring),
    "invite, no grant yet": lambda w, _, ring: w.invite(ring, ring=ring, granted=False),
}

steps = st.lists(
    st.tuples(st.sampled_from(sorted(STEPS)), st.sampled_from(DEVICES), st.sampled_from(["i1", "i2"])), max_size=30
)


@settings(max_examples=300, deadline=None)
@given(steps=steps, ring_keep_s=st.sampled_from([0.0, 5.0]))
def test_one_result_one_winner_and_nothing_left(steps: list[tuple[str, DeviceRef, str]], ring_keep_s: float) -> None:
    world = World(online=DEVICES[:2], ring_keep_s=ring_keep_s)
    world.joined(ALICE, "p1")
    invited: set[str] = set()
    _play(world, "invite", DEVICES[0], "i1", invited)
    for name, device, ring in steps:
        _play(world, name, device, ring, invited)
        _check_always(world, invited)
    world.wait(200)
    _check_always(world, invited)
    for ring in invited:
        assert len(world.results(ring)) == 1, "an invitation that was opened has exactly one result in the end"
    _check_nothing_left(world)


def _play(world: World, name: str, device: DeviceRef, ring: str, invited: set[str]) -> None:
    if name.startswith("invite") and ring in invited:
        return  # a repeated request never reaches the rules (test_gateway.py)
    before = len(world.done)
    try:
        STEPS[name](world, device, ring)
    except (Already, NotInAcl, UnknownRoom):
        assert len(world.done) == before, "what is refused has no effects"
        return
    if name.startswith("invite"):
        invited.add(ring)


def _accept(world: World, device: DeviceRef, ring: str) -> None:
    room = world.room()
    open_now = room.invitation(lambda i: i.ring_id == ring) if room else None
    rings = open_now is not None and device in open_now.ringing(world.instant)
    won = room is not None and any(m.answered == (ring, device.device) for m in room.members)
    assert world.answer(device, ring=ring) == (rings or won), "an accept counts if the device rings or has won"


def _check_always(world: World, invited: set[str]) -> None:
    for ring in invited:
        results = world.results(ring)
        assert len(results) <= 1, "the caller gets one final result"
    room = world.room()
    still_open = {i.ring_id for i in room.invitations} if room else set()
    assert all(world.results(ring) == [] for ring in still_open)
    over = invited - set(still_open)
    assert all(len(world.results(ring)) == 1 for ring in over)
    _check_winners(world, over)
    if room is not None and not room.invitations:
        assert room.deadline() is None or room.deadline() == room.keep_until


def _check_winners(world: World, over: set[str]) -> None:
    for ring in over:
        won = [result for result in world.results(ring) if "whoAccepted" in result]
        stopped = world.still_ringing(ring)
        assert len(stopped) <= len(won), "after the end nobody rings but the winner"


def _check_nothing_left(world: World) -> None:
    rings = [ByRing(RequestId(r)) for r in ("i1", "i2")]
    requests: list[Key] = [ByRequest(ALICES, RequestId(r)) for r in ("i1", "i2")]
    assert not any(run(world.states.find(key)) for key in [*requests, ByInviter(ALICES), ByInvitee(BOB)])
    room = world.room()
    if room is None:
        assert len(world.states) == 0
        assert not any(run(world.states.find(key)) for key in rings)
    else:
        assert room.peers, "a room without media does not outlive its deadlines"
        assert room.deadline() is None
