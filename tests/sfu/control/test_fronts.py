"""Clients reach the node by Socket.IO, by WebSocket and by HTTP; who has no right to gets nowhere."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import socketio
from aiohttp import WSMsgType

from tests.support.clients import SocketIoClient, websocket
from tests.support.eventually import until
from tests.support.node import Deployment, running_node, token
from tests.support.sdp import vector

OFFER = vector("chromium_simulcast_4_seats")


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    async with running_node(hello_timeout_s=0.2) as running:
        yield running


async def test_a_join_over_socket_io_is_answered_with_sdp_and_seats(deployment: Deployment) -> None:
    room = await deployment.room("alice")
    client = await SocketIoClient(deployment).connect(room, "alice")
    answer = await client.ask("join", {"sdp": OFFER})
    assert answer["sdp"].startswith("v=0\r\n")
    assert answer["seats"][0] == {"seat": 0, "mids": {"audio": "2", "video": "3"}}
    assert (answer["tracks"], answer["participants"]) == ([], [])
    assert await client.ask("join", {"sdp": OFFER}) == {
        "error": 409,
        "message": "this connection has joined already",
    }
    assert await client.ask("leave", {}) == {}
    await until(lambda: deployment.process.node.peers == 0, "the peer is gone")
    await client.close()


async def test_a_wrong_token_is_refused_with_403_and_allocates_nothing(deployment: Deployment) -> None:
    room = await deployment.room("alice")
    for where, user in ((room, "mallory"), ("f" * 64, "alice")):
        client = SocketIoClient(deployment)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(where, user)
        message = "user not included into ACL"
        assert client.got("refused") == [{"message": message, "data": {"error": 403, "message": message}}]
        await client.close()
    assert deployment.process.node.peers == 0


async def test_a_revoked_token_is_refused(deployment: Deployment) -> None:
    room = await deployment.room("alice")
    client = await SocketIoClient(deployment).connect(room, "alice")
    assert await deployment.signaling.ask("revoke", room=room, user="alice", reason="removed") == {}
    assert (await client.ask("join", {"sdp": OFFER}))["error"] == 403
    await client.close()


async def test_a_revoked_peer_is_told_and_cut_off(deployment: Deployment) -> None:
    room = await deployment.room("alice")
    client = await SocketIoClient(deployment).connect(room, "alice")
    await client.ask("join", {"sdp": OFFER})
    await deployment.signaling.ask("revoke", room=room, user="alice", reason="removed")
    await until(lambda: client.got("expelled") == [{"reason": "removed"}], "the peer is told")
    await until(lambda: not client.connected, "its connection ends")
    assert deployment.process.node.peers == 0
    await client.close()


async def test_bad_requests_are_answered_and_harm_nothing(deployment: Deployment) -> None:
    room = await deployment.room("alice")
    client = await SocketIoClient(deployment).connect(room, "alice")
    for event, data, code, words in (
        ("join", {"sdp": "hello"}, 400, "sdp line 1"),
        ("join", {"sdp": OFFER.replace("a=mid:1", "a=mid:?/")}, 400, "sdp line"),
        ("join", {}, 400, "sdp"),
        ("join", None, 400, "join"),
        ("offer", {"sdp": OFFER}, 404, "join first"),
        ("dance", {}, 404, "unknown request 'dance'"),
        ("view", {"seats": {"0": {}}}, 404, "join first"),
    ):
        answer = await client.ask(event, data)
        assert answer["error"] == code
        assert words in str(answer["message"])
    assert "sdp" in await client.ask("join", {"sdp": OFFER})
    assert (await client.ask("view", {"seats": {"x": {}}}))["error"] == 400
    assert (await client.ask("tracks", {"0": {"source": "moon"}}))["error"] == 400
    assert (await client.ask("tracks", {"77": {"muted": True}}))["error"] == 400
    assert (await client.ask("tracks", {"0": {"source": "microphone", "muted": True}})) == {}
    await client.close()


async def test_too_many_requests_are_429() -> None:
    async with running_node(request_burst=3, request_rate=0.001) as deployment:
        room = await deployment.room("alice")
        client = await SocketIoClient(deployment).connect(room, "alice")
        answers = [await client.ask("leave", {}) for _ in range(4)]
        assert [answer["error"] for answer in answers] == [404, 404, 404, 429]
        await client.close()


async def test_a_join_over_the_plain_websocket(deployment: Deployment) -> None:
    room = await deployment.room("alice")
    async with websocket(deployment) as socket:
        await socket.send_json({"room": room, "token": token("alice"), "id": 0})
        assert await socket.receive_json() == {"id": 0, "data": {}}
        await socket.send_json({"event": "join", "id": 1, "data": {"sdp": OFFER}})
        answer = await socket.receive_json()
        assert answer["id"] == 1
        assert answer["data"]["sdp"].startswith("v=0")
        await socket.send_str("{")
        assert (await socket.receive_json())["data"]["error"] == 400
        await socket.send_bytes(b"x")
        assert (await socket.receive_json())["data"]["error"] == 400
        await socket.send_json({"event": "leave", "id": "x"})
        assert await socket.receive_json() == {"id": "x", "data": {}}


@pytest.mark.parametrize(
    ("hello", "code"),
    [
        (json.dumps({"room": "f" * 64, "token": "x"}), 4403),
        (json.dumps({"room": 7}), 4400),
        ("{", 4400),
        (None, 4400),
    ],
)
async def test_a_websocket_that_does_not_introduce_itself_is_closed(
    deployment: Deployment, hello: str | None, code: int
) -> None:
    async with websocket(deployment) as socket:
        if hello is not None:
            await socket.send_str(hello)
        assert (await socket.receive_json())["data"]["code"] == code - 4000
        assert (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
        assert socket.close_code == code


async def test_a_frame_that_is_too_long_closes_only_its_connection(deployment: Deployment) -> None:
    room = await deployment.room("alice", "bob")
    bob = await SocketIoClient(deployment).connect(room, "bob")
    async with websocket(deployment) as socket:
        await socket.send_json({"room": room, "token": token("alice")})
        await socket.send_str("x" * (deployment.config.max_frame_bytes + 1))
        assert (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
    assert "sdp" in await bob.ask("join", {"sdp": OFFER})
    await bob.close()


def bearer(user: str, content_type: str = "application/sdp") -> dict[str, str]:
    """The headers of a WHIP request."""
    return {"Authorization": f"Bearer {token(user)}", "Content-Type": content_type}


async def test_whip_and_whep_follow_rfc_9725(deployment: Deployment) -> None:
    room = await deployment.room("alice")
    async with aiohttp.ClientSession(deployment.url) as http:
        for kind in ("whip", "whep"):
            response = await http.post(f"/{kind}/{room}", data=OFFER, headers=bearer("alice"))
            assert response.status == 201
            assert response.content_type == "application/sdp"
            assert (await response.text()).startswith("v=0")
            location = response.headers["Location"]
            assert location.startswith(f"/{kind}/{room}/")
            fragment = bearer("alice", "application/trickle-ice-sdpfrag")
            assert (await http.patch(location, data="a=x\r\n", headers=fragment)).status == 204
            assert (await http.delete(location, headers=bearer("mallory"))).status == 403
            assert (await http.delete(location, headers=bearer("alice"))).status == 200
            assert (await http.delete(location, headers=bearer("alice"))).status == 404


async def test_whip_refuses_what_it_should(deployment: Deployment) -> None:
    room = await deployment.room("alice")
    async with aiohttp.ClientSession(deployment.url) as http:
        anonymous = await http.post(f"/whip/{room}", data=OFFER, headers={"Content-Type": "application/sdp"})
        assert (anonymous.status, anonymous.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert (await http.post(f"/whip/{room}", data=OFFER, headers=bearer("mallory"))).status == 403
        assert (await http.post(f"/whip/{room}", data=OFFER, headers=bearer("alice", "text/plain"))).status == 415
        broken = await http.post(f"/whip/{room}", data="v=0\r\nx", headers=bearer("alice"))
        assert (broken.status, (await broken.json())["message"][:10]) == (400, "sdp line 2")
        long = await http.post(f"/whip/{room}", data="v" * 600_000, headers=bearer("alice"))
        assert long.status == 413
        preflight = await http.options(f"/whip/{room}", headers={"Origin": "https://example.org"})
        assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert deployment.process.node.peers == 0


async def test_healthz_says_whether_signaling_is_there(deployment: Deployment) -> None:
    async with aiohttp.ClientSession(deployment.url) as http, http.get("/healthz") as response:
        assert await response.json() == {"status": "ok", "signaling": "connected", "peers": 0}


async def test_a_client_that_does_not_read_loses_its_connection_and_nobody_else_does() -> None:
    async with running_node(outbox_frames=8) as deployment:
        room = await deployment.room("alice", "bob")
        alice = await SocketIoClient(deployment).connect(room, "alice")
        await alice.ask("join", {"sdp": OFFER})
        (session,) = deployment.process.node.sessions_of(room)
        for _ in range(9):
            session.tell("speakers", [])
        await until(lambda: not alice.connected, "the connection ends")
        assert deployment.process.node.peers == 1
        bob = await SocketIoClient(deployment).connect(room, "bob")
        assert "sdp" in await bob.ask("join", {"sdp": OFFER})
        await asyncio.gather(alice.close(), bob.close())
