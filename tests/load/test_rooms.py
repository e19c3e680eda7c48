"""A watcher is shown as many others as he has seats for, and waits for them."""

from __future__ import annotations

import asyncio

from tests.load.rooms import Rooms


async def test_a_watcher_waits_until_his_seats_can_be_filled() -> None:
    rooms: Rooms[int] = Rooms()
    rooms.add("hall", "alice", 1)
    watching = asyncio.create_task(rooms.others("hall", "dora", 2))
    rooms.add("hall", "dora", 4)
    rooms.add("office", "eve", 5)
    await asyncio.sleep(0)
    assert not watching.done()
    rooms.add("hall", "bob", 2)
    rooms.add("hall", "carol", 3)
    assert await watching == {"alice": 1, "bob": 2}


async def test_who_has_not_come_by_the_end_of_the_wait_is_not_shown() -> None:
    rooms: Rooms[int] = Rooms(wait_s=0.01)
    rooms.add("hall", "alice", 1)
    assert await rooms.others("hall", "bob", 5) == {"alice": 1}
    rooms.remove("hall", "alice")
    assert await rooms.others("hall", "bob", 5) == {}
