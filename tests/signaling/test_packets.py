"""What is no packet of Socket.IO, over each way that carries packets: a clear answer, and nobody else notices."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.gateway.packets import NO_PACKET, NO_TEXT, Packets, event_of
from signaling.rates import Rates
from tests.support.packets import WAYS, Peer, Way, peer
from tests.support.signaling import Server, running

ANY_RATE = Rates(
    frames_per_s=1e9, frames_burst=1e9, user_frames_per_s=1e9, user_frames_burst=1e9, connects_burst=10_000
)

NO_PACKETS = [
    *("9", "x", "0", "2", "5", "6", "7probe", "3x", "é"),  # Engine.IO
    *(
        "4",
        "49",
        "4é",
        "42",
        "43",
        "42{",
        "42[",
        "42[]",
        "42[5]",
        '42["message"',
        "42{}",
        '42,["message"]',
        "43[",
        "43",
    ),
    *("41{", "44{}", "42" + "[" * 30_000, '42["message",' + "[" * 30_000, "42" + "9" * 500 + "[]"),
    *('451-["message",{"_placeholder":true,"num":0}]', "45999999999-[]", "46", "461-[]"),  # attachments
    *("bAAAA", "b", "b%"),  # binary over long polling
]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    """Every test of behaviour runs over each."""
    chosen: Way = request.param
    return chosen


async def _is_served(alice: Peer) -> bool:
    """Whether the next request is answered, after whatever else was."""
    await alice.send('42["message",{"request":"joinRoom","requestID":"last","payload":{"room":"none"}}]')
    while (frame := await alice.frame()) is not None:
        if frame.get("requestID") == "last":
            return bool(frame["error"] == 404)
    return False


async def test_what_is_no_packet_is_answered_400_and_the_connection_goes_on(server: Server, way: Way) -> None:
    async with peer(server, way) as alice:
        await alice.sign_in(server, "alice")
        for packet in NO_PACKETS:
            await alice.send(packet)
            assert await alice.frame() == {"answer": None, "error": 400, "message": NO_PACKET}, packet
        assert await _is_served(alice)


async def test_what_is_no_packet_ends_a_connection_that_has_not_signed_in(server: Server, way: Way) -> None:
    for packet in ("9", "", "42[", "44", "4", "5", "451-[]", "40{", '40/nodes,{"'):
        async with peer(server, way) as stranger:
            await stranger.send(packet)
            assert await stranger.packet() is None, packet


async def test_rubbish_counts_like_frames(tmp_path: Path, way: Way) -> None:
    async with running(tmp_path, rates=Rates(frames_per_s=0.01, frames_burst=3)) as server, peer(server, way) as alice:
        await alice.sign_in(server, "alice")
        for _ in range(5):
            await alice.send("42[")
        answers = [await alice.frame() for _ in range(5)]
        assert [answer and answer["error"] for answer in answers] == [400, 400, 400, 429, 429]


@pytest.mark.parametrize("way", ["websocket", "upgraded"], indirect=True)
async def test_bytes_are_answered_that_frames_are_text(server: Server, way: Way) -> None:
    async with peer(server, way) as alice:
        await alice.sign_in(server, "alice")
        await alice.send(b"\xff\x00")
        assert await alice.frame() == {"answer": None, "error": 400, "message": NO_TEXT}
        assert await _is_served(alice)


async def test_a_second_sign_in_over_a_connection_is_refused(server: Server, way: Way) -> None:
    async with peer(server, way) as alice:
        await alice.sign_in(server, "alice")
        await alice.send("40{}")
        refusal = await alice.frame()
        assert refusal is not None
        assert (refusal["error"], "signed in already" in refusal["message"]) == (400, True)


async def test_who_does_not_read_his_refusals_is_cut_off(tmp_path: Path) -> None:
    async with running(tmp_path) as server, peer(server, "polling") as stranger:
        statuses = [await stranger.post("40/nowhere,") for _ in range(40)]
        assert (statuses[0], statuses[-1]) == (200, 400)


# Long polling.


async def test_a_body_carries_many_packets_and_comes_in_pieces(server: Server) -> None:
    async with peer(server, "polling") as alice:
        await alice.sign_in(server, "alice")
        asked = [
            f'42["message",{{"request":"joinRoom","requestID":"{n}","payload":{{"room":"é"}}}}]' for n in range(40)
        ]
        body = "\x1e".join(asked).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.app.port)
        path = f"/socket.io/?EIO=4&transport=polling&sid={alice.sid}"
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:1000])
        await writer.drain()
        first = await alice.http.get("/healthz")  # what has come of the body is taken by now
        assert first.status == 200
        writer.write(body[1000:])
        assert b" 200 " in await reader.readline()
        writer.close()
        answered = [await alice.frame() for _ in asked]
        assert [frame and frame["requestID"] for frame in answered] == [str(n) for n in range(40)]


@pytest.mark.parametrize("body", [b"\xff", b"4\xc3"])
async def test_a_body_that_is_no_text_ends_the_connection(server: Server, body: bytes) -> None:
    async with peer(server, "polling") as alice:
        await alice.sign_in(server, "alice")
        assert await alice.post(body) == 400
        assert await alice.post("3") == 400


async def test_a_body_above_64_kib_ends_the_connection_at_once(server: Server) -> None:
    async with peer(server, "polling") as alice:
        await alice.sign_in(server, "alice")
        assert await alice.post("x" * 66_000) == 413
        assert await alice.post("3") == 400


@pytest.mark.parametrize("first", ["x", "", "2", "4", "\x00", b"\xff", "2probe"])
async def test_a_failed_upgrade_leaves_long_polling_as_it_was(server: Server, first: str | bytes) -> None:
    async with peer(server, "polling") as alice:
        await alice.sign_in(server, "alice")
        socket = await alice.http.ws_connect(f"/socket.io/?EIO=4&transport=websocket&sid={alice.sid}")
        await (socket.send_bytes(first) if isinstance(first, bytes) else socket.send_str(first))
        if first == "2probe":
            assert (await socket.receive()).data == "3probe"
            await socket.send_str("no upgrade")
        assert (await asyncio.wait_for(socket.receive(), 5)).type.name in {"CLOSE", "CLOSED"}
        assert await _is_served(alice)


# Below packets: what is no WebSocket frame (RFC 6455 §5.2, §7.4.1).

PROTOCOL_ERROR, NO_UTF8, TOO_BIG = 1002, 1007, 1009
UPGRADE = "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "


@pytest.mark.parametrize("path", ["/ws", "/socket.io/?EIO=4&transport=websocket"])
async def test_what_is_no_websocket_frame_closes_that_connection_with_the_code_for_it(
    server: Server, path: str
) -> None:
    bob = await server.device("bob")
    for data, code in (
        (b"\xc1\x80" + bytes(4), PROTOCOL_ERROR),  # compressed, which nobody agreed to
        (b"\xb1\x80" + bytes(4), PROTOCOL_ERROR),  # reserved bits
        (b"\x83\x80" + bytes(4), PROTOCOL_ERROR),  # a reserved kind
        (b"\x80\x81" + bytes(5), PROTOCOL_ERROR),  # a continuation of nothing
        (b"\x09\x80" + bytes(4), PROTOCOL_ERROR),  # a ping in parts
        (b"\x89\xfe\x00\x7e" + bytes(130), PROTOCOL_ERROR),  # a ping that is too long
        (b"\x88\x81" + bytes(5), PROTOCOL_ERROR),  # half a close code
        (b"\x81\x81" + bytes(4) + b"\xff", NO_UTF8),
        (b"\x81\xff" + b"\x7f" * 8 + bytes(4), TOO_BIG),
    ):
        assert await _close_code(server, path, data) == code, data
    assert (await bob.ask("joinRoom", payload={"room": "none"}))["error"] == 404


async def _close_code(server: Server, path: str, data: bytes) -> int:
    """How the server closes a WebSocket over which these bytes came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.app.port)
    writer.write(f"GET {path} HTTP/1.1\r\n{UPGRADE}{'A' * 22}==\r\n\r\n".encode() + data)
    async with asyncio.timeout(5):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        while (head := await reader.readexactly(2))[0] & 0xF != 8:
            await reader.readexactly(head[1])
        code = int.from_bytes(await reader.readexactly(2), "big")
    writer.transport.abort()
    return code


