"""10^5 frames that are wrong in every way: each gets its answer, and the next client is served as ever."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.control.dialogue import Dialogue
from sfu.control.requests import REQUESTS, Hello
from sfu.errors import BadRequest, Refused
from sfu.sdp.agreement import agree
from sfu.sdp.answer import write_answer
from sfu.sdp.offer import parse_offer
from tests.support.clients import SocketIoClient, websocket
from tests.support.eventually import until
from tests.support.mangle import mangled_text, odd_value
from tests.support.node import Deployment, running_node, token
from tests.support.sdp import LOCAL, VECTORS, ssrcs, vector

OFFERS = 20_000
REQUEST_FRAMES = 76_000
RAW_FRAMES = 4_000
CODES = {400, 403, 404, 409, 429, 486, 503}


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    async with running_node(request_rate=1e9, request_burst=10**9, offer_rate=1e9, offer_burst=10**9) as running:
        yield running


def seeded(seed: int) -> random.Random:
    """The same odd values in every run."""
    return random.Random(seed)  # noqa: S311  nothing secret


class Sink:
    """A control connection that nobody reads."""

    def send(self, event: str, data: object) -> None:
        """Dropped."""

    def hang_up(self) -> None:
        """There is nothing to end."""


def test_mangled_offers_are_answered_or_refused_with_400() -> None:
    rng, taken = seeded(4711), 0
    small = [path.read_bytes().decode() for path in VECTORS if "datachannel" in path.stem]
    large = [path.read_bytes().decode() for path in VECTORS]
    for number in range(OFFERS):
        text = mangled_text(rng.choice(large if number % 10 == 0 else small), rng)
        with contextlib.suppress(BadRequest):
            write_answer(agree(parse_offer(text), None, ssrcs()), LOCAL)
            taken += 1
    assert 0 < taken < OFFERS * 3 / 4


@given(st.text(max_size=400))
def test_any_text_is_no_offer(text: str) -> None:
    for candidate in (text, "v=0\r\n" + text, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=" + text):
        with pytest.raises(Refused):
            agree(parse_offer(candidate), None, ssrcs())


async def test_odd_requests_are_answered_and_leave_nothing_behind(deployment: Deployment) -> None:
    room = await deployment.room("alice")
    node, rng = deployment.process.node, seeded(42)
    dialogue = Dialogue(node, Hello(room, token("alice")), Sink(), deployment.config)
    assert "sdp" in dialogue.answer("join", {"sdp": vector("aiortc_4_seats")})
    events = [*(name for name in REQUESTS if name != "leave"), "", "connect", "\ud800", "message"]
    for number in range(REQUEST_FRAMES):
        answer = dialogue.answer(rng.choice(events), odd_value(rng))
        assert answer == {} or answer["error"] in CODES, answer
        if number % 1_000 == 0:
            await asyncio.sleep(0)
    assert node.peers == 1
    assert dialogue.answer("leave", {}) == {}
    assert node.peers == 0


async def test_mangled_reoffers_do_not_end_the_peer(deployment: Deployment) -> None:
    room = await deployment.room("alice")
    node, rng, offer = deployment.process.node, seeded(7), vector("chromium_sendrecv_datachannel")
    dialogue = Dialogue(node, Hello(room, token("alice")), Sink(), deployment.config)
    assert "sdp" in dialogue.answer("join", {"sdp": offer})
    for _ in range(2_000):
        answer = dialogue.answer("offer", {"sdp": mangled_text(offer, rng)})
        assert "sdp" in answer or answer["error"] == 400, answer
    assert "sdp" in dialogue.answer("offer", {"sdp": offer})
    assert dialogue.answer("leave", {}) == {}


def raw_frame(rng: random.Random) -> str:
    """Something like a frame of the plain WebSocket."""
    frame = {"event": rng.choice(["join", "view", "tracks", "x"]), "id": odd_value(rng, 3), "data": odd_value(rng)}
    text = json.dumps(frame)
    return text if rng.random() < 0.5 else text[: rng.randrange(len(text))] + rng.choice(["", "}", "\\ud800", "[" * 99])


async def test_raw_websocket_frames_get_one_answer_each(deployment: Deployment) -> None:
    room, rng = await deployment.room("alice"), seeded(1)
    async with websocket(deployment) as socket:
        await socket.send_json({"room": room, "token": token("alice")})
        for _ in range(RAW_FRAMES):
            await socket.send_str(raw_frame(rng))
            answer = await socket.receive_json(timeout=5)
            assert answer["data"] == {} or answer["data"]["error"] in CODES
        await socket.send_json({"event": "join", "id": 1, "data": {"sdp": vector("aiortc_4_seats")}})
        assert "sdp" in (await socket.receive_json())["data"]


ENGINE_FRAMES = ["", "x", "4", "42", "42[", '42["join"', "42{}", '42[["join"]]', '42["disconnect"]', '42["connect",1]']
ENGINE_FRAMES += ["9", "40{", "41", "43[]", "451-", '451-["x",{"_placeholder":true,"num":9}]', "2", "6", "\ud7ff"]


async def test_broken_socket_io_frames_end_no_more_than_their_connection(deployment: Deployment) -> None:
    room = await deployment.room("alice", "bob")
    bob = await SocketIoClient(deployment).connect(room, "bob")
    path = f"/{deployment.config.socketio_path}/?EIO=4&transport=websocket"
    async with aiohttp.ClientSession(deployment.url) as http:
        for frame in ENGINE_FRAMES:
            async with http.ws_connect(path) as socket:
                await socket.receive(timeout=5)
                await socket.send_str(f'40{{"room":"{room}","token":"{token("alice")}"}}')
                await socket.receive(timeout=5)
                await socket.send_str(frame)
    assert "sdp" in await bob.ask("join", {"sdp": vector("aiortc_4_seats")})
    await bob.close()
    await until(lambda: deployment.process.node.peers == 1, "only bob's peer is left")
