"""A client that costs little: a WebSocket to the node, one UDP socket, and DTLS in memory.

WebSocket (offer, answer) -> **joiner** -> check, handshake -> first packet

The offer is one that Chromium made, with 4 seats, under names of its own.  All joiners show one certificate, so that
the time goes to the node and not to its tester.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import socket
import struct
import time
from collections import Counter
from functools import cache
from typing import Any

import aiohttp
import msgspec
from aioice import stun
from aiortc import rtcdtlstransport as aiortc_dtls
from aiortc.rtcdtlstransport import RTCCertificate
from OpenSSL import SSL
from pylibsrtp import Policy, Session

from tests.core.client import is_rtp, rtp, vp8_payload
from tests.support.sdp import vector

SEATS = "chromium_plain_4_seats"
GCM = aiortc_dtls.SRTP_AEAD_AES_128_GCM
AUDIO, VIDEO = 111, 96
ANSWER_S = 30.0
DATAGRAM = 2_048
_ssrcs = itertools.count(1_000, 4)


@cache
def _certificate() -> RTCCertificate:
    return RTCCertificate.generateCertificate()


@cache
def _context() -> SSL.Context:
    return _certificate()._create_ssl_context([GCM])


@cache
def _template() -> str:
    text = vector(SEATS)
    theirs = next(row for row in text.splitlines() if row.startswith("a=fingerprint:"))
    ours = next(item for item in _certificate().getFingerprints() if item.algorithm == "sha-256")
    return text.replace(theirs, f"a=fingerprint:sha-256 {ours.value}")


def offer(*, publishes: bool) -> tuple[str, int]:
    """An offer of a peer of its own, and the SSRC of its audio; its video has the next one."""
    text, ssrc = _template(), next(_ssrcs)
    text = text.replace("a=ice-ufrag:WYSR", f"a=ice-ufrag:{secrets.token_hex(4)}")
    found = dict.fromkeys(row.split()[0].partition(":")[2] for row in text.splitlines() if row.startswith("a=ssrc:"))
    for new, old in enumerate(found, start=ssrc):
        text = text.replace(f"a=ssrc:{old} ", f"a=ssrc:{new} ").replace(f" {old}", f" {new}")
    return text if publishes else text.replace("a=sendonly", "a=inactive"), ssrc


class Joiner:
    """One peer.  Owns its connections; `close` ends them."""

    def __init__(self, http: aiohttp.ClientSession, url: str, *, publishes: bool = False) -> None:
        # Given to us.
        self._http = http
        self._url = url
        # Ours.
        self._offer, self._ssrc = offer(publishes=publishes)
        self.publishes = publishes
        self._ssl = SSL.Connection(_context())
        self._ssl.set_connect_state()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answered: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._socket: aiohttp.ClientWebSocketResponse
        self._reader: asyncio.Task[None]
        self._srtp: Session
        self._sent = 0
        self._check = b""
        self.events: Counter[str] = Counter()
        """Messages of the node by name, beside answers."""
        self.met = 0
        """Peers that the answer and the events said are there."""
        self.began = self.connected_at = self.heard_at = 0.0
        """Seconds: the offer left, DTLS was done, the first media packet came."""

    async def join(self, room: str, token: str) -> None:
        """Come in, and wait until the keys are there."""
        async with asyncio.timeout(ANSWER_S):
            self._socket = await self._http.ws_connect(self._url, compress=0, max_msg_size=0)
            self._reader = asyncio.get_running_loop().create_task(self._read())
            await self._socket.send_str(_json({"room": room, "token": token}))
            self.began = time.perf_counter()
            await self._socket.send_str(_json({"event": "join", "id": 1, "data": {"sdp": self._offer}}))
            answer = await self._answered
            if "error" in answer:
                raise ConnectionError(answer["message"])
            self.met += len(answer["participants"])
            self._connect(answer["sdp"])
            await self._connected

    async def heard(self) -> None:
        """Wait for the first media packet."""
        async with asyncio.timeout(ANSWER_S):
            await self._heard

    def check(self) -> None:
        """Say that we are still there (RFC 7675)."""
        self._udp.send(self._check)

    def send(self) -> None:
        """One packet of voice and one of video, a keyframe each time."""
        self._sent += 1
        number = self._sent
        sound = rtp(ssrc=self._ssrc, payload_type=AUDIO, sequence=number, timestamp=960 * number, payload=b"s" * 80)
        picture = vp8_payload(picture=number & 0x7FFF, keyframe=True, size=1_100)
        sight = rtp(
            ssrc=self._ssrc + 1,
            payload_type=VIDEO,
            sequence=number,
            timestamp=1_800 * number,
            payload=picture,
            marker=True,
        )
        for packet in (sound, sight):
            self._udp.send(self._srtp.protect(packet))

    async def close(self) -> None:
        """End all."""
        asyncio.get_running_loop().remove_reader(self._udp)
        self._udp.close()
        await self._socket.close()
        await self._reader

    async def _read(self) -> None:
        async for message in self._socket:
            frame = msgspec.json.decode(message.data)
            if "event" in frame:
                self.events[frame["event"]] += 1
                self.met += len(frame["data"]["joined"]) if frame["event"] == "participants" else 0
            else:
                self._answered.set_result(frame["data"])

    def _connect(self, sdp: str) -> None:
        rows = sdp.split("\r\n")
        told = {name: value for row in rows for name, _, value in [row.partition(":")] if name.startswith("a=ice-")}
        port = int(next(row for row in rows if row.startswith("m=")).split()[1])
        self._udp.bind(("127.0.0.1", 0))
        self._udp.connect(("127.0.0.1", port))
        asyncio.get_running_loop().add_reader(self._udp, self._receive)
        self._check = _check(told["a=ice-ufrag"], told["a=ice-pwd"])
        self.check()

    def _receive(self) -> None:
        try:
            while True:
                self._take(self._udp.recv(DATAGRAM))
        except BlockingIOError:
            pass

    def _take(self, datagram: bytes) -> None:
        if datagram[0] < 4 and not self._connected.done():
            self._shake()
        elif 20 <= datagram[0] <= 63 and not self._connected.done():
            self._ssl.bio_write(datagram)
            self._shake()
        elif is_rtp(datagram) and not self._heard.done():
            self.heard_at = time.perf_counter()
            self._heard.set_result(None)

    def _shake(self) -> None:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return
        self._flush()
        self.connected_at = time.perf_counter()
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (GCM.key_length + GCM.salt_length))
        key = GCM.get_key_and_salt(material, 0)
        policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=GCM.libsrtp_profile)
        self._srtp = Session(policy)
        self._connected.set_result(None)

    def _flush(self) -> None:
        try:
            while True:
                self._udp.send(self._ssl.bio_read(1_500))
        except SSL.WantReadError:
            pass


def _check(ufrag: str, password: str) -> bytes:
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{ufrag}:theirs"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = struct.unpack("!Q", secrets.token_bytes(8))[0]
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(password.encode())
    return bytes(request)


def _json(frame: object) -> str:
    return msgspec.json.encode(frame).decode()
