"""The gateway over real Socket.IO: who is let in, how frames travel, and what bad ones are answered."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio

from signaling.gateway.websocket import CLOSE_CODES
from signaling.qss.identifiers import UserId
from signaling.rates import Rates
from signaling.tokens import AccessTokens
from tests.support.devices import Device
from tests.support.eventually import eventually
from tests.support.in_test_node import InTestNode
from tests.support.lines import TRANSPORTS, Transport, WebSocketLine
from tests.support.signaling import Server, running
from tests.support.signaling_fuzz import STRANGE_TEXTS, damaged_frames

pytestmark = pytest.mark.both_backends


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> Transport:
    """Every test of behaviour that both have runs over both."""
    chosen: Transport = request.param
    return chosen


over_socketio = pytest.mark.parametrize("transport", ["socket.io"])
over_websocket = pytest.mark.parametrize("transport", ["websocket"])


@pytest.fixture
async def server(tmp_path: Path, transport: Transport, backend: dict[str, Any]) -> AsyncIterator[Server]:
    async with running(tmp_path, transport, **backend) as made:
        yield made


async def _refused(server: Server, auth: object) -> dict[str, Any]:
    """The refusal that a connection gets."""
    return await (_refused_socketio if server.transport == "socket.io" else _refused_websocket)(server, auth)


async def _refused_socketio(server: Server, auth: object) -> dict[str, Any]:
    make: Any = socketio.AsyncClient
    client = make(reconnection=False)
    refusal: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    client.on("connect_error", lambda data: None if refusal.done() else refusal.set_result(data))
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(server.url, auth=auth, transports=["websocket"], wait_timeout=5)
    await client.disconnect()
    refused = await refusal
    assert refused["data"] == {"code": refused["code"]}
    return refused


async def _refused_websocket(server: Server, auth: object) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{server.url}/ws") as socket:
        await socket.send_str(json.dumps(auth))
        async with asyncio.timeout(5):
            closed = await socket.receive()
        assert closed.type is aiohttp.WSMsgType.CLOSE
        code, _, message = str(closed.extra).partition(": ")
        assert CLOSE_CODES[code] == closed.data
        return {"code": code, "message": message}


@pytest.mark.parametrize("auth", [None, {}, "x", {"token": 5}, {"token": ""}, {"token": "x.y.z"}, {"token": "é" * 999}])
async def test_a_bad_token_refuses_the_connection(server: Server, auth: object) -> None:
    assert (await _refused(server, auth))["code"] == "unauthorized"


async def test_an_expired_token_refuses_the_connection(server: Server) -> None:
    alice = await server.user("alice")
    refusal = await _refused(server, {"token": server.token(alice, now=time.time() - 700)})
    assert refusal["code"] == "unauthorized"


async def test_a_token_of_another_secret_or_use_refuses_the_connection(server: Server) -> None:
    alice = await server.user("alice")
    foreign = AccessTokens((b"somebody else's secret",)).make(alice.id, now=time.time(), ttl_s=60, session=alice.id)
    assert (await _refused(server, {"token": foreign}))["code"] == "unauthorized"
    assert (await _refused(server, {"token": server.token(alice, use="refresh")}))["code"] == "unauthorized"


async def test_a_bad_device_card_is_refused_by_name(server: Server) -> None:
    alice = await server.user("alice")
    refusal = await _refused(server, {"token": server.token(alice), "device": {"id": "a b"}})
    assert refusal["code"] == "malformed"
    assert "device.id" in refusal["message"]


async def test_nothing_is_kept_of_a_refused_connection(server: Server) -> None:
    for _ in range(20):
        await _refused(server, {"token": "wrong"})
    assert await server.app.state.devices.count() == 0


async def test_a_connection_that_never_signs_in_is_closed(tmp_path: Path, transport: Transport) -> None:
    path = "socket.io/?EIO=4&transport=websocket" if transport == "socket.io" else "ws"
    async with running(tmp_path, connect_within_s=0.1) as server, aiohttp.ClientSession() as http:
        socket = await http.ws_connect(f"{server.url}/{path}")
        async with asyncio.timeout(5):
            while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert socket.closed


@over_socketio
async def test_long_polling_carries_a_device_too(server: Server, node: InTestNode) -> None:
    alice = Device(await server.user("alice"), "polling")
    await alice.connect(server.url, server.token(alice.user), transports=("polling",))
    assert (await alice.room())["participants"] == [alice.user.id]
    await alice.disconnect()


async def test_a_frame_may_be_a_string_of_the_object(server: Server, node: InTestNode) -> None:
    alice = await server.device("alice")
    answer = await alice.tell(json.dumps({"request": "createRoom", "requestID": "s1", "payload": {}}))
    assert answer["payload"]["participants"] == [alice.user.id]


@over_socketio
async def test_the_acknowledgement_carries_the_same_answer_that_is_emitted(server: Server, node: InTestNode) -> None:
    alice = await server.device("alice")
    answer = await alice.ask("createRoom", "c1", payload={})
    assert await alice.frame(lambda f: f.get("requestID") == "c1") == answer


async def test_an_invitations_acknowledgement_is_its_final_frame(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    room = (await alice.room())["room"]
    asked = asyncio.create_task(alice.ask("invitation", "i1", to="bob", payload={"room": room}))
    await bob.decline(await bob.ring())
    assert await asked == {"answer": "invitation", "requestID": "i1", "from": alice.user.id, "error": 603}


async def test_a_repeated_request_is_answered_the_same_and_does_nothing_twice(server: Server, node: InTestNode) -> None:
    alice = await server.device("alice")
    first = await alice.ask("createRoom", "same", payload={})
    assert await alice.ask("createRoom", "same", payload={}) == first
    assert await server.app.state.rooms.count() == 1


async def test_a_request_repeated_after_a_reconnection_is_answered_the_same(server: Server, node: InTestNode) -> None:
    alice = await server.device("alice", "tab")
    first = await alice.ask("createRoom", "same", payload={})
    await alice.disconnect()
    again = await server.device("alice", "tab")
    assert await again.ask("createRoom", "same", payload={}) == first
    assert await server.app.state.rooms.count() == 1


async def test_a_repeated_invitation_rings_once_and_is_answered_once(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    room = (await alice.room())["room"]
    await alice.invite("bob", room, "i1")
    ring = await bob.ring()
    await alice.invite("bob", room, "i1")
    await alice.settled()
    await bob.accept(ring)
    await alice.frame(lambda f: f.get("whoAccepted") == bob.user.id)
    assert sum(f.get("requestID") == "i1" for f in await alice.settled()) == 1
    assert sum(f.get("request") == "invitation" for f in await bob.settled()) == 1


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        ("{", {"answer": None, "error": 400}),
        ([], {"answer": None, "error": 400}),
        ({"request": "createRoom"}, {"answer": "createRoom", "error": 400}),
        ({"request": "leaveRoom", "requestID": "1"}, {"answer": "leaveRoom", "requestID": "1", "error": 400}),
        ({"request": "makeTea", "requestID": "2"}, {"answer": "makeTea", "requestID": "2", "error": 404}),
        ({"answer": "makeTea", "requestID": "3"}, {"answer": "makeTea", "requestID": "3", "error": 404}),
    ],
)
async def test_a_bad_frame_is_answered_and_the_connection_goes_on(
    server: Server, node: InTestNode, frame: object, answer: dict[str, object]
) -> None:
    alice = await server.device("alice")
    ack = await alice.tell(frame)
    assert ack.pop("message")
    assert ack == answer
    emitted = await alice.frame(lambda f: "error" in f)
    assert {key: emitted[key] for key in answer} == answer
    assert (await alice.room())["participants"] == [alice.user.id]


async def test_an_unknown_wac_endpoint_is_answered_404_in_its_envelope(server: Server) -> None:
    alice = await server.device("alice")
    answer = await alice.tell({"type": "request", "payload": {"endpoint": "tea", "payload": {}, "id": "w1"}})
    assert (answer["type"], answer["payload"]["id"], answer["payload"]["error"]) == ("response", "w1", 404)
    assert "tea" in answer["payload"]["message"]


@over_socketio
async def test_an_event_other_than_message_is_refused_by_name(server: Server) -> None:
    alice = await server.device("alice")
    for event in ("msg", "connect", "disconnect"):
        answer = await alice.sio.call(event, {"x": 1}, timeout=5)
        assert answer is None or "unknown event" in answer["message"]
    assert (await alice.ask("joinRoom", payload={"room": "x"}))["error"] == 404


async def test_a_frame_above_64_kib_closes_the_connection(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    await alice.send({"request": "createRoom", "requestID": "1", "payload": {"x": "y" * 66_000}})
    async with asyncio.timeout(5):
        await alice.gone.wait()
    assert (await bob.room())["participants"] == [bob.user.id]
    assert _close_code(alice) in {None, 1009}


async def test_frames_up_to_64_kib_are_read(server: Server, node: InTestNode) -> None:
    alice = await server.device("alice")
    answer = await alice.ask("createRoom", payload={"x": "y" * 64_000})
    assert "payload" in answer


async def test_more_than_the_rate_is_429_and_nobody_else_suffers(tmp_path: Path, transport: Transport) -> None:
    async with running(tmp_path, transport, rates=Rates(frames_per_s=0.01, frames_burst=10)) as server:
        alice, bob = await server.device("alice"), await server.device("bob")
        codes = [(await alice.ask("joinRoom", f"f{n}", payload={"room": "none"}))["error"] for n in range(15)]
        assert codes == [404] * 10 + [429] * 5
        limited = await alice.frame(lambda f: f.get("error") == 429)
        assert (limited["answer"], limited["requestID"]) == ("joinRoom", "f10")
        assert (await bob.ask("joinRoom", payload={"room": "none"}))["error"] == 404


async def test_a_device_that_does_not_read_is_disconnected(tmp_path: Path) -> None:
    async with (
        running(tmp_path, unread_frames=20, rates=Rates(frames_burst=10_000)) as server,
        aiohttp.ClientSession() as http,
    ):
        alice = await server.user("alice")
        url = f"{server.url}/socket.io/?EIO=4&transport=polling"
        hello = json.loads((await (await http.get(url)).text())[1:])
        auth = json.dumps({"token": server.token(alice), "device": {"id": "deaf"}})
        mine = f"{url}&sid={hello['sid']}"
        await http.post(mine, data=f"40{auth}")
        await eventually(lambda: server.app.state.devices.of(alice.id), "the device is online")
        for _ in range(40):
            await http.post(mine, data='42["message",{"request":"tea","requestID":"1"}]')
        await eventually(lambda: _offline(server, alice.id), "the device is disconnected")


@over_websocket
async def test_a_websocket_that_does_not_read_is_disconnected(tmp_path: Path, transport: Transport) -> None:
    async with running(
        tmp_path, transport, unread_frames=20, rates=Rates(frames_per_s=1e9, frames_burst=1e9)
    ) as server:
        alice = await server.user("alice")
        reader, writer = await asyncio.open_connection("127.0.0.1", server.app.port, limit=64)
        writer.write(_upgrade("/ws") + _masked(json.dumps({"token": server.token(alice), "device": {"id": "deaf"}})))
        await eventually(lambda: server.app.state.devices.of(alice.id), "the device is online")
        frame = _masked(json.dumps({"request": "tea " + "x" * 60, "requestID": "1" * 64}))

        async def flooded() -> bool:
            writer.write(frame * 500)
            return await _offline(server, alice.id)

        await eventually(flooded, "the device is disconnected", 20)
        writer.transport.abort()
        assert reader is not None


def _upgrade(path: str) -> bytes:
    """The request that makes a connection a WebSocket (RFC 6455 §4.1)."""
    headers = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n".encode()


def _masked(text: str) -> bytes:
    """A text message as a client sends it (RFC 6455 §5.2), with a mask that changes nothing."""
    assert 126 <= len(text) < 65536
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text.encode()


def _close_code(device: Device) -> int | None:
    """Why a device's WebSocket was closed; None on Socket.IO, which does not say."""
    return device.line.close_code if isinstance(device.line, WebSocketLine) else None


