"""One peer: its offers and our answers, its DTLS, its place in the core, its control connection.

control -> node -> **session** -> core

A session lives from the first good offer to `close`.  It is NEW until DTLS is done, then CONNECTED; the control
connection may come and go meanwhile.  Who closes it: the client (`leave`, DELETE, DTLS close), the node (revoked, room
closed, stop), or silence (no DTLS in time, no consent, no control connection for too long).
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol

from common.log import FieldLog
from sfu._core import Core
from sfu.config import NodeConfig
from sfu.dtls import Association, DtlsState, NodeCertificate
from sfu.errors import BadRequest, DtlsFailed
from sfu.room.stats_feed import StatsFeed
from sfu.room.stay import Stay
from sfu.room.tracks import PeerId, track_id
from sfu.sdp.agreement import Agreement, agree
from sfu.sdp.answer import Candidate, Local, write_answer
from sfu.sdp.offer import parse_offer
from sfu.sdp.values import IceCredentials

LeftReason = Literal["left", "connection lost", "revoked", "room closed"]

logger = logging.getLogger(__name__)

UFRAG_BYTES = 9  # 12 characters: 4 would be too short a key to tell peers apart by
PASSWORD_BYTES = 24  # 32 characters; RFC 8445 §5.3 asks for 128 bits


class State(Enum):
    """Of a session."""

    NEW = "new"
    CONNECTED = "connected"
    CLOSED = "closed"


class Client(Protocol):
    """A control connection, whatever carries it."""

    def send(self, event: str, data: object) -> None:
        """Queue an event; never waits."""

    def hang_up(self) -> None:
        """Send what is queued and end the connection."""


class Watcher(Protocol):
    """Who owns sessions and hears what becomes of them."""

    def session_connected(self, session: "Session") -> None:
        """DTLS is done."""

    def session_closed(self, session: "Session", reason: LeftReason) -> None:
        """It has ended, whoever ended it."""

    def seats_applied(self, session: "Session") -> None:
        """The client has had time to apply the last answer."""

    def track_active(self, session: "Session", mid: str) -> None:
        """First media of a track, or of another codec on it."""

    def not_showable(self, session: "Session", mid: str, source_peer: int, source_mid: str) -> None:
        """A seat's m-line and its source have no codec in common."""

    def seat_paused(self, session: "Session", mid: str, *, paused: bool) -> None:
        """The peer's path carries nothing of what a seat's m-line shows; or does again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What all sessions of a node share."""

    config: NodeConfig
    core: Core
    certificate: NodeCertificate
    addresses: tuple[str, ...]
    watcher: Watcher


def new_credentials() -> IceCredentials:
    """ICE credentials of our half of a transport; ice-char only (RFC 8839 §5.4)."""

    def token(size: int) -> str:
        return secrets.token_urlsafe(size).replace("-", "+").replace("_", "/")

    return IceCredentials(token(UFRAG_BYTES), token(PASSWORD_BYTES))


def new_ssrc() -> int:
    """A random SSRC that is not 0 (RFC 3550 §8)."""
    return secrets.randbelow(0xFFFF_FFFE) + 1


def wanted_rids(agreement: Agreement, wanted: Mapping[str, Sequence[int]]) -> dict[str, list[str]]:
    """The RIDs of the layers `wanted` (by mid; indexes, low to high) of each picture that is sent.

    The one layer of a track without simulcast has an empty RID.
    """
    pictures = (track for track in agreement.tracks if track.kind == "video")
    rids = {track.line.mid: track.rids or ("",) for track in pictures if track.line.mid in wanted}
    return {mid: [known[layer] for layer in wanted[mid] if layer < len(known)] for mid, known in rids.items()}


