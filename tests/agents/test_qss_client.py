"""A device's requests find their answers, also over a link that breaks.

The other end is a Socket.IO server that says what each test tells it to.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import socketio
from aiohttp import web

from agents.errors import Declined, ProtocolError, SignInError
from agents.link import Link, Refused
from agents.qss_client import Frame, QssClient, new_request_id
from tests.support.eventually import eventually
from tests.support.ports import free_tcp_port

READY = {"type": "event", "payload": {"eventName": "ready", "payload": {"userId": "u1"}}}


class Server:
    """A signaling that is scripted."""

    def __init__(self, url: str, sio: Any) -> None:  # noqa: ANN401
        self.url = url
        self.sio = sio
        self.got: list[Frame] = []
        self.refusal: dict[str, str] | None = None
        self.answer: Callable[[Frame], object | None] = lambda _: None
        sio.on("connect", self._connect)
        sio.on("message", self._message)

    async def _connect(self, sid: str, _environ: object, _auth: object) -> None:
        if self.refusal is not None:
            refused: Any = socketio.exceptions.ConnectionRefusedError
            raise refused(self.refusal)
        await self.sio.emit("message", READY, to=sid)

    async def _message(self, sid: str, frame: Frame) -> None:
        self.got.append(frame)
        if (answer := self.answer(frame)) is not None:
            await self.sio.emit("message", answer, to=sid)

    async def say(self, frame: object) -> None:
        await self.sio.emit("message", frame)

    async def has(self, count: int) -> None:
        async def there() -> bool:
            return len(self.got) >= count

        await eventually(there, f"{count} frames came")

    async def break_links(self) -> None:
        for connection in list(self.sio.eio.sockets.values()):
            await connection.close(wait=False)


class Listening:
    """What the device was told unasked."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    def invited(self, frame: Frame) -> None:
        self.heard.append(("invited", frame))

    def cancelled(self, frame: Frame) -> None:
        self.heard.append(("cancelled", frame))

    def rings_only(self, requests: frozenset[str]) -> None:
        self.heard.append(("rings", requests))

    def event(self, name: str, payload: Frame) -> None:
        self.heard.append((name, payload))

    async def has(self, what: str) -> Any:  # noqa: ANN401
        async def there() -> bool:
            return any(name == what for name, _ in self.heard)

        await eventually(there, what)
        return next(frame for name, frame in self.heard if name == what)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    make: Any = socketio.AsyncServer
    sio = make(async_mode="aiohttp")
    app = web.Application()
    sio.attach(app)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    port = free_tcp_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield Server(f"http://127.0.0.1:{port}", sio)
    await sio.shutdown()
    await runner.cleanup()


@pytest.fixture
async def ear() -> Listening:
    return Listening()


async def credentials() -> dict[str, Any]:
    return {"token": "t", "device": {"id": "d"}}


@pytest.fixture
async def client(server: Server, ear: Listening) -> AsyncIterator[QssClient]:
    client = QssClient(server.url, credentials, ear)
    assert (await client.connect())["userId"] == "u1"
    yield client
    await client.close()


def echo(payload: Frame) -> Callable[[Frame], Frame]:
    return lambda frame: {"answer": frame["request"], "requestID": frame["requestID"], "payload": payload}


async def test_a_request_gets_its_own_answer(server: Server, client: QssClient) -> None:
    server.answer = lambda frame: json.dumps(echo({"room": "r"})(frame))  # as text, which QSS allows
    assert await client.create_room() == {"room": "r"}


async def test_an_error_in_an_answer_is_raised_in_words(server: Server, client: QssClient) -> None:
    server.answer = lambda frame: {"answer": frame["request"], "requestID": frame["requestID"], "error": 603}
    with pytest.raises(Declined, match="the user declined"):
        await client.create_room()


async def test_an_answer_without_what_it_should_have_is_a_protocol_error(server: Server, client: QssClient) -> None:
    server.answer = lambda frame: {"answer": frame["request"], "requestID": frame["requestID"]}
    with pytest.raises(ProtocolError, match="createRoom has no payload"):
        await client.create_room()