async def _offline(server: Server, user: UserId) -> bool:
    return not await server.app.state.devices.of(user)


async def test_the_same_device_connecting_again_replaces_its_older_connection(server: Server) -> None:
    first = await server.device("alice", "tab")
    second = await server.device("alice", "tab")
    async with asyncio.timeout(5):
        await first.gone.wait()
    assert len(await server.app.state.devices.of(second.user.id)) == 1
    assert (await second.ask("joinRoom", payload={"room": "none"}))["error"] == 404


@over_websocket
async def test_a_replaced_websocket_is_closed_with_4409(server: Server) -> None:
    first = await server.device("alice", "tab")
    await server.device("alice", "tab")
    async with asyncio.timeout(5):
        await first.gone.wait()
    assert _close_code(first) == 4409


@over_socketio
async def test_a_taken_connection_cannot_sign_in_as_a_second_device(server: Server) -> None:
    alice = await server.device("alice", "one")
    auth = {"token": server.token(alice.user), "device": {"id": "two"}}
    await alice.sio.eio.send("0" + json.dumps(auth))
    await alice.settled()
    assert [d.card.id for d in await server.app.state.devices.of(alice.user.id)] == ["one"]


async def test_damaged_frames_over_the_socket_kill_nothing(tmp_path: Path, transport: Transport) -> None:
    """The other hundred thousand go through the parser itself (qss/test_parse.py)."""
    async with running(
        tmp_path, transport, rates=Rates(frames_per_s=1e9, frames_burst=1e9), unread_frames=100_000
    ) as server:
        node = await server.node()
        alice, bob = await server.device("alice"), await server.device("bob")
        for number, text in enumerate(damaged_frames(1_000, seed=7)):
            await alice.send(text)
            if number % 200 == 0:
                await alice.settled()
        for text in STRANGE_TEXTS:
            await alice.send(text)
        if transport == "socket.io":
            await alice.sio.eio.send("2" + "[" * 50_000)
            await alice.sio.eio.send('2["message",' + "[" * 30_000 + "]" * 30_000 + "]")
        await alice.settled()
        room = await bob.room()
        assert node.admits(room["room"], room["token"]) == bob.user.id


