"""A stop: frames in flight are answered, callers learn how their calls ended, devices are sent elsewhere, exit 0."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from signaling.config import kept_secret
from signaling.store import Store
from signaling.tokens import AccessTokens
from tests.support.devices import Device
from tests.support.eventually import eventually
from tests.support.in_test_node import NODE_SECRET, InTestNode
from tests.support.lines import TRANSPORTS, Transport, WebSocketLine
from tests.support.ports import free_tcp_port, free_udp_port
from tests.support.processes import RealProcess
from tests.support.redis import RedisServer
from tests.support.signaling import running, settings, signed_up
from tests.support.system import answers, console


class Process:
    """`tertulia signaling` in a process of its own, and what connects to it."""

    def __init__(self, data: Path, transport: Transport) -> None:
        self.data = data
        self.transport = transport
        self.url = f"http://127.0.0.1:{free_tcp_port()}"
        self.process: asyncio.subprocess.Process
        self.clients: list[Device | InTestNode] = []

    async def start(self, *options: str) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tertulia", "signaling", "--port", self.url.rpartition(":")[2], "--data", str(self.data), *options),
            env={**os.environ, "TERTULIA_NODE_SECRET": NODE_SECRET},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await eventually(lambda: answers(f"{self.url}/healthz"), "signaling answers", 30)

    async def start_serve(self) -> None:
        """With a node, as one process tree."""
        port = self.url.rpartition(":")[2]
        udp = ("--udp-port", str(free_udp_port()), "--workers", "1", "--advertise", "127.0.0.1")
        self.process = await console("serve", "--port", port, "--data", str(self.data), *udp)
        await eventually(lambda: answers(f"{self.url}/readyz"), "serve is ready", 30)

    async def device(self, name: str) -> Device:
        store = await Store.open(settings(self.data).database_url)
        user = await signed_up(store, name)
        await store.close()
        tokens = AccessTokens((kept_secret(self.data / "secret").encode(),))
        made = Device(user, f"{name}-tab", self.transport)
        await made.connect(self.url, tokens.make(user.id, now=time.time(), ttl_s=600, session=user.id))
        self.clients.append(made)
        return made

    async def node(self, slow: tuple[str, ...] = ()) -> InTestNode:
        node = InTestNode("sfu1", slow=slow)
        await node.connect(self.url)
        self.clients.append(node)
        return node

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def ended(self, within_s: float = 8.0) -> int:
        return await asyncio.wait_for(self.process.wait(), within_s)

    async def close(self) -> None:
        for client in self.clients:
            await client.disconnect()
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@pytest.fixture(params=TRANSPORTS)
async def process(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Process]:
    made = Process(tmp_path, request.param)
    try:
        yield made
    finally:
        await made.close()


async def test_a_stop_ends_open_invitations_with_a_result_and_sends_the_devices_elsewhere(process: Process) -> None:
    await process.start()
    await process.node()
    alice, bob = await process.device("alice"), await process.device("bob")
    await alice.invite("bob", (await alice.room())["room"], "i1")
    ring = await bob.ring()
    process.terminate()
    result = await alice.frame(lambda f: f.get("requestID") == "i1")
    assert (result["cancel"], result["error"]) == ("invitation", 408)
    assert (await bob.frame(lambda f: f.get("cancel") == "invitation"))["requestID"] == ring["requestID"]
    for device in (alice, bob):
        await asyncio.wait_for(device.gone.wait(), 5)
        if isinstance(device.line, WebSocketLine):
            assert device.line.close_code == 1001
        else:
            assert device.left_for in {
                "transport close",
                "transport error",
            }  # after which Socket.IO clients connect again by themselves
    assert await process.ended() == 0


async def test_a_frame_in_flight_is_answered_before_the_process_ends(process: Process) -> None:
    await process.start()
    await process.node(slow=("open_room",))
    alice = await process.device("alice")
    asked = asyncio.create_task(alice.ask("createRoom", "c1", payload={}))
    node = next(one for one in process.clients if isinstance(one, InTestNode))
    await node.command("open_room")
    process.terminate()
    await eventually(lambda: _refuses(process.url), "nobody new is let in")
    assert not asked.done()
    node.go_on.set()
    assert "payload" in await asked
    assert await process.ended() == 0


async def test_a_stop_gives_up_after_its_time(process: Process) -> None:
    await process.start("--drain-timeout", "0.2")
    node = await process.node(slow=("open_room",))
    alice = await process.device("alice")
    await alice.send({"request": "createRoom", "requestID": "c1", "payload": {}})
    await node.command("open_room")
    process.terminate()
    began = time.monotonic()
    assert await process.ended() == 0
    assert time.monotonic() - began < 6
    node.go_on.set()


@pytest.mark.parametrize("process", ["socket.io"], indirect=True)
async def test_a_process_that_drains_is_not_ready(process: Process) -> None:
    await process.start()
    node = await process.node(slow=("open_room",))
    alice = await process.device("alice")
    async with aiohttp.ClientSession() as http:  # whose connection stays open, as a proxy's does
        assert await _readiness(http, process.url) == (200, "ready")
        asked = asyncio.create_task(alice.ask("createRoom", "c1", payload={}))
        await node.command("open_room")
        process.terminate()
        await eventually(lambda: _refuses(process.url), "nobody new is let in")
        assert await _readiness(http, process.url) == (503, "stopping")
    node.go_on.set()
    assert "payload" in await asked
    assert await process.ended() == 0


async def test_serve_drains_its_signaling(tmp_path: Path) -> None:
    process = Process(tmp_path, "socket.io")
    try:
        await process.start_serve()
        alice, bob = await process.device("alice"), await process.device("bob")
        await alice.invite("bob", (await alice.room())["room"], "i1")
        ring = await bob.ring()
        process.terminate()
        result = await alice.frame(lambda f: f.get("requestID") == "i1")
        assert (result["cancel"], result["error"]) == ("invitation", 408)
        assert (await bob.frame(lambda f: f.get("cancel") == "invitation"))["requestID"] == ring["requestID"]
        assert await process.ended(15.0) == 0
    finally:
        await process.close()


async def test_one_of_two_processes_drains_and_its_devices_go_on_at_the_other(
    tmp_path: Path, redis: RedisServer
) -> None:
    doomed = RealProcess(tmp_path / "data", redis.url)
    async with running(tmp_path / "data", redis=redis.url) as server:
        await doomed.start()
        try:
            node = await server.node(slow=("open_room",))
            node.go_on.set()
            alice, user = await server.device("alice"), await server.user("bob")
            bob = Device(user, "tab")
            await bob.connect(doomed.url, server.token(user))
            await alice.invite("bob", (await alice.room())["room"], "i1")
            ring = await bob.ring()
            node.go_on.clear()
            asked = asyncio.create_task(bob.ask("createRoom", "c1", payload={}))
            await eventually(lambda: _opens(node, 2), "the node is asked for a second room")
            stopping = asyncio.create_task(doomed.stop())
            await eventually(lambda: _refuses(doomed.url), "nobody new is let in")
            assert not asked.done()
            node.go_on.set()
            assert "payload" in await asked
            assert await stopping == 0
            await asyncio.wait_for(bob.gone.wait(), 5)
        finally:
            await doomed.kill()
        back = await server.device("bob", "tab")
        (current,) = (await back.ask("currentInvitations"))["payload"]["currentInvitations"]
        assert current["requestID"] == ring["requestID"]
        await back.accept(await back.ring())
        result = await alice.frame(lambda f: f.get("requestID") == "i1")
        assert result["whoAccepted"] == bob.user.id
        await bob.disconnect()


async def _opens(node: InTestNode, times: int) -> bool:
    return [name for name, _ in node.commands].count("open_room") == times


async def _readiness(http: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with http.get(f"{url}/readyz") as answer:
        return answer.status, (await answer.json())["status"]


async def _refuses(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as http, http.get(f"{url}/healthz"):
            return False
    except aiohttp.ClientConnectionError:
        return True
