"""Strangers cannot end an agent's connection, and what is patched is still there to patch."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import aioice.ice
import pytest
from aioice import stun
from aiortc import RTCCertificate, RTCDtlsTransport, RTCPeerConnection
from aiortc.rtcdtlstransport import SRTP_PROFILES
from OpenSSL import SSL

from agents import hardening
from agents.clip import Clip
from agents.peer import Peer
from agents.play import Player
from tests.support.eventually import eventually
from tests.support.media import VP8_CLIP, Far, joined


def test_every_private_name_is_still_there() -> None:
    for owner, name in hardening.PRIVATE:
        assert hasattr(owner, name), f"{owner} has no {name}"


async def test_every_private_attribute_is_still_there() -> None:
    connection = RTCPeerConnection()
    receiver = connection.addTransceiver("video").receiver
    assert hardening.rtp_origin(receiver) is None
    transport = receiver.transport
    assert isinstance(transport, RTCDtlsTransport)
    assert transport._rtp_router.ssrc_table == {}
    ice: Any = transport.transport._connection
    assert ice._nominated == {}
    assert ice._check_list == []
    await connection.close()


def test_replacing_a_name_that_is_gone_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no gone any more"):
        hardening._replace(object(), "gone", None)


async def test_the_gate_is_put_up_once() -> None:
    hardening.install()
    gate = aioice.ice.StunProtocol.datagram_received
    hardening.install()
    assert aioice.ice.StunProtocol.datagram_received is gate


def client_hello() -> bytes:
    """The first flight of a DTLS client that nobody asked."""
    context = RTCCertificate.generateCertificate()._create_ssl_context(srtp_profiles=SRTP_PROFILES)
    stranger = SSL.Connection(context)
    stranger.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        stranger.do_handshake()
    return stranger.bio_read(1500)


FATAL_ALERT = bytes.fromhex("15fefd00000000000000000002") + b"\x02\x28"  # DTLS 1.2, handshake_failure, in the clear

ATTACKS: dict[str, tuple[Callable[[], bytes], str]] = {
    "an empty datagram": (lambda: b"", "empty"),
    "a ClientHello": (client_hello, "stranger"),
    "a plaintext fatal alert": (lambda: FATAL_ALERT, "stranger"),
    "RTP": (lambda: b"\x80\x61" + bytes(60), "stranger"),
    "half a STUN message": (lambda: bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST))[:12], "malformed"),
    "STUN with a wrong length": (lambda: b"\x00\x01\xff\xff\x21\x12\xa4\x42" + bytes(12), "malformed"),
}


def sockets(far_or_peer: Any) -> list[tuple[str, int]]:  # noqa: ANN401
    """Where a connection listens."""
    connection = getattr(far_or_peer, "_connection", None) or far_or_peer.connection
    ice = connection.getTransceivers()[0].receiver.transport.transport._connection
    return [candidate for candidate in ((c.host, c.port) for c in ice.local_candidates) if ":" not in candidate[0]]


@pytest.mark.parametrize("attack", list(ATTACKS))
async def test_a_stranger_cannot_end_a_call(attack: str) -> None:
    make, reason = ATTACKS[attack]
    player = Player(Clip.load(VP8_CLIP))
    peer = Peer(player.tracks, seats=1)
    async with joined(peer) as far:
        player.start()
        before = hardening.refused[reason]
        targets = sockets(peer) + sockets(far)
        for address in targets:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                for _ in range(5):
                    stranger.sendto(make(), address)

        async def turned_away() -> bool:
            return hardening.refused[reason] >= before + 5 * len(targets)

        await eventually(turned_away, f"{attack} turned away")
        track = far.receiver("video").track
        for _ in range(10):
            await asyncio.wait_for(track.recv(), 5)
        assert peer.state == "connected"


async def test_a_stranger_cannot_take_the_handshake() -> None:
    """Attacks that are there before the other end is: during ICE and DTLS."""
    peer, far = Peer([], seats=1), Far()
    offer = await peer.offer()
    hello = client_hello()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for address in sockets(peer):
            for datagram in (b"", hello, FATAL_ALERT):
                stranger.sendto(datagram, address)
        try:
            await peer.apply(await far.answer(offer))
            for address in sockets(peer) + sockets(far):
                for datagram in (b"", hello, FATAL_ALERT):
                    stranger.sendto(datagram, address)
            await peer.connected()
        finally:
            await peer.close()
            await far.connection.close()