async def test_a_user_has_a_hundred_rooms_at_most_and_is_not_kept_from_them_by_others(
    server: Server, node: InTestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.requests.making.ROOMS_PER_USER", 2)
    alice, bob = await server.device("alice"), await server.device("bob")
    for number in range(2):
        await alice.invite("bob", (await alice.room())["room"], f"i{number}")
        await bob.ring()
    assert (await alice.ask("createRoom", payload={}))["error"] == 429
    assert "payload" in await bob.ask("createRoom", payload={})


@over_socketio
async def test_a_peer_that_goes_from_polling_to_websocket_is_served_on(server: Server, node: InTestNode) -> None:
    alice = Device(await server.user("alice"), "upgrading")
    await alice.connect(server.url, server.token(alice.user), transports=("polling", "websocket"))
    assert alice.sio.transport() == "websocket"
    assert (await alice.room())["participants"] == [alice.user.id]
    await alice.disconnect()


@over_websocket
async def test_a_binary_message_is_answered_400_and_the_connection_goes_on(server: Server, node: InTestNode) -> None:
    alice = await server.device("alice")
    assert isinstance(alice.line, WebSocketLine)
    await alice.line.send_bytes(b"\xff\x00")
    assert (await alice.frame(lambda f: "error" in f))["message"] == "frames are text"
    assert (await alice.room())["participants"] == [alice.user.id]


@over_websocket
@pytest.mark.parametrize("text", ["", "{", "[" * 30_000])
async def test_a_first_message_that_is_not_json_closes_with_4400(server: Server, text: str) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{server.url}/ws") as socket:
        await socket.send_str(text)
        async with asyncio.timeout(5):
            assert (await socket.receive()).data == 4400


@over_websocket
async def test_a_cancel_that_comes_too_late_is_told_so_in_a_frame(server: Server, node: InTestNode) -> None:
    alice = await server.device("alice")
    assert (await alice.tell({"cancel": "invitation", "requestID": "x", "error": 487}))["error"] == 404


async def test_a_session_that_is_over_loses_its_devices_and_no_others(server: Server) -> None:
    user = await server.user("alice")
    for session in ("first", "second"):
        await server.app.store.sessions.add(session, user.id, time.time() + 600)
    phone, tab = Device(user, "phone"), Device(user, "tab")
    await phone.connect(server.url, server.token(user, session="first"))
    await tab.connect(server.url, server.token(user, session="second"))
    server.clients += [phone, tab]
    await server.app.keeper.end_sessions(user.id, "first", "signed out")
    await asyncio.wait_for(phone.gone.wait(), 5)
    assert not tab.gone.is_set()
    await server.app.keeper.end_sessions(user.id, None, "no longer a user")
    await asyncio.wait_for(tab.gone.wait(), 5)
