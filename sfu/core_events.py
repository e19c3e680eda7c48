"""The core's events, handed to the sessions they are about.

core threads -> event descriptor -> **core_events** -> session

One wake-up descriptor for all workers; a wake-up brings everything that waits, so Python runs once a batch and never
once a packet.  An owner that cannot take an event is told of in the log, and the others of the batch are handed over.
"""

import asyncio
from typing import Protocol, assert_never

from common.log import FieldLog
from sfu._core import (
    AddressValidated,
    ConsentExpired,
    Core,
    DtlsReceived,
    LayersWanted,
    NotShowable,
    SeatPaused,
    Shown,
    TrackActive,
)
from sfu.guarded import guarded

log = FieldLog(__name__)

Event = AddressValidated | ConsentExpired | DtlsReceived | LayersWanted | NotShowable | SeatPaused | Shown | TrackActive


class PeerEvents(Protocol):
    """Whoever owns a peer of the core."""

    def dtls_received(self, datagrams: list[bytes]) -> None:
        """DTLS from the validated address."""

    def address_validated(self, host: str, port: int) -> None:
        """The peer's address is known, or has changed."""

    def consent_expired(self) -> None:
        """The peer has not been heard of for 30 s."""

    def track_active(self, mid: str, codec_key: str) -> None:
        """First media of a track, or of another codec on it."""

    def shown(self, mid: str, source_peer: int, source_mid: str) -> None:
        """A sender's new source is on its way."""

    def not_showable(self, mid: str, source_peer: int, source_mid: str) -> None:
        """No common codec; the sender is silent."""

    def layers_wanted(self, mid: str, layers: list[int]) -> None:
        """These layers of a track are taken from now on."""

    def seat_paused(self, mid: str, *, paused: bool) -> None:
        """The peer's path carries nothing of what a sender shows; or does again."""


class CoreEvents:
    """Reads the core's descriptor on the running loop.  Owns the registration, not the core."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._peers: dict[int, PeerEvents] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(core.fileno(), self._drain)

    def add(self, peer: int, owner: PeerEvents) -> None:
        """From now on `owner` hears of `peer`."""
        self._peers[peer] = owner

    def remove(self, peer: int) -> None:
        """Events of `peer` that still wait are dropped."""
        self._peers.pop(peer, None)

    def close(self) -> None:
        """Stop reading; again is harmless."""
        self._loop.remove_reader(self._core.fileno())

    def _drain(self) -> None:
        for event in self._core.events():
            owner = self._peers.get(event.peer)
            if owner is not None:
                with guarded(log, "event_failed", peer=event.peer, kind=type(event).__name__):
                    _hand_over(event, owner)


def _hand_over(event: Event, owner: PeerEvents) -> None:
    match event:
        case DtlsReceived(_, datagrams):
            owner.dtls_received(datagrams)
        case AddressValidated(_, host, port):
            owner.address_validated(host, port)
        case ConsentExpired():
            owner.consent_expired()
        case TrackActive(_, mid, codec_key):
            owner.track_active(mid, codec_key)
        case Shown(_, mid, source_peer, source_mid):
            owner.shown(mid, source_peer, source_mid)
        case NotShowable(_, mid, source_peer, source_mid):
            owner.not_showable(mid, source_peer, source_mid)
        case LayersWanted(_, mid, layers):
            owner.layers_wanted(mid, layers)
        case SeatPaused(_, mid, paused):
            owner.seat_paused(mid, paused=paused)
        case _:
            assert_never(event)
