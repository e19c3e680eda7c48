"""What a receiver's packets tell beside their pictures: how many came, and when they were made.

node → aiortc's receiver → **tap** → verify, record

A decoded frame carries an RTP timestamp; a sender report pairs one RTP timestamp with the publisher's wall clock
(NTP, RFC 3550 §6.4.1).  With both, frames of two streams are compared in time: that is what lip-sync means, and
what a browser does when it plays.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import av
from aiortc import RTCRtpReceiver
from aiortc.rtp import RtcpSrPacket, RtpPacket

from agents import hardening
from agents.pictures import VIDEO_CLOCK
from agents.sounds import AUDIO_CLOCK

REPORTS_KEPT: Final = 64
"""A minute of them; the nearest one counts."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One sender report: this RTP timestamp is that moment."""

    timestamp: int
    ntp_s: float
    """Seconds since 1900."""


class RtpClock:
    """Wall-clock moments of RTP timestamps."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._references: deque[Reference] = deque(maxlen=REPORTS_KEPT)

    def add(self, timestamp: int, ntp: int) -> None:
        """Note a report: 32-bit RTP timestamp, 64-bit NTP timestamp (32.32)."""
        if ntp:
            self._references.append(Reference(timestamp, ntp / 2**32))

    def moment(self, timestamp: int) -> float | None:
        """Seconds since 1900 of a 32-bit RTP timestamp, by the nearest report; None before the first."""
        if not self._references:
            return None
        nearest = min(self._references, key=lambda known: abs(signed_distance(timestamp, known.timestamp)))
        return nearest.ntp_s + signed_distance(timestamp, nearest.timestamp) / self._rate


class PacketCount:
    """Packets of one stream, told from its sequence numbers alone (RFC 3550 appendix A.3)."""

    def __init__(self) -> None:
        self.received = 0
        self._first: int | None = None
        self._highest = 0

    def see(self, sequence: int) -> None:
        """Note a 16-bit sequence number."""
        self.received += 1
        if self._first is None:
            self._first = self._highest = sequence
            return
        step = (sequence - self._highest + 0x8000) % 0x10000 - 0x8000
        self._highest = max(self._highest, self._highest + step)

    @property
    def lost(self) -> int:
        """Sent to us and never seen, as far as the numbers show."""
        return 0 if self._first is None else max(0, self._highest - self._first + 1 - self.received)


class Tap:
    """One receiver's packets and clock.  Attach it before the first packet."""

    def __init__(self, receiver: RTCRtpReceiver, kind: str) -> None:
        self._receiver = receiver
        self.kind = kind
        self.clock = RtpClock(VIDEO_CLOCK if kind == "video" else AUDIO_CLOCK)
        self.packets = 0
        """Media packets, retransmissions apart."""
        self._counts: dict[int, PacketCount] = {}
        hardening.observe(receiver, self._packet, self._report)

    @property
    def lost(self) -> int:
        """Media packets that never came."""
        return sum(count.lost for count in self._counts.values())

    def timestamp(self, frame: av.VideoFrame | av.AudioFrame) -> int | None:
        """The RTP timestamp of a frame decoded from this receiver."""
        origin = hardening.rtp_origin(self._receiver)
        return None if origin is None or frame.pts is None else (frame.pts + origin) % 2**32

    def _packet(self, packet: RtpPacket) -> None:
        count = self._counts.get(packet.ssrc)
        if count is None:
            if len(self._counts) >= 4:  # a seat has one SSRC; more is a node's mistake, not ours to hold
                return
            count = self._counts[packet.ssrc] = PacketCount()
        count.see(packet.sequence_number)
        self.packets += 1

    def _report(self, report: RtcpSrPacket) -> None:
        info: Any = report.sender_info
        self.clock.add(info.rtp_timestamp, info.ntp_timestamp)


def signed_distance(later: int, earlier: int) -> int:
    """How far one 32-bit timestamp is after another, around the wrap."""
    return (later - earlier + 2**31) % 2**32 - 2**31
