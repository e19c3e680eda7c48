"""What every backend of the state must do: memory and Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from signaling.errors import NotInAcl, UnknownRoom
from signaling.qss import rules
from signaling.qss.devices import Device, DeviceCard
from signaling.qss.frames import Answer
from signaling.qss.history import CallEnded, StayRecord
from signaling.qss.identifiers import DeviceRef, Instant, RequestId, RoomId
from signaling.qss.room import Change, Room
from signaling.state import State
from signaling.state.deliveries import AskId, Delivery, Replaced, Reply, Result, ToDevice, to_history
from signaling.state.keys import ByMember, ByNode, ByNumber
from signaling.state.memory import ANSWERS_PER_DEVICE
from signaling.state.memory_state import INBOX, MemoryState
from signaling.state.redis_state import RedisState
from tests.signaling.qss.virtual import ALICE, ALICES, BOB, ROOM, bobs, fresh_room

pytestmark = pytest.mark.both_backends


@dataclass
class Clock:
    """A clock that the test sets."""

    now: Instant


@pytest.fixture
def clock() -> Clock:
    return Clock(Instant(0))


@pytest.fixture
async def memory(clock: Clock) -> MemoryState:
    return MemoryState(lambda: clock.now)


@pytest.fixture
async def state(backend: dict[str, str], memory: MemoryState) -> AsyncIterator[State]:
    made: State = RedisState(backend["redis"]) if backend else memory
    await made.start()
    yield made
    await made.close()


async def test_a_number_is_unique_among_live_rooms(state: State) -> None:
    assert await state.rooms.add(fresh_room())
    assert not await state.rooms.add(fresh_room(uuid=RoomId("9" * 64)))
    await state.rooms.change(ROOM, lambda r: rules.destroy(r, "over", Instant(0)))
    assert await state.rooms.add(fresh_room(uuid=RoomId("9" * 64)))


async def test_rooms_are_found_by_what_they_are_about(state: State) -> None:
    await state.rooms.add(fresh_room())
    for key in (ByNode("sfu1"), ByMember(ALICE), ByNumber("14738571")):
        assert await state.rooms.find(key) == (ROOM,)
    assert await state.rooms.find(ByMember(BOB)) == ()


async def test_a_rule_that_raises_changes_nothing(state: State) -> None:
    await state.rooms.add(fresh_room())

    def rule(_room: Room) -> Change:
        raise NotInAcl

    with pytest.raises(NotInAcl):
        await state.rooms.change(ROOM, rule)
    assert await state.rooms.get(ROOM) == fresh_room()


async def test_a_room_that_is_over_is_unknown(state: State) -> None:
    with pytest.raises(UnknownRoom):
        await state.rooms.change(ROOM, Change)


def _device(socket: str, process: str) -> Device:
    return Device(user=BOB, username="bob@local", card=DeviceCard(id="phone"), socket=socket, process=process)


async def taken(state: State) -> list[Delivery]:
    """What the inbox holds."""
    mark = Reply(state.process, AskId("mark"))
    await state.post(mark)
    got: list[Delivery] = []
    while mark not in got:
        got.extend(await state.take())
    got.remove(mark)
    return got


async def test_an_older_connection_does_not_take_the_newer_away(state: State) -> None:
    await state.devices.put(_device("old", state.process))
    await state.devices.put(_device("new", state.process))
    assert not await state.devices.remove(_device("old", state.process))
    assert await state.devices.get(bobs("phone")) == _device("new", state.process)
    assert await state.devices.at(state.process) == (_device("new", state.process),)
    assert await state.devices.remove(_device("new", state.process))
    assert await state.devices.of(BOB) == ()
    assert await state.devices.count() == 0


async def test_an_older_connection_is_told_that_it_is_replaced(state: State) -> None:
    await state.devices.put(_device("old", state.process))
    await state.devices.put(_device("new", state.process))
    assert await taken(state) == [Replaced(bobs("phone"), "old", state.process)]


def _result(number: int, device: DeviceRef = ALICES) -> Result:
    return Result(device, RequestId(str(number)), {"answer": "x", "requestID": str(number)})


def lost() -> Answer:
    return Answer(answer="x", error=503)


async def test_answers_are_remembered_for_a_while(memory: MemoryState, clock: Clock) -> None:
    await memory.post(_result(1))
    clock.now = Instant(119)
    assert await memory.answers.get(ALICES, RequestId("1")) == _result(1).frame
    assert await memory.answers.get(bobs("phone"), RequestId("1")) is None
    clock.now = Instant(120)
    assert await memory.answers.get(ALICES, RequestId("1")) is None


async def test_the_memory_of_answers_is_bounded_per_device_and_in_time(memory: MemoryState, clock: Clock) -> None:
    for number in range(1000):
        await memory.post(_result(number))
    assert len(memory.answers) == ANSWERS_PER_DEVICE
    assert await memory.answers.get(ALICES, RequestId("999")) == _result(999).frame
    for number in range(100):
        clock.now = Instant(10 * number)
        await memory.post(_result(1, bobs(str(number))))
    assert len(memory.answers) == 12


async def test_a_request_is_begun_once_and_has_one_answer(state: State) -> None:
    assert await state.answers.begin(ALICES, RequestId("1"), lost) is True
    assert await state.answers.begin(ALICES, RequestId("1"), lost) is False
    await state.post(_result(1))
    await state.post(Result(ALICES, RequestId("1"), {"another": "answer"}))
    assert await state.answers.begin(ALICES, RequestId("1"), lost) == _result(1).frame


async def test_a_result_waits_for_a_device_that_is_offline(state: State) -> None:
    result = _result(1, bobs("phone"))
    await state.hold(result)
    assert await taken(state) == []
    await state.devices.put(_device("new", state.process))
    assert await taken(state) == [result]
    await state.devices.put(_device("new", state.process))
    assert await taken(state) == []


async def test_deliveries_come_in_the_order_in_which_they_were_posted(state: State) -> None:
    await state.devices.put(_device("new", state.process))
    deliveries = [ToDevice(bobs("phone"), {"number": number}) for number in range(100)]
    for delivery in deliveries:
        await state.post(delivery)
    assert await taken(state) == deliveries


async def test_a_change_and_its_deliveries_are_one_step(state: State) -> None:
    await state.devices.put(_device("new", state.process))
    told = ToDevice(bobs("phone"), {"room": "over"})
    await state.rooms.add(fresh_room())
    await state.rooms.change(ROOM, lambda r: rules.destroy(r, "over", Instant(0)), lambda _change: (told,))
    assert await taken(state) == [told]


async def test_what_history_is_told_stays_until_it_is_written(state: State) -> None:
    ended = CallEnded(room=ROOM, user=None, ended_ms=1, reason="over")
    await state.post(to_history(ended))
    entries = await state.journal.take()
    assert list(entries.values()) == [ended]
    await state.journal.done(tuple(entries))
    later = StayRecord(
        room=ROOM,
        user="u",
        peer="p",
        began_ms=1,
        ended_ms=2,
        lasted_ms=1,
        score=4.5,
        worst=1.0,
        audio_score=None,
        video_score=4.5,
    )
    await state.post(to_history(later))
    assert list((await state.journal.take()).values()) == [later]


async def test_too_full_an_inbox_makes_others_wait(memory: MemoryState) -> None:
    await memory.post(*[ToDevice(ALICES, {}) for _ in range(INBOX)])
    waiting = asyncio.ensure_future(memory.room_for_more())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.01)
    await memory.take()
    await waiting
