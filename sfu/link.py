"""The node's side of the `/nodes` contract with signaling.

node -> **link** <-> signaling (Socket.IO namespace `/nodes`)

Media does not need signaling: the link reconnects for ever, to the next of signaling's processes (attempts.py says
when), and each time registers with everything the node carries, so whatever was missed while it was down is healed.
Reports go out in order and each waits for its ack; one that gets none makes the link register anew, and a registration
makes every waiting report unnecessary.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from importlib import metadata
from typing import Annotated, Any, Final

import msgspec
import psutil
import socketio
from msgspec import Meta, Struct

from common.log import FieldLog
from sfu._core import Core
from sfu.attempts import Attempts
from sfu.config import NodeConfig, secret_now
from sfu.control.requests import read
from sfu.errors import LinkRefused, Refused
from sfu.node import Node
from sfu.room.grants import Grant, Rights
from sfu.room.room import Room
from sfu.session import LeftReason, Session

NAMESPACE: Final = "/nodes"
CONNECT_TIMEOUT_S = 5.0
ACK_TIMEOUT_S = 5.0
MAX_PART_BYTES = 40 * 1024
"""Rooms of one `register` frame; signaling closes a connection that sends more than 64 KiB at once."""
MAX_REPORTS = 10_000
"""Waiting reports; more are dropped together, and healed by registering anew."""

log = FieldLog(__name__)
logger = logging.getLogger(__name__)

RoomName = Annotated[str, Meta(min_length=1, max_length=256)]
UserName = Annotated[str, Meta(min_length=1, max_length=256)]
Answer = dict[str, object]
Report = tuple[str, dict[str, object]]


class OpenRoom(Struct, frozen=True):
    """`open_room`: a room is placed here."""

    room: RoomName
    record: dict[str, object] | None = None
    participants_limit: Annotated[int, Meta(ge=1, le=10_000)] = 100
    bitrate: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_024


class GrantRights(Struct, frozen=True):
    """What a user may do in a room."""

    publish: bool = True
    receive: bool = True


class GrantUser(Struct, frozen=True):
    """`grant`: a user may enter a room."""

    room: RoomName
    user: UserName
    serial: int | str
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    rights: GrantRights = GrantRights()


class Revoke(Struct, frozen=True):
    """`revoke`: a user may not be in a room any more."""

    room: RoomName
    user: UserName
    reason: Annotated[str, Meta(max_length=256)] = "revoked"


class CloseRoom(Struct, frozen=True):
    """`close_room`: the room ends."""

    room: RoomName
    reason: Annotated[str, Meta(max_length=256)] = "room closed"


class Registered(Struct, frozen=True):
    """The answer to `register`."""

    close: list[RoomName] = msgspec.field(default_factory=list)
    error: int | str | None = None
    message: str = ""


class SignalingLink:
    """Keeps one node registered.  Owns its connection; the node is given to it later (`serve`)."""

    def __init__(self, config: NodeConfig, core: Core) -> None:
        self._config = config
        self._core = core
        self._instance = secrets.token_hex(8)
        self._server: dict[str, str] = {}
        self._node: Node | None = None
        self._reports: asyncio.Queue[Report] = asyncio.Queue(MAX_REPORTS)
        self._must_register = False
        self._attempts = Attempts(config.signaling)
        self._load = _LoadMeter(core)
        self._socket: Any = None
        self.registered = asyncio.Event()
        """Set while signaling knows this node."""

    # What the node reports (node.Reports).

    def joined(self, session: Session) -> None:
        """A peer's media is connected."""
        self._report("joined", {"room": session.room, "user": session.participant, "peer": session.id})

    def left(self, session: Session, reason: LeftReason) -> None:
        """A peer that had joined is gone."""
        self._report("left", {"room": session.room, "user": session.participant, "peer": session.id, "reason": reason})

    def _report(self, event: str, data: dict[str, object]) -> None:
        if not self.registered.is_set():
            return  # the next registration says it
        try:
            self._reports.put_nowait((event, data))
        except asyncio.QueueFull:
            self._must_register = True

    # The connection.

    async def serve(self, node: Node, http_port: int) -> None:
        """Connect and stay registered until cancelled."""
        self._node = node
        self._server = self._config.server(http_port)
        while True:
            try:
                await self._stay_registered()
                log.warning("signaling_lost", url=self._attempts.url)
            except LinkRefused as error:
                log.warning("signaling_refuses_this_node", url=self._attempts.url, error=error)
            except (socketio.exceptions.SocketIOError, Refused, OSError) as error:
                log.warning("signaling_unreachable", url=self._attempts.url, error=error)
            except Exception:  # media must not end because of what signaling or its client library did
                logger.exception("link_failed")
            pause_s = self._attempts.failed()
            await asyncio.sleep(pause_s * (0.75 + secrets.randbelow(500) / 1_000))

    async def flush(self, timeout_s: float) -> None:
        """Wait until every report has been taken, or for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._reports.join()

    async def _stay_registered(self) -> None:
        self._socket = socket = _client()
        lost = asyncio.Event()
        socket.on("disconnect", lambda *_reason: lost.set(), namespace=NAMESPACE)
        for event, handler in self._requests().items():
            socket.on(event, handler, namespace=NAMESPACE)
        try:
            await socket.connect(
                self._attempts.url,
                namespaces=[NAMESPACE],
                auth={"node": self._config.name, "instance": self._instance, "secret": secret_now(self._config)},
                transports=["websocket"],
                wait_timeout=CONNECT_TIMEOUT_S,
            )
            while not lost.is_set():
                await self._register(socket)
                await self._pump(socket, lost)
        finally:
            self.registered.clear()
            self._drop_reports()
            await socket.disconnect()

    async def _register(self, socket: Any) -> None:  # noqa: ANN401  python-socketio carries no types
        self.registered.clear()
        self._drop_reports()
        node = self._the_node()
        parts = self._registration(node)
        self.registered.set()  # from here on changes are reported, behind this registration
        for part in parts:
            answer = read(await self._call(socket, "register", part), Registered, what="answer to register")
            if answer.error is not None:
                raise LinkRefused(f"{answer.error} {answer.message}")
            for room in answer.close:
                node.close_room(room, "room closed")
        self._attempts.succeeded()
        log.info("registered", url=self._attempts.url, name=self._config.name, instance=self._instance)

    async def _pump(self, socket: Any, lost: asyncio.Event) -> None:  # noqa: ANN401
        """Send reports and load until the connection is lost, or something went missing."""
        loop = asyncio.get_running_loop()
        load_at = loop.time() + self._config.load_interval_s
        while not (lost.is_set() or self._must_register):
            report = await self._next_report(lost, load_at - loop.time())
            if report is not None:
                try:
                    await self._call(socket, *report)
                finally:
                    self._reports.task_done()
            elif loop.time() >= load_at:
                load_at = loop.time() + self._config.load_interval_s
                await self._call(socket, "load", self._load.read(self._the_node()))
        self._must_register = False

    async def _next_report(self, lost: asyncio.Event, timeout_s: float) -> Report | None:
        get = asyncio.ensure_future(self._reports.get())
        gone = asyncio.ensure_future(lost.wait())
        try:
            await asyncio.wait({get, gone}, timeout=max(0.0, timeout_s), return_when=asyncio.FIRST_COMPLETED)
            return get.result() if get.done() else None
        finally:
            get.cancel()
            gone.cancel()

    async def _call(self, socket: Any, event: str, data: object) -> object:  # noqa: ANN401
        answer: object = await socket.call(event, data, namespace=NAMESPACE, timeout=ACK_TIMEOUT_S)
        if event != "register" and isinstance(answer, dict) and "error" in answer:
            # Signaling sees another truth than we do: registering again puts both right.
            log.warning("report_refused", report=event, answer=answer)
            self._must_register = True
        return answer

    def _drop_reports(self) -> None:
        while not self._reports.empty():
            self._reports.get_nowait()
            self._reports.task_done()

    # What signaling asks for.

    def _requests(self) -> dict[str, Callable[[object], Awaitable[Answer]]]:
        return {
            "open_room": self._guarded(self._open_room),
            "grant": self._guarded(self._grant),
            "revoke": self._guarded(self._revoke),
            "close_room": self._guarded(self._close_room),
        }

    def _guarded(self, handler: Callable[[object], None]) -> Callable[[object], Awaitable[Answer]]:
        async def guarded(data: object = None) -> Answer:
            try:
                handler(data)
            except Refused as refusal:
                log.warning("signaling_request_refused", error=refusal)
                return refusal.wire
            return {}

        return guarded

    def _open_room(self, data: object) -> None:
        request = read(data, OpenRoom, what="open_room")
        self._the_node().open_room(
            request.room,
            record=request.record or {},
            participants_limit=request.participants_limit,
            bitrate=request.bitrate,
        )

    def _grant(self, data: object) -> None:
        request = read(data, GrantUser, what="grant")
        rights = Rights(publish=request.rights.publish, receive=request.rights.receive)
        self._the_node().grant(request.room, Grant(request.user, request.serial, request.digest, rights))

    def _revoke(self, data: object) -> None:
        request = read(data, Revoke, what="revoke")
        self._the_node().revoke(request.room, request.user, request.reason)

    def _close_room(self, data: object) -> None:
        request = read(data, CloseRoom, what="close_room")
        self._the_node().close_room(request.room, request.reason)

    def _the_node(self) -> Node:
        if self._node is None:
            raise LinkRefused("the node is not serving")
        return self._node

    def _registration(self, node: Node) -> list[dict[str, object]]:
        """All that the node carries, in parts that fit signaling's frames; the last one completes it."""
        head: dict[str, object] = {
            "node": self._config.name,
            "instance": self._instance,
            "server": self._server,
            "workers": len(self._core.ports),
            "capacity": {"peers": self._config.max_peers},
            "version": _version(),
            "load": self._load.read(node),
        }
        batches = batched([_room(room, node) for room in node.rooms()], MAX_PART_BYTES)
        return [head | {"rooms": rooms, "more": number < len(batches)} for number, rooms in enumerate(batches, start=1)]