class Session:
    """One peer of a room."""

    def __init__(self, host: Host, *, room: str, participant: str, worker: int, offer: str) -> None:
        """Take the client's first offer; a bad one raises before anything is allocated."""
        parsed = parse_offer(offer)
        self._agreement = agree(parsed, None, new_ssrc)
        self.id: PeerId = secrets.token_hex(8)
        self.room = room
        self.participant = participant
        self.worker = worker
        self.state = State.NEW
        self.was_reported = False
        self.stay = Stay()
        """How good it has been; the watch adds to it."""
        self._connected_at: float | None = None
        """On the clock of the loop; None: never."""
        self.stats: StatsFeed | None = None
        """What its client asked to be told of it."""
        # Given to us; closed by whoever gave it.
        self._host = host
        self._client: Client | None = None
        # Ours; `close` ends them.
        self._local_ice = new_credentials()
        self._sdp_session = secrets.randbits(62)
        self._sdp_version = 0
        self._rtcp_ssrc = new_ssrc()
        self.handle = host.core.add_peer(worker, self._local_ice.ufrag, self._local_ice.password)
        try:
            self._set_media(self._agreement)
        except BadRequest:
            host.core.remove_peer(self.handle)
            raise
        self._dtls = Association(host.certificate, parsed.fingerprints)
        self._wanted: dict[str, list[int]] = {}
        """Layers of each simulcast track that somebody takes, as the core said last."""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._arm("connect", host.config.connect_timeout_s, self._not_connected)
        self.log = FieldLog(__name__, room=room, peer=self.id)
        self.log.info("peer_new", user=participant, worker=worker)

    @property
    def connected_s(self) -> float:
        """How long its media has been connected."""
        return 0.0 if self._connected_at is None else asyncio.get_running_loop().time() - self._connected_at

    # Negotiation.

    @property
    def agreement(self) -> Agreement:
        """What is agreed on now."""
        return self._agreement

    def answer(self) -> str:
        """The answer to the last offer."""
        self._sdp_version += 1
        port = self._host.core.ports[self.worker]
        local = Local(
            session=self._sdp_session,
            version=self._sdp_version,
            ice=self._local_ice,
            fingerprint=self._host.certificate.fingerprint,
            candidates=tuple(Candidate(address, port) for address in self._host.addresses),
        )
        return write_answer(self._agreement, local)

    def reoffer(self, offer: str) -> None:
        """Take another offer of the client; a bad one raises and changes nothing."""
        parsed = parse_offer(offer)
        before = self._agreement.offer
        if not set(parsed.fingerprints) & set(before.fingerprints):
            raise BadRequest("sdp: the DTLS fingerprint changed; open a new connection instead")
        agreement = agree(parsed, self._agreement, new_ssrc)
        self._set_media(agreement)
        self._agreement = agreement
        if parsed.ice != before.ice:  # RFC 8839 §4.4.1.1
            self._restart_ice()
        self._arm("seats", self._host.config.seat_delay_s, lambda: self._host.watcher.seats_applied(self))

    def _set_media(self, agreement: Agreement) -> None:
        """Tell the core; what it cannot carry is the offer's fault."""
        try:
            self._host.core.set_media(self.handle, agreement.as_media(rtcp_ssrc=self._rtcp_ssrc))
        except ValueError as error:
            raise BadRequest(f"sdp: {error}") from error

    def _restart_ice(self) -> None:
        """RFC 8445 §9: the client changed its credentials, so we do."""
        self._local_ice = new_credentials()
        self._host.core.restart_ice(self.handle, self._local_ice.ufrag, self._local_ice.password)
        self.log.info("ice_restart")

    def applied(self) -> None:
        """The client says that it has applied the last answer."""
        self._disarm("seats")

    # The control connection.

    def attach(self, client: Client) -> None:
        """Events go to `client` from now on; an older connection is ended."""
        if self._client is not None and self._client is not client:
            self._client.hang_up()
        self._client = client
        self.stats = None
        self._disarm("grace")

    def detach(self, client: Client) -> None:
        """The connection is gone; media goes on for a while, so that the client may come back."""
        if self._client is client and self.state is not State.CLOSED:
            self._client = None
            self.log.info("control_lost")
            self._arm("grace", self._host.config.resume_grace_s, lambda: self.close("connection lost"))

    def tell(self, event: str, data: object) -> None:
        """Send an event to the client; dropped while there is no connection, as a resume tells all."""
        if self._client is not None:
            self._client.send(event, data)

    def tell_layers(self) -> None:
        """Tell the client which layers of each of its tracks are taken; again after a resume."""
        self._tell_layers(self._wanted)

    def _tell_layers(self, wanted: Mapping[str, Sequence[int]]) -> None:
        rids = wanted_rids(self._agreement, wanted)
        if rids:
            self.tell("layers", {track_id(self.id, mid): names for mid, names in rids.items()})

    def expel(self, reason: str) -> None:
        """Tell the client that it is cut off, and end its control connection."""
        if self._client is not None:
            self._client.send("expelled", {"reason": reason})
            self._client.hang_up()

    # What the core says (core_events.PeerEvents).

    def dtls_received(self, datagrams: list[bytes]) -> None:
        """DTLS from the validated address."""
        self._follow(lambda: self._dtls.receive(datagrams))

    def address_validated(self, host: str, port: int) -> None:
        """The peer's address is known, or has changed."""
        self.log.info("address_validated", host=host, port=port)

    def consent_expired(self) -> None:
        """The peer has not been heard of for 30 s (RFC 7675)."""
        self.close("connection lost")

    def track_active(self, mid: str, codec_key: str) -> None:
        """First media of a track, or of another codec on it."""
        self.log.info("track_active", mid=mid, codec=codec_key)
        self._host.watcher.track_active(self, mid)

    def shown(self, mid: str, source_peer: int, source_mid: str) -> None:
        """A seat's new source is on its way, so it is not paused, whatever was said of the one before."""
        self.log.debug("shown", mid=mid, source_peer=source_peer, source_mid=source_mid)
        self._host.watcher.seat_paused(self, mid, paused=False)

    def not_showable(self, mid: str, source_peer: int, source_mid: str) -> None:
        """A seat's m-line and its source have no codec in common."""
        self._host.watcher.not_showable(self, mid, source_peer, source_mid)

    def layers_wanted(self, mid: str, layers: list[int]) -> None:
        """These layers of a track are taken from now on."""
        self._wanted[mid] = layers
        self._tell_layers({mid: layers})

    def seat_paused(self, mid: str, *, paused: bool) -> None:
        """The client's path carries nothing of what a seat's m-line shows; or does again."""
        self.log.info("seat_paused", mid=mid, paused=paused)
        self._host.watcher.seat_paused(self, mid, paused=paused)

    # DTLS.

    def _follow(self, step: Callable[[], None]) -> None:
        """Take a step of DTLS, send what it says, and follow it to where it stands then."""
        try:
            step()
            self._send_dtls()
            self._on_dtls()
        except Exception:  # one peer's failure is one peer's
            logger.exception("dtls_failed room=%s peer=%s", self.room, self.id)
            self.close("connection lost")

    def _send_dtls(self) -> None:
        for datagram in self._dtls.datagrams():
            self._host.core.send_dtls(self.handle, datagram)

    def _on_dtls(self) -> None:
        match self._dtls.state:
            case DtlsState.HANDSHAKE:
                self._arm_dtls()
            case DtlsState.CONNECTED:
                if self.state is State.NEW:
                    self._connected()
            case DtlsState.FAILED:
                self._fail(self._dtls.failure)
            case DtlsState.ENDED:
                self.close("left")  # the client closed its peer connection, and said so under encryption

    def _arm_dtls(self) -> None:
        timeout_s = self._dtls.timeout_s()
        if timeout_s is not None:
            self._arm("dtls", timeout_s, lambda: self._follow(self._dtls.on_timeout))

    def _connected(self) -> None:
        keys = self._dtls.take_keys()
        self._host.core.set_keys(
            self.handle, keys.profile, keys.remote_key, keys.remote_salt, keys.local_key, keys.local_salt
        )
        self._disarm("dtls")
        self._disarm("connect")
        self.state = State.CONNECTED
        self._connected_at = asyncio.get_running_loop().time()
        self.log.info("connected", srtp=keys.profile)
        self._host.watcher.session_connected(self)

    def _not_connected(self) -> None:
        self._fail(DtlsFailed(f"no DTLS handshake within {self._host.config.connect_timeout_s:g} s"))

    def _fail(self, failure: DtlsFailed | None) -> None:
        self.log.info("connect_failed", reason=failure)
        self.tell("error", {"code": 500, "message": str(failure)})
        self.close("connection lost")

    # The end.

    def close(self, reason: LeftReason) -> None:
        """End everything of this peer; again is harmless."""
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self.log.info("closed", reason=reason)
        for name in list(self._timers):
            self._disarm(name)
        self._dtls.close()
        self._send_dtls()
        self._host.core.remove_peer(self.handle)
        self._host.watcher.session_closed(self, reason)
        self._client = None

    def _arm(self, name: str, delay_s: float, then: Callable[[], None]) -> None:
        self._disarm(name)
        self._timers[name] = asyncio.get_running_loop().call_later(delay_s, self._fire, name, then)

    def _fire(self, name: str, then: Callable[[], None]) -> None:
        self._timers.pop(name, None)
        then()

    def _disarm(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
