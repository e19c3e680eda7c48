"""One endpoint: from its offer to its first packet.

door (sign-in, signaling) -> **endpoint** -> engines (sockets, packets)

Owns its wire and its DTLS.  ICE and packets are the engine's; the handshake is driven here, by events and one timer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeVar

from agents.load.answer import read_answer
from agents.load.dtls import ClientCertificate, DtlsClient
from agents.load.engines import EmulatedLink, Engines, Wire
from agents.load.errors import ConnectError
from agents.load.joining import JoinTimes
from agents.load.offer import Offered, new_offer
from agents.load.plan import LoadPlan, Member
from agents.load.told import Told
from agents.load.tracks import endpoint_media
from sfu.media import Kind

T = TypeVar("T")

ICE_WITHIN_S: Final = 10.0
DTLS_WITHIN_S: Final = 10.0
FIRST_PACKET_WITHIN_S: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """What all endpoints of a run share."""

    plan: LoadPlan
    engines: Engines
    certificate: ClientCertificate
    random: Random
    told: Told = field(default_factory=Told)
    """What participants hear unasked."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What is sent and received."""
        return (*(("audio",) if self.plan.audio else ()), *(("video",) if self.plan.video else ()))

    @property
    def link(self) -> EmulatedLink:
        """Every endpoint's way to the server."""
        return EmulatedLink(self.plan.loss, self.plan.delay_ms, self.plan.jitter_ms)


class Endpoint:
    """One peer connection."""

    def __init__(self, studio: Studio, *, sends: bool, seats: int, times: JoinTimes) -> None:
        # Given to us.
        self._studio = studio
        self._times = times
        # Ours; `close` ends them.
        kinds = studio.kinds
        self._offered: Offered = new_offer(
            studio.random,
            sends=kinds if sends else (),
            seats=seats,
            receives=kinds,
            simulcast=studio.plan.simulcast,
        )
        self._wire: Wire | None = None
        self._sends = {line.mid for line in self._offered.lines if line.layers}
        self._taken: dict[str, tuple[str, ...]] = {}
        self._dtls: DtlsClient | None = None
        self._timer: asyncio.TimerHandle | None = None
        loop = asyncio.get_running_loop()
        self._ice: asyncio.Future[float] = loop.create_future()
        self._keys: asyncio.Future[None] = loop.create_future()
        self._media: asyncio.Future[float] = loop.create_future()

    @classmethod
    def of(cls, studio: Studio, member: Member, times: JoinTimes) -> Endpoint:
        """One that does all of a participant's part."""
        return cls(studio, sends=member.sends, seats=studio.plan.seats_of(member), times=times)

    def offer(self) -> str:
        """The SDP, and the time at which it goes out."""
        self._times.offered(time.monotonic())
        return self._offered.sdp(self._studio.certificate.fingerprint)

    async def connect(self, text: str, near: str) -> None:
        """Take the answer and connect; `near` is the host of the server's URL.  AnswerError, ConnectError."""
        self._times.done("answer", time.monotonic())
        answer = read_answer(text)
        engine = self._studio.engines.least_loaded()
        media = endpoint_media(self._offered, answer, engine.clips, self._studio.random)
        self._dtls = DtlsClient(self._studio.certificate, answer.fingerprints)
        to = answer.candidate(near)
        self._wire = engine.add(self, self._offered.ice, answer.ice, (to.host, to.port), self._studio.link)
        self._wire.set_media(media)
        self.take_layers(self._taken)
        self._times.done("ice", await _within(ICE_WITHIN_S, self._ice, f"no answer to ICE at {to.host}:{to.port}"))
        self._dtls.start()
        self._flush()
        await _within(DTLS_WITHIN_S, self._keys, "no DTLS handshake")
        self._times.done("dtls", time.monotonic())

    async def heard(self) -> None:
        """Wait for the first packet; ConnectError if none comes."""
        at = await _within(FIRST_PACKET_WITHIN_S, self._media, "no media packet")
        self._times.first_packet(at)

    def speak(self, *, speaking: bool) -> None:
        """Pause or go on with the voice."""
        mid = next((line.mid for line in self._offered.lines if line.kind == "audio" and line.layers), None)
        if mid is not None and self._wire is not None:
            self._wire.set_sending(mid, sending=speaking)

    def take_layers(self, taken: Mapping[str, tuple[str, ...]]) -> None:
        """Send the layers that somebody takes, by m-line, and stop the others of these m-lines."""
        self._taken.update((mid, rids) for mid, rids in taken.items() if mid in self._sends)
        if self._wire is not None:
            for mid, rids in self._taken.items():
                self._wire.set_layers(mid, rids)

    def close(self) -> None:
        """End it and say goodbye; again is harmless."""
        if self._timer is not None:
            self._timer.cancel()
        if self._dtls is not None and self._wire is not None:
            self._dtls.goodbye()
            self._send()
            self._dtls = None
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        for waiting in (self._ice, self._keys, self._media):
            waiting.cancel()

    # What the engine says.

    def connected(self, at: float) -> None:
        """ICE has found its way."""
        if not self._ice.done():
            self._ice.set_result(at)

    def dtls(self, datagrams: list[bytes]) -> None:
        """The server's part of the handshake."""
        try:
            for datagram in datagrams:
                if self._dtls is not None:
                    self._dtls.receive(datagram)
        except ConnectError as error:
            self._fail(error)
        else:
            self._flush()

    def first_media(self, _mid: str, at: float) -> None:
        """Somebody is heard or seen."""
        if not self._media.done():
            self._media.set_result(at)

    def lost(self) -> None:
        """The server is silent."""
        self._fail(ConnectError("the server does not answer connectivity checks"))

    # The handshake.

    def _flush(self) -> None:
        self._send()
        self._arm()
        if self._dtls is not None and self._dtls.keys is not None and self._wire is not None and not self._keys.done():
            self._wire.set_keys(self._dtls.keys)
            self._keys.set_result(None)

    def _send(self) -> None:
        if self._dtls is not None and self._wire is not None:
            for datagram in self._dtls.datagrams():
                self._wire.send_dtls(datagram)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        delay = self._dtls.timeout_s() if self._dtls is not None else None
        if delay is not None:
            self._timer = asyncio.get_running_loop().call_later(delay, self._repeat)

    def _repeat(self) -> None:
        if self._dtls is None:
            return
        try:
            self._dtls.on_timeout()
        except ConnectError as error:
            self._fail(error)
        else:
            self._flush()

    def _fail(self, error: ConnectError) -> None:
        for waiting in (self._ice, self._keys, self._media):
            if not waiting.done():
                waiting.set_exception(error)
                waiting.exception()  # seen: who waits gets it all the same, who does not is not told of it at the end


async def _within(seconds: float, waiting: asyncio.Future[T], otherwise: str) -> T:
    try:
        return await asyncio.wait_for(asyncio.shield(waiting), seconds)
    except TimeoutError:
        raise ConnectError(f"{otherwise} within {seconds:g} s") from None