def batched(rooms: list[dict[str, object]], size: int) -> list[list[dict[str, object]]]:
    """The rooms in as few lists as fit `size` bytes of JSON each, in order; one list at least."""
    batches: list[list[dict[str, object]]] = [[]]
    filled = 0
    for room in rooms:
        length = len(msgspec.json.encode(room))
        if batches[-1] and filled + length > size:
            batches.append([])
            filled = 0
        batches[-1].append(room)
        filled += length
    return batches


class _LoadMeter:
    """What the node is doing, as signaling is told it for placing rooms."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call only sets the start

    def read(self, node: Node) -> dict[str, object]:
        counters = self._core.counters()
        return {
            "peers": node.peers,
            "rooms": sum(1 for _ in node.rooms()),
            "cpu": round(self._process.cpu_percent() / 100, 3),  # cores in use
            "packets_in": counters.get("rtp_in", 0),
            "packets_out": counters.get("rtp_out", 0),
        }


def _client() -> Any:  # noqa: ANN401  python-socketio carries no types
    make: Any = socketio.AsyncClient
    # Signals are the process's own (app.py); the client would take SIGINT over.
    return make(reconnection=False, handle_sigint=False)


def _room(room: Room, node: Node) -> dict[str, object]:
    return {
        "room": room.id,
        "record": dict(room.record),
        "grants": [_grant(grant) for grant in room.grants],
        "peers": [{"peer": peer.id, "user": peer.participant} for peer in node.joined_peers(room.id)],
    }


def _grant(grant: Grant) -> Mapping[str, object]:
    rights = {"publish": grant.rights.publish, "receive": grant.rights.receive}
    return {"user": grant.user, "serial": grant.serial, "digest": grant.digest, "rights": rights}


def _version() -> str:
    try:
        return metadata.version("tertulia")
    except metadata.PackageNotFoundError:
        return "unknown"  # a checkout that was not installed
