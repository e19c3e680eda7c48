"""What every backend of the state must do; memory is one."""

from __future__ import annotations

import pytest

from signaling.errors import NotInAcl, UnknownRoom
from signaling.qss import rooms
from signaling.qss.devices import Device, DeviceCard
from signaling.qss.frames import Answer
from signaling.qss.identifiers import DeviceRef, Instant, RequestId, RoomId
from signaling.qss.rooms import Change
from signaling.state.keys import ByMember, ByNode, ByNumber
from signaling.state.memory import ANSWERS_PER_DEVICE, MemoryState
from tests.signaling.qss.virtual import ALICE, ALICES, BOB, ROOM, bobs, fresh_room


@pytest.fixture
def state() -> MemoryState:
    return MemoryState()


async def test_a_number_is_unique_among_live_rooms(state: MemoryState) -> None:
    assert await state.rooms.add(fresh_room())
    assert not await state.rooms.add(fresh_room(uuid=RoomId("9" * 64)))
    await state.rooms.change(ROOM, lambda r: rooms.destroy(r, "over", Instant(0)))
    assert await state.rooms.add(fresh_room(uuid=RoomId("9" * 64)))


async def test_rooms_are_found_by_what_they_are_about(state: MemoryState) -> None:
    await state.rooms.add(fresh_room())
    for key in (ByNode("sfu1"), ByMember(ALICE), ByNumber("14738571")):
        assert await state.rooms.find(key) == (ROOM,)
    assert await state.rooms.find(ByMember(BOB)) == ()


async def test_a_rule_that_raises_changes_nothing(state: MemoryState) -> None:
    await state.rooms.add(fresh_room())

    def rule(_room: rooms.Room) -> Change:
        raise NotInAcl

    with pytest.raises(NotInAcl):
        await state.rooms.change(ROOM, rule)
    assert await state.rooms.get(ROOM) == fresh_room()


async def test_a_room_that_is_over_is_unknown(state: MemoryState) -> None:
    with pytest.raises(UnknownRoom):
        await state.rooms.change(ROOM, Change)


def _device(socket: str) -> Device:
    return Device(user=BOB, username="bob@local", card=DeviceCard(id="phone"), socket=socket)


async def test_an_older_connection_does_not_take_the_newer_away(state: MemoryState) -> None:
    assert await state.devices.put(_device("old")) is None
    assert await state.devices.put(_device("new")) == _device("old")
    assert not await state.devices.remove(_device("old"))
    assert await state.devices.get(bobs("phone")) == _device("new")
    assert await state.devices.remove(_device("new"))
    assert await state.devices.of(BOB) == ()


def _answer(number: int) -> Answer:
    return Answer(answer="x", request_id=str(number))


async def test_answers_are_remembered_for_a_while(state: MemoryState) -> None:
    await state.answers.put(ALICES, RequestId("1"), _answer(1), Instant(0))
    assert await state.answers.get(ALICES, RequestId("1"), Instant(119)) == _answer(1)
    assert await state.answers.get(ALICES, RequestId("1"), Instant(120)) is None
    assert await state.answers.get(bobs("phone"), RequestId("1"), Instant(1)) is None


async def test_the_memory_of_answers_is_bounded_per_device_and_in_time(state: MemoryState) -> None:
    for number in range(1000):
        await state.answers.put(ALICES, RequestId(str(number)), _answer(number), Instant(0))
    assert len(state.answers) == ANSWERS_PER_DEVICE
    assert await state.answers.get(ALICES, RequestId("999"), Instant(1)) == _answer(999)
    for number in range(100):
        device = DeviceRef(BOB, bobs(str(number)).device)
        await state.answers.put(device, RequestId("1"), _answer(1), Instant(10 * number))
    assert len(state.answers) == 12
