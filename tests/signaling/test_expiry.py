"""Keys in Redis expire: nobody has to clean up after processes that are all gone, and what is in use stays."""

from __future__ import annotations

from pathlib import Path

from signaling.nodes.contract import Capacity, Register
from signaling.qss.devices import Device, DeviceCard
from signaling.qss.frames import Answer
from signaling.qss.identifiers import RequestId, RoomId, UserId
from signaling.state.deliveries import Result, ToNode
from signaling.state.redis_state import RedisState
from tests.signaling.qss.virtual import ALICES, ROOM, fresh_room
from tests.support.eventually import eventually
from tests.support.processes import together
from tests.support.redis import RedisServer

JOURNAL = "tertulia:history"
"""What is still to be written stays, however long nobody is there to write it."""
SOON_S = 20
MANY = 200  # rooms, and devices: more than a beat takes
BEATS = 12  # a round takes fewer


async def test_every_key_of_calls_in_all_their_states_expires(tmp_path: Path, redis: RedisServer) -> None:
    async with together(tmp_path, 2, redis=redis.url) as (one, two):
        node = await one.node(silent=("close_room",))
        talk = await one.talk(node)
        carol, dave = await two.device("carol"), await two.device("dave")
        await talk.alice.invite("carol", talk.room["room"], "rings")
        await carol.ring()
        over = (await dave.room())["room"]
        await dave.ask("leaveRoom", payload={"room": over})
        await node.command("close_room")
        await two.app.state.hold(Result(ALICES, RequestId("waits"), {"answer": "x"}))
        await two.app.state.nodes.placed("sfu1", RoomId("f" * 64))
        kinds = {name.split(":")[1] for name in _expiries(redis)}
        assert _for_ever(redis) == []
    assert _for_ever(redis) == []
    assert kinds >= {"room", "rooms", "by", "devices", "at", "open", "begun", "answer", "waiting", "inbox", "deadlines"}
    assert kinds >= {"node", "nodes", "process", "processes", "opening", "closing", "history"}


async def test_what_is_in_use_is_kept_by_the_beats(redis: RedisServer) -> None:
    state = RedisState(redis.url)
    await state.start()
    await _filled(state)
    kept = set(_expiries(redis))
    with redis.client() as client:
        for name in kept:
            client.expire(name, SOON_S)
    for _ in range(BEATS):
        assert await state.beat()
    soon = {name for name, ttl_s in _expiries(redis).items() if ttl_s <= SOON_S}
    assert soon == {name for name in kept if name.split(":")[1] == "begun"}
    assert set(_expiries(redis)) == kept
    await state.close()


async def test_what_processes_left_that_are_all_gone_goes_by_itself(redis: RedisServer) -> None:
    state = RedisState(redis.url, keep_s=1)
    await state.start()
    await state.rooms.add(fresh_room())
    await state.devices.put(_device(0, state))
    assert _expiries(redis)
    await state._client.close()  # nothing is taken back, as when all processes are killed

    async def gone() -> bool:
        return not _expiries(redis)

    await eventually(gone, "everything has expired")


async def _filled(state: RedisState) -> None:
    """Rooms, devices, a node, a request that is begun: all that a process keeps."""
    for number in range(MANY):
        await state.rooms.add(fresh_room(uuid=RoomId(f"{number:064x}"), number=f"{number:08}"))
        await state.devices.put(_device(number, state))
    room = fresh_room()
    card = Register(node="sfu1", instance="i", server=room.server, workers=1, capacity=Capacity(peers=1), version="1")
    await state.nodes.register(card, "socket")
    await state.nodes.placed("sfu1", ROOM)
    await state.post(ToNode("sfu1", "close_room", {}, closes=ROOM))
    await state.answers.begin(ALICES, RequestId("begun"), lambda: Answer(answer="x", error=503))


def _device(number: int, state: RedisState) -> Device:
    user = UserId(f"{number:024x}")
    return Device(user=user, username="u@local", card=DeviceCard(id="d"), socket="s", process=state.process)


def _for_ever(redis: RedisServer) -> list[str]:
    """Keys without expiry."""
    return [name for name, ttl_s in _expiries(redis).items() if ttl_s < 0 and name != JOURNAL]


def _expiries(redis: RedisServer) -> dict[str, int]:
    """Every key, with the seconds until it expires; below 0: never."""
    with redis.client() as client:
        return {name.decode(): client.ttl(name) for name in client.keys("*")}