async def test_a_request_is_sent_again_when_the_link_comes_back(server: Server, client: QssClient) -> None:
    _, answer = client.invite("bob", "r", audio=True, video=False)
    await server.has(1)
    await server.break_links()
    await server.has(2)
    assert server.got[0] == server.got[1]
    await server.say({"answer": "invitation", "requestID": server.got[0]["requestID"], "whoAccepted": "b"})
    assert (await asyncio.wait_for(answer, 5))["whoAccepted"] == "b"


async def test_after_a_reconnection_the_device_asks_what_still_rings(
    server: Server, client: QssClient, ear: Listening
) -> None:
    def answer(frame: Frame) -> Frame | None:
        if frame["request"] != "currentInvitations":
            return None
        ringing = {"currentInvitations": [{"request": "invitation", "requestID": "i1", "from": "a"}]}
        return {"answer": "currentInvitations", "requestID": frame["requestID"], "payload": ringing}

    server.answer = answer
    assert server.got == []
    await server.break_links()
    assert await ear.has("rings") == frozenset({"i1"})


@pytest.mark.parametrize(("held", "name"), [(True, "hold"), (False, "unhold")])
async def test_hold_names_the_room(server: Server, client: QssClient, held: bool, name: str) -> None:
    server.answer = lambda frame: {"answer": name, "requestID": frame["requestID"], "payload": {}}
    await client.hold("r", held=held)
    assert (server.got[0]["request"], server.got[0]["payload"]) == (name, {"room": "r"})


async def test_a_transfer_that_nobody_takes_says_why(server: Server, client: QssClient) -> None:
    server.answer = lambda frame: {"answer": "blindTransfer", "requestID": frame["requestID"], "error": 603}
    with pytest.raises(Declined):
        await client.transfer("r", "carol")
    assert server.got[0]["payload"] == {"room": "r", "to": "carol"}


async def test_what_comes_unasked_is_heard(server: Server, client: QssClient, ear: Listening) -> None:
    await server.say({"request": "invitation", "requestID": "i1", "from": "a"})
    await server.say({"cancel": "invitation", "requestID": "i1", "error": 487})
    await server.say({"type": "event", "payload": {"eventName": "room-destroyed", "payload": {"roomId": "r"}}})
    assert (await ear.has("room-destroyed"))["roomId"] == "r"
    assert [name for name, _ in ear.heard] == ["invited", "cancelled", "room-destroyed"]


@pytest.mark.parametrize(
    "frame", ["{", "[]", 5, None, {"type": "event"}, {"type": "event", "payload": 3}, {"answer": 1}]
)
async def test_a_broken_frame_harms_nothing(server: Server, client: QssClient, ear: Listening, frame: object) -> None:
    await server.say(frame)
    await server.say({"request": "invitation", "requestID": "i1", "from": "a"})
    await ear.has("invited")


async def test_leaving_ends_with_the_frame_that_has_no_request_id(server: Server, client: QssClient) -> None:
    server.answer = lambda _: {"cancel": "leaveRoom", "error": 403, "message": "user not included into ACL"}
    await asyncio.wait_for(client.leave_room("r"), 1.5)
    assert server.got[0]["payload"] == {"room": "r"}


async def test_a_refused_device_is_told_why(server: Server, ear: Listening) -> None:
    server.refusal = {"code": "unauthorized", "message": "the token has expired"}
    client = QssClient(server.url, credentials, ear)
    with pytest.raises(SignInError, match="the token has expired"):
        await client.connect()
    await client.close()


async def test_a_server_that_is_not_there_is_named() -> None:
    url = f"http://127.0.0.1:{free_tcp_port()}/socket.io"

    class Nobody:
        def link_up(self) -> None: ...

        def link_down(self) -> None: ...

        def link_event(self, name: str, data: object) -> None: ...

        def link_refused(self, data: object) -> None: ...

    link = Link(url, credentials, Nobody())
    with pytest.raises(Refused, match=r"127\.0\.0\.1"):
        await link.open()
    await link.close()


def test_request_ids_are_21_characters_that_fit_a_url() -> None:
    ids = {new_request_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(i) == 21 and i.replace("-", "").replace("_", "").isalnum() for i in ids)
