"""Everything an agent needs of aiortc and aioice that they do not promise.

All private names are touched here and nowhere else; `PRIVATE` lists them and tests/agents/test_hardening.py fails
when one goes.  The versions are pinned in pyproject.toml.

Two kinds:

*Hardening.*  A stock connection is open to anybody who knows its UDP port: one empty datagram closes it, a stranger's
ClientHello ahead of the real one takes the handshake (as server), and a stranger's plaintext fatal alert ends it (as
client).  `install` puts a gate before aioice: STUN goes on to its own authentication; anything else must be non-empty
and come from an address that a connectivity check with the peer's password has validated (RFC 8445 §7.2.5.3.1;
`sfu/core/src/ice.rs` does the same for the node).

*Reaching in.*  Hearing a keyframe request, reading RTP times, counting packets, and routing retransmissions: stock
aiortc keeps all of these to itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aioice.ice
from aioice import stun
from aiortc import RTCDtlsTransport, RTCRtpReceiver, RTCRtpSender
from aiortc.rtp import RtcpSrPacket, RtpPacket

PRIVATE: Final[tuple[tuple[object, str], ...]] = (
    (aioice.ice, "get_host_addresses"),
    (aioice.ice.StunProtocol, "datagram_received"),
    (aioice.ice.CandidatePair, "remote_addr"),
    (RTCRtpSender, "_send_keyframe"),
    (RTCRtpSender, "_send_rtcp"),
    (RTCRtpSender, "_next_encoded_frame"),
    (RTCRtpReceiver, "_handle_rtp_packet"),
    (RTCRtpReceiver, "_handle_rtcp_packet"),
    (RTCDtlsTransport, "_register_rtp_receiver"),
)
"""Attributes of classes and modules.  Those of instances: Connection._nominated, ._check_list;
RTCDtlsTransport._rtp_router; RTCRtpReceiver.__timestamp_mapper._origin."""

refused: Final[Counter[str]] = Counter()
"""Datagrams turned away since the start: `empty`, `malformed`, `stranger`."""

NTP_UNIX_S: Final = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 5905 figure 4)."""
_TIMESTAMP_MAPPER: Final = "_RTCRtpReceiver__timestamp_mapper"
_STUN_FIRST_BYTES: Final = range(4)  # RFC 7983 §7


# ── hardening ──


def install() -> None:
    """Put the gate before every aioice socket of this process; again is harmless."""
    protocol = aioice.ice.StunProtocol
    if getattr(protocol.datagram_received, "gated", False):
        return
    stock = protocol.datagram_received

    def datagram_received(self: aioice.ice.StunProtocol, data: bytes, addr: tuple[Any, ...]) -> None:
        reason = _refusal(self, data, (addr[0], addr[1]))
        if reason is None:
            stock(self, data, addr)
        else:
            refused[reason] += 1

    datagram_received.gated = True  # type: ignore[attr-defined]
    _replace(protocol, "datagram_received", datagram_received)
    _gather_somewhere()


def _refusal(protocol: aioice.ice.StunProtocol, data: bytes, address: tuple[str, int]) -> str | None:
    """Why a datagram is turned away, or None."""
    if not data:
        return "empty"
    if data[0] in _STUN_FIRST_BYTES:
        return None if _is_stun(data) else "malformed"
    return None if address in validated_addresses(protocol) else "stranger"


def _is_stun(data: bytes) -> bool:
    # aioice takes what it cannot parse as media, so the parsing is done here first.
    try:
        stun.parse_message(data)
    except Exception:
        return False
    return True


def validated_addresses(protocol: aioice.ice.StunProtocol) -> set[tuple[str, int]]:
    """Where the peer was proven to be: nominated pairs of this socket, and its pairs whose check succeeded."""
    connection = protocol.receiver
    succeeded = aioice.ice.CandidatePair.State.SUCCEEDED
    pairs = [pair for pair in connection._check_list if pair.state is succeeded]  # noqa: SLF001
    pairs += connection._nominated.values()  # noqa: SLF001
    return {pair.remote_addr for pair in pairs if pair.protocol is protocol}


def _gather_somewhere() -> None:
    """Where a machine has no address but loopback (a test's namespace), gather that."""
    stock = aioice.ice.get_host_addresses

    def get_host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return stock(use_ipv4, use_ipv6) or (["127.0.0.1"] if use_ipv4 else [])

    _replace(aioice.ice, "get_host_addresses", get_host_addresses)


# ── reaching in: senders ──


def on_keyframe_request(sender: RTCRtpSender, ask: Callable[[], None]) -> None:
    """Call `ask` at each PLI or FIR, instead of noting it for an encoder that packets do not pass."""
    _replace(sender, "_send_keyframe", ask)


