"""The node's side of the `/nodes` contract with signaling.

node -> **link** (registration, rated, commands) <-> signaling (Socket.IO namespace `/nodes`)

Media does not need signaling: the link reconnects for ever, to the next of signaling's processes (attempts.py says
when), and each time registers with everything the node carries, so whatever was missed while it was down is healed.
Reports go out in order and each waits for its ack; one that gets none makes the link register anew, and a registration
makes every waiting report unnecessary.
"""

import asyncio
import contextlib
import logging
import secrets
from typing import Any, Final

import msgspec
import socketio
from msgspec import Struct

from common.log import FieldLog
from sfu._core import Core
from sfu.attempts import Attempts
from sfu.commands import Commands, RoomName
from sfu.config import NodeConfig, secret_now
from sfu.control.requests import read
from sfu.errors import LinkRefused, Refused
from sfu.node import Node
from sfu.rated import Rated
from sfu.registration import Card
from sfu.session import LeftReason, Session

NAMESPACE: Final = "/nodes"
RATINGS: Final = "quality"
CONNECT_TIMEOUT_S = 5.0
ACK_TIMEOUT_S = 5.0
MAX_REPORTS = 10_000
"""Waiting reports; more are dropped together, and healed by registering anew."""

log = FieldLog(__name__)
logger = logging.getLogger(__name__)

Report = tuple[str, dict[str, object]]


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
        self._reports: asyncio.Queue[Report] = asyncio.Queue(MAX_REPORTS)
        self._must_register = False
        self._attempts = Attempts(config.signaling)
        self._rated = Rated()
        self.registered = asyncio.Event()
        """Set while signaling knows this node."""

    # What the node reports (node.Reports).

    def joined(self, session: Session) -> None:
        """A peer's media is connected."""
        self._report("joined", {"room": session.room, "user": session.participant, "peer": session.id})

    def left(self, session: Session, reason: LeftReason) -> None:
        """A peer that had joined is gone; how good its stay was is said with it."""
        stay = session.stay.quality
        quality = {"quality": stay.wire(session.connected_s)} if stay is not None else {}
        gone = {"room": session.room, "user": session.participant, "peer": session.id, "reason": reason}
        self._report("left", {**gone, **quality})

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
        card = Card(self._config, self._core, node, instance=self._instance, http_port=http_port)
        while True:
            try:
                await self._stay_registered(node, card)
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

    async def _stay_registered(self, node: Node, card: Card) -> None:
        socket = _client()
        lost = asyncio.Event()
        socket.on("disconnect", lambda *_reason: lost.set(), namespace=NAMESPACE)
        for event, handler in Commands(node).handlers().items():
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
                await self._register(socket, node, card)
                await self._pump(socket, node, card, lost)
        finally:
            self.registered.clear()
            self._drop_reports()
            await socket.disconnect()

    async def _register(self, socket: Any, node: Node, card: Card) -> None:  # noqa: ANN401
        self.registered.clear()
        self._drop_reports()
        self._rated.forget()
        parts = card.registration()
        self.registered.set()  # from here on changes are reported, behind this registration
        for part in parts:
            answer = read(await self._call(socket, "register", part), Registered, what="answer to register")
            if answer.error is not None:
                raise LinkRefused(f"{answer.error} {answer.message}")
            for room in answer.close:
                node.close_room(room, "room closed")
        self._attempts.succeeded()
        log.info("registered", url=self._attempts.url, name=self._config.name, instance=self._instance)

    async def _pump(self, socket: Any, node: Node, card: Card, lost: asyncio.Event) -> None:  # noqa: ANN401
        """Send reports, load and ratings until the connection is lost, or something went missing."""
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
                await self._call(socket, "load", card.load())
                if rated := self._rated.report(node.rooms()):
                    await self._call(socket, RATINGS, rated)
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
            log.warning("report_refused", report=event, answer=answer)
            if event == RATINGS:
                self._rated.forget()  # they are told again with the next load
            else:
                # Signaling sees another truth than we do: registering again puts both right.
                self._must_register = True
        return answer

    def _drop_reports(self) -> None:
        while not self._reports.empty():
            self._reports.get_nowait()
            self._reports.task_done()


def _client() -> Any:  # noqa: ANN401  python-socketio carries no types
    make: Any = socketio.AsyncClient
    # Signals are the process's own (app.py); the client would take SIGINT over.
    return make(reconnection=False, handle_sigint=False)