# Anything at all.


def _nearly_packets(count: int, chance: random.Random) -> Iterator[str]:
    whole = [
        *NO_PACKETS,
        '42["message",{"request":"tea","requestID":"1"}]',
        "430[]",
        '421["message","{}"]',
        "3",
        "41/x,",
    ]
    for _ in range(count):
        packet = list(chance.choice(whole)[:200])
        for _ in range(chance.randrange(4)):
            packet[chance.randrange(len(packet) + 1) :][:1] = []
            packet.insert(chance.randrange(len(packet) + 1), chance.choice('0123456[]{}",-/\\\x00\x1eé'))
        yield "".join(packet)


async def test_a_thousand_nearly_right_packets_harm_nobody(
    tmp_path: Path, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(5)  # noqa: S311 - reproducible, not secret
    async with running(tmp_path, rates=ANY_RATE, unread_frames=100_000) as server:
        bob, packets = await server.device("bob"), list(_nearly_packets(1_000, chance))
        while packets:
            async with peer(server, way) as alice:
                await alice.sign_in(server, "alice")
                for packet in packets[:200]:
                    await alice.send(packet)
            del packets[:200]
        assert (await bob.ask("joinRoom", payload={"room": "none"}))["error"] == 404
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


class _Taken:
    """What came of a packet."""

    sid = "e"

    def __init__(self) -> None:
        self.what: list[str] = []

    def event(self, _engine: str, _namespace: str, _number: str, arguments: list[msgspec.Raw]) -> None:
        event_of(arguments, as_text=True)
        event_of(arguments, as_text=False)
        self.what.append("event")

    def acknowledgement(self, _engine: str, _namespace: str, number: str, _arguments: list[msgspec.Raw]) -> None:
        assert not number or number.isdecimal()
        self.what.append("acknowledgement")

    async def control(self, _engine: str, text: str) -> None:
        self.what.append("control")

    async def malformed(self, _engine: str, problem: str) -> None:
        self.what.append("malformed")

    async def receive(self, _packet: object) -> None:
        self.what.append("pong or close")


pieces = st.sampled_from(["4", "2", "3", "0", "1", "[", "]", '"message"', ",", "/nodes", "{}", "7", "\\", "\ud800"])


@given(data=st.text() | st.binary() | st.lists(pieces).map("".join))
def test_every_text_and_every_bytes_are_one_thing(data: str | bytes) -> None:
    taken = _Taken()
    asyncio.run(Packets(taken).receive(taken, data))
    assert len(taken.what) == 1


values = st.none() | st.text() | st.integers(-(2**53), 2**53) | st.dictionaries(st.text(), st.booleans())


@given(values=st.lists(values))
def test_every_event_is_read_as_it_was_written(values: list[object]) -> None:
    arguments = msgspec.json.decode(msgspec.json.encode(["message", *values]), type=list[msgspec.Raw])
    assert event_of(arguments, as_text=False) == ("message", values[0] if values else None)