class Encoded:
    """A picture that aiortc encodes, or packs: while nobody takes it, its frames are read and left out."""

    def __init__(self, sender: RTCRtpSender) -> None:
        self._sender = sender
        self._taken = True
        self._stock: Callable[[Any], Awaitable[Any]] = sender._next_encoded_frame  # noqa: SLF001
        _replace(sender, "_next_encoded_frame", self._next_encoded_frame)

    def take(self, *, taken: bool) -> None:
        """Whether somebody is shown it; once somebody is again, it goes on with a keyframe."""
        if taken and not self._taken:
            self._sender._send_keyframe()  # noqa: SLF001
        self._taken = taken

    async def _next_encoded_frame(self, codec: Any) -> Any:  # noqa: ANN401 - aiortc's own types
        if self._taken or self._sender.track is None:
            return await self._stock(codec)
        await self._sender.track.recv()
        return None


def carry_level(sender: RTCRtpSender, level: Callable[[], int]) -> None:
    """Write an audio level (RFC 6464, 0 to 127) with packets too; aiortc does it for frames only."""
    stock: Callable[[Any], Awaitable[Any]] = sender._next_encoded_frame  # noqa: SLF001

    async def next_encoded_frame(codec: Any) -> Any:  # noqa: ANN401 - aiortc's own types
        encoded = await stock(codec)
        if encoded is not None and encoded.audio_level is None:
            encoded.audio_level = -level()
        return encoded

    _replace(sender, "_next_encoded_frame", next_encoded_frame)


def correct_reports(sender: RTCRtpSender, wall_clock: Callable[[], float | None] | None = None) -> None:
    """Hold back sender reports until a packet has gone out: aiortc's first ones say 1900-01-01.

    `wall_clock` gives the Unix time at which the last packet was due; aiortc pairs its timestamp with the time at
    which the sending was done, which wavers with the load and takes the lip-sync along.
    """
    stock: Callable[[Any], Awaitable[None]] = sender._send_rtcp  # noqa: SLF001

    async def send_rtcp(packets: list[Any]) -> None:
        report = packets[0]
        if isinstance(report, RtcpSrPacket):
            if report.sender_info.packet_count == 0:
                return
            due = wall_clock() if wall_clock is not None else None
            if due is not None:
                report.sender_info.ntp_timestamp = int((due + NTP_UNIX_S) * 2**32)
        await stock(packets)

    _replace(sender, "_send_rtcp", send_rtcp)


# ── reaching in: receivers ──


def observe(
    receiver: RTCRtpReceiver, on_packet: Callable[[RtpPacket], None], on_report: Callable[[RtcpSrPacket], None]
) -> None:
    """Show every RTP packet and sender report of a receiver, before aiortc works on it."""
    handle_packet: Callable[..., Awaitable[None]] = receiver._handle_rtp_packet  # noqa: SLF001
    handle_report: Callable[[Any], Awaitable[None]] = receiver._handle_rtcp_packet  # noqa: SLF001

    async def handle_rtp_packet(packet: RtpPacket, arrival_time_ms: int) -> None:
        on_packet(packet)
        await handle_packet(packet, arrival_time_ms=arrival_time_ms)

    async def handle_rtcp_packet(packet: Any) -> None:  # noqa: ANN401 - any RTCP packet
        if isinstance(packet, RtcpSrPacket):
            on_report(packet)
        await handle_report(packet)

    _replace(receiver, "_handle_rtp_packet", handle_rtp_packet)
    _replace(receiver, "_handle_rtcp_packet", handle_rtcp_packet)


def rtp_origin(receiver: RTCRtpReceiver) -> int | None:
    """The RTP timestamp that decoded frames count their pts from; None before the first."""
    origin: int | None = getattr(receiver, _TIMESTAMP_MAPPER)._origin  # noqa: SLF001
    return origin


def route_retransmissions(transport: RTCDtlsTransport) -> None:
    """Let RTX packets reach their receiver: aiortc registers media SSRCs only, and drops the rest when the
    payload type fits several receivers, as it does with seats."""
    stock = transport._register_rtp_receiver  # noqa: SLF001

    def register_rtp_receiver(receiver: RTCRtpReceiver, parameters: Any) -> None:  # noqa: ANN401
        stock(receiver, parameters)
        for encoding in parameters.encodings:
            if encoding.rtx is not None:
                transport._rtp_router.ssrc_table[encoding.rtx.ssrc] = receiver  # noqa: SLF001

    _replace(transport, "_register_rtp_receiver", register_rtp_receiver)


def _replace(owner: object, name: str, new: object) -> None:
    if not hasattr(owner, name):
        raise AttributeError(f"{owner!r} has no {name} any more: check agents/hardening.py against this version")
    setattr(owner, name, new)
