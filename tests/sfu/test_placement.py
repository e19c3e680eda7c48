"""Small rooms stay together, big ones spread, and nothing is left of who has gone."""

from sfu.placement import SPREAD_FROM, Placement


def fill(placement: Placement, room: str, home: int, count: int) -> list[int]:
    """The workers of the next `count` peers of a room."""
    workers = []
    for _ in range(count):
        worker = placement.place(room, home)
        placement.enter(room, worker)
        workers.append(worker)
    return workers


def test_a_small_room_never_leaves_its_home_however_busy_that_is() -> None:
    placement = Placement(2)
    home = placement.open_room()
    placement.measured([0, 0], 0.0)
    placement.measured([950_000_000, 0], 1.0)
    assert set(fill(placement, "room", home, SPREAD_FROM)) == {home}


def test_a_room_of_three_thousand_spreads_evenly_over_all_workers() -> None:
    placement = Placement(4)
    fill(placement, "room", placement.open_room(), 3_000)
    assert sum(placement.peers) == 3_000
    assert max(placement.peers) - min(placement.peers) <= 30


def test_a_big_room_stays_at_home_while_no_other_worker_has_less_to_do() -> None:
    placement = Placement(2)
    fill(placement, "one", 1, SPREAD_FROM - 10)
    fill(placement, "another", 1, SPREAD_FROM - 10)
    assert placement.peers == (0, 2 * SPREAD_FROM - 20)
    assert set(fill(placement, "room", 0, SPREAD_FROM + 10)) == {0}


def test_the_next_peers_of_a_big_room_avoid_a_worker_that_measures_busy() -> None:
    placement = Placement(3)
    fill(placement, "room", 0, SPREAD_FROM)
    placement.measured([0, 0, 0], 10.0)
    placement.measured([100_000_000, 1_800_000_000, 200_000_000], 12.0)
    assert placement.busy == (0.05, 0.9, 0.1)
    assert 1 not in fill(placement, "room", 0, 200)


def test_rooms_begin_where_there_is_least_to_do_and_take_turns_while_nobody_is_in_them() -> None:
    placement = Placement(3)
    homes = [placement.open_room() for _ in range(6)]
    assert sorted(homes) == [0, 0, 1, 1, 2, 2]
    placement.close_room(1)
    assert placement.open_room() == 1
    fill(placement, "room", 0, 1)
    fill(placement, "other", 1, 1)
    assert placement.open_room() == 2


def test_who_leaves_is_not_counted_and_a_room_that_has_shrunk_comes_home() -> None:
    placement = Placement(2)
    for worker in fill(placement, "room", 0, 200):
        placement.leave("room", worker)
    assert placement.peers == (0, 0)
    fill(placement, "other", 0, 30)
    assert placement.place("room", 0) == 0


def test_a_clock_that_stands_still_changes_no_measurement() -> None:
    placement = Placement(1)
    placement.measured([0], 1.0)
    placement.measured([500_000_000], 2.0)
    placement.measured([500_000_000], 2.0)
    assert placement.busy == (0.5,)
