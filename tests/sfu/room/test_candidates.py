"""The few candidates that a member is offered seat him as all of them would, whatever happened before."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sfu.room.candidates import Candidates
from sfu.room.seats import Occupant, Talk, Wish, fill
from sfu.room.tracks import PeerId, SeatSource

PEERS = "abcdefg"
SOURCES: list[tuple[SeatSource, ...]] = [(), ("camera",), ("screen",), ("camera", "screen")]

names = st.sampled_from(PEERS)
wishes = st.dictionaries(
    st.integers(0, 3), st.builds(Wish, st.none() | st.sampled_from("AB"), st.sampled_from(["camera", "screen"]))
)
steps = st.lists(
    st.tuples(st.just("put"), names, st.sampled_from(SOURCES))
    | st.tuples(st.just("leave"), names, st.just(()))
    | st.tuples(st.just("speak"), names, st.just(())),
    max_size=25,
)


def participant(peer: PeerId) -> str:
    """Two participants, with several devices each."""
    return "AB"[PEERS.index(peer) % 2]


class Naive:
    """The same order, made anew each time."""

    def __init__(self) -> None:
        self.sources: dict[PeerId, Sequence[SeatSource]] = {}
        self.spoke: dict[PeerId, int] = {}

    def order(self) -> list[Occupant]:
        """Everybody who can be shown."""
        found = [Occupant(peer, participant(peer), one) for peer, some in self.sources.items() for one in some]
        return sorted(found, key=lambda one: (one.source != "screen", -self.spoke.get(one.peer, 0)))


def both(steps: list[tuple[str, PeerId, tuple[SeatSource, ...]]]) -> tuple[Candidates, Naive]:
    """The two, after the same steps."""
    kept, naive = Candidates(), Naive()
    for turn, (what, peer, sources) in enumerate(steps, start=1):
        if what == "leave":
            kept.leave(peer, participant(peer))
            naive.sources.pop(peer, None)
            naive.spoke.pop(peer, None)
            continue
        if peer not in naive.sources:
            kept.enter(peer)
            naive.sources[peer] = ()
        if what == "put":
            kept.put(peer, participant(peer), sources)
            naive.sources[peer] = sources
        else:
            kept.spoke([peer])
            naive.spoke[peer] = turn
    return kept, naive


def order(kept: Candidates) -> list[Occupant]:
    """Everybody, as they are offered to one who has seats for all and is not one of them."""
    return kept.for_seats("a stranger", [None] * 100, {})


@given(steps)
def test_the_order_is_kept_as_if_it_were_made_anew(steps: list[tuple[str, PeerId, tuple[SeatSource, ...]]]) -> None:
    kept, naive = both(steps)
    assert order(kept) == naive.order()


speakers = st.lists(names, unique=True, max_size=3)


@given(
    steps,
    names,
    st.lists(st.none() | st.tuples(names, st.sampled_from(["camera", "screen"])), max_size=4),
    wishes,
    speakers,
)
def test_a_few_candidates_seat_a_member_as_all_would(
    steps: list[tuple[str, PeerId, tuple[SeatSource, ...]]],
    peer: PeerId,
    sitting: list[tuple[PeerId, SeatSource] | None],
    wishes: dict[int, Wish],
    speaking: list[PeerId],
) -> None:
    kept, naive = both(steps)
    seated = [None if one is None else Occupant(one[0], participant(one[0]), one[1]) for one in sitting]
    unique = [one if seated.index(one) == seat else None for seat, one in enumerate(seated)]
    now = dict(enumerate(unique))
    everybody = [one for one in naive.order() if one.peer != peer]
    talk = Talk(speaking[0] if speaking else None, [one for one in kept.cameras(speaking) if one.peer != peer])
    few = kept.for_seats(peer, now.values(), wishes, talk.speakers)
    assert fill(now, few, wishes, talk) == fill(now, everybody, wishes, talk)


def test_of_those_who_speak_at_once_the_first_named_comes_first() -> None:
    kept = Candidates()
    for peer in "abc":
        kept.enter(peer)
        kept.put(peer, peer, ["camera"])
    kept.spoke(["c", "b"])
    assert [one.peer for one in order(kept)] == ["c", "b", "a"]


def test_what_is_new_is_said() -> None:
    kept = Candidates()
    kept.enter("a")
    assert kept.put("a", "a", ["camera"]) == {"camera"}
    assert kept.put("a", "a", ["screen", "camera"]) == {"screen"}
    assert kept.put("a", "a", ["camera"]) == set()


def test_a_member_of_a_large_room_is_offered_few() -> None:
    kept = Candidates()
    for number in range(1_000):
        kept.enter(str(number))
        kept.put(str(number), f"user {number}", ["camera"])
    offered = kept.for_seats("0", [None] * 4, {0: Wish("user 700"), 1: Wish(None, "camera")})
    assert [one.peer for one in offered] == ["1", "2", "3", "4", "700"]
