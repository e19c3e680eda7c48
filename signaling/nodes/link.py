"""The shell of `/nodes`: nodes connect, register and report; rooms are opened, users admitted and cut off.

node -> **link** -> keeper -> rules     requests -> **link** -> state -> inbox of the node's process -> **link** -> node

A node's events are handled one after the other.  All commands go through the inbox of the process that the node is
connected to, and so reach it in the order in which they were decided.  Those whose outcome decides an answer
(`open_room`, `grant`) are awaited for at most `node_ack_s`; of the others the state remembers what matters later.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from common.log import FieldLog

from ..config import SignalingConfig
from ..errors import Malformed, NodeTaken, NoNode, SignalingError, StateAway, UnknownRoom
from ..gateway.namespaces import refused
from ..gateway.sockets import Sockets
from ..keeper import Keeper
from ..qss import rooms
from ..qss.effects import Rights
from ..qss.frames import Wire
from ..qss.identifiers import Instant, PeerId, RoomId, UserId
from ..qss.rooms import LOST, MEDIA_SERVER_LOST, Held, Member, Peer, Room
from ..state import State
from ..state.deliveries import Ask, AskId, Reply, ToNode
from ..timers import Timers
from ..tokens import RoomTokens
from . import commands
from .adoption import adopted
from .book import Node, by_load
from .contract import HeldRoom, Load, NodeAuth, PeerEvent, Register

NAMESPACE = "/nodes"

T = TypeVar("T")
Handler = Callable[[str, object], Awaitable[dict[str, Any]]]

log = FieldLog(__name__)


class Nodes:
    """The nodes and the commands to them."""

    takes_text = False

    def __init__(self, *, config: SignalingConfig, sockets: Sockets, tokens: RoomTokens, state: State) -> None:
        # Given to us; the keeper by `attach`, because its deliveries come back here.
        self._config = config
        self._sockets = sockets
        self._tokens = tokens
        self._state = state
        self._directory = state.nodes
        self._keeper: Keeper
        # Ours.
        self._here: dict[str, str] = {}
        """The nodes connected to this process: name -> socket."""
        self._authenticated: dict[str, NodeAuth] = {}
        self._reported: dict[str, set[RoomId]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._asked: dict[AskId, asyncio.Future[str | None]] = {}
        self._timers = Timers(self._on_away_too_long, state.now)

    def attach(self, keeper: Keeper) -> None:
        """Who changes rooms."""
        self._keeper = keeper

    async def close(self) -> None:
        """Disarm our timers."""
        await self._timers.close()

    async def all(self) -> tuple[Node, ...]:
        """The nodes known, for health and statistics."""
        return await self._directory.all()

    # --- commands ----------------------------------------------------------------------------------------------------

    async def candidates(self) -> tuple[Node, ...]:
        """The nodes that can take a room, the least loaded first."""
        return by_load(await self._directory.all())

    async def open_room(self, room: Room) -> None:
        """Open a room on its node; raises NoNode."""
        await self._directory.placed(room.node, room.uuid)
        try:
            await self._ask(room.node, commands.OPEN_ROOM, commands.open_room(room))
        finally:
            await self._directory.opened(room.uuid)

    async def grant(self, room: Room, member: Member) -> None:
        """Admit a member on the room's node; raises NoNode."""
        data = commands.grant(self._tokens, room, member.user, member.serial, member.rights)
        await self._ask(room.node, commands.GRANT, data)

    async def _ask(self, name: str, command: str, data: Wire) -> None:
        node = await self._directory.get(name)
        if node is None or node.socket is None:
            raise NoNode
        ask = Ask(name, command, data, self._state.process, AskId(secrets.token_hex(8)))
        refusal = await self._outcome(ask)
        if refusal is not None:
            log.warning("node_refuses", node=name, command=command, message=refusal)
            raise NoNode("the media server refused")

    async def _outcome(self, ask: Ask) -> str | None:
        outcome: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._asked[ask.id] = outcome
        try:
            await self._state.post(ask)
            async with asyncio.timeout(self._config.node_ack_s):
                return await outcome
        except TimeoutError:
            raise NoNode("the media server did not answer") from None
        finally:
            del self._asked[ask.id]

    # --- carried out by the process that the node is connected to -----------------------------------------------------

    async def carry_out(self, command: ToNode) -> None:
        """Tell the node; a room to be closed is remembered until it has confirmed that."""
        socket = self._here.get(command.node)
        if socket is not None and command.closes is not None:
            self._close_room(socket, command.closes, command.data)
        elif socket is not None:
            self._tell(socket, command.command, command.data)

    async def ask(self, ask: Ask) -> None:
        """Tell the node, and let its acknowledgement become the reply."""
        socket = self._here.get(ask.node)
        if socket is None:
            await self._state.post(Reply(ask.asker, ask.id, "not connected"))
            return

        async def acknowledged(ack: object = None, *_more: object) -> None:
            with suppress(StateAway):  # the asker's time is soon over
                await self._state.post(Reply(ask.asker, ask.id, _refusal(ack)))

        self._tell(socket, ask.command, ask.data, acknowledged)

    def register_again(self) -> None:
        """Have the nodes that are connected here come again and say what they carry: we may have missed it."""
        for socket in self._here.values():
            self._sockets.disconnect(socket, NAMESPACE, for_good=False)

    async def tell_again(self, process: str) -> None:
        """A node that the state takes for connected to a process that it is not connected to is away."""
        for node in await self._directory.all():
            gone = node.process == process and node.socket is not None
            here = process == self._state.process and self._here.get(node.name) == node.socket
            if gone and not here and node.socket is not None:
                await self._away(node.name, node.socket)

    def replied(self, reply: Reply) -> None:
        """A node has answered what we asked, perhaps too late."""
        waiting = self._asked.get(reply.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply.refusal)

    def _close_room(self, socket: str, room: RoomId, data: Wire) -> None:
        async def confirmed(*_ack: object) -> None:
            with suppress(StateAway):  # it is remembered a little longer
                await self._directory.closed(room)

        self._tell(socket, commands.CLOSE_ROOM, data, confirmed)

    def _tell(
        self, socket: str, command: str, data: Wire, callback: Callable[..., Awaitable[None]] | None = None
    ) -> None:
        text = msgspec.json.encode(data).decode()
        self._sockets.emit(command, text, to=socket, namespace=NAMESPACE, callback=callback)

    # --- events ------------------------------------------------------------------------------------------------------

    async def happened(self, sid: str, event: str, data: object) -> object:
        """Handle a node's event in its turn; whatever is wrong with it becomes the acknowledgement."""
        if sid not in self._authenticated:
            return {"error": 401, "message": "not authenticated"}
        handlers: dict[str, Handler] = {
            "register": self._on_register,
            "joined": self._on_joined,
            "left": self._on_left,
            "load": self._on_load,
        }
        handler = handlers.get(event)
        if handler is None:
            return {"error": 404, "message": f"unknown event {event[:64]!r}"}
        async with self._turns[sid]:
            return await self._handled(handler, sid, data)

    @staticmethod
    async def _handled(handler: Handler, sid: str, data: object) -> object:
        try:
            return await handler(sid, data)
        except SignalingError as error:
            return {"error": error.code, "message": error.message}
        except Exception:
            log.fault("node_event_failed", socket=sid)
            return {"error": 500, "message": "internal error"}

    async def malformed(self, sid: str, problem: str) -> None:
        """A node sent what is no event: what it meant is not known, so it has to come again and say all it holds."""
        log.warning("node_malformed", node=self._authenticated[sid].node, problem=problem)
        self._sockets.disconnect(sid, NAMESPACE, for_good=False)

    async def connected(self, sid: str, auth: object) -> None:
        """Let a node in that knows the secret."""
        try:
            given = msgspec.convert(auth, NodeAuth)
        except msgspec.ValidationError:
            raise refused("unauthorized") from None
        if not self._is_secret(given.secret):
            log.warning("node_refused", node=given.node)
            raise refused("unauthorized")
        self._authenticated[sid] = given
        self._turns[sid] = asyncio.Lock()
        self._sockets.welcome(sid, NAMESPACE)

    def _is_secret(self, given: str) -> bool:
        """Whether it is one of ours: all are compared, so that time tells nothing."""
        matches = [hmac.compare_digest(given.encode(), one.encode()) for one in self._config.node_secrets]
        return any(matches)

    async def disconnected(self, sid: str) -> None:
        """A node's connection is gone: its media goes on, and it may come back, here or to another process."""
        auth = self._authenticated.pop(sid, None)
        self._turns.pop(sid, None)
        self._reported.pop(sid, None)
        if auth is None or self._here.get(auth.node) != sid:
            return
        del self._here[auth.node]
        try:
            await self._away(auth.node, sid)
        except StateAway:
            log.warning("node_away_not_told", node=auth.node)

    async def _away(self, name: str, socket: str) -> None:
        until = Instant(self._keeper.now() + self._config.node_away_s)
        if await self._directory.away(name, socket, until):
            log.warning("node_away", node=name)
            self._timers.arm(name, until)

    async def _on_away_too_long(self, name: Hashable) -> None:
        with suppress(StateAway):  # whoever finds it due later sees to it
            await self.away_too_long(str(name))

    async def away_too_long(self, name: str) -> None:
        """The time in which a node may come back is over."""
        if await self._directory.forget(name):
            log.warning("node_lost", node=name)
            await self._keeper.destroy_on(name, MEDIA_SERVER_LOST)

    async def _on_register(self, sid: str, data: object) -> dict[str, Any]:
        card = _typed(data, Register)
        auth = self._authenticated[sid]
        if (card.node, card.instance) != (auth.node, auth.instance):
            raise Malformed("node and instance differ from those at connect")
        await self._replace(card, sid)
        reported = self._reported.setdefault(sid, set())
        close = [held.room for held in card.rooms if not await self._taken_up(card, held)]
        reported.update(RoomId(held.room) for held in card.rooms)
        if not card.more:
            del self._reported[sid]
            opening = await self._directory.opening()
            await self._keeper.destroy_on(card.node, MEDIA_SERVER_LOST, but=opening | reported)
            log.info("node_registered", node=card.node, rooms=len(reported), closed=len(close))
        for room in close:
            await self._directory.closed(RoomId(room))
        return {"close": close, "node": card.node}

    async def _replace(self, card: Register, sid: str) -> None:
        """Note the node, over this connection from now on; an older one of the same process is cut.

        Another process under this name is refused while the first is connected: two that displaced each other would
        each lose the rooms of the other, for ever.
        """
        if not await self._directory.register(card, sid):
            log.warning("node_name_taken", node=card.node, instance=card.instance)
            raise NodeTaken(card.node)
        self._timers.arm(card.node, None)
        older, self._here[card.node] = self._here.get(card.node), sid
        if older is not None and older != sid:
            self._sockets.disconnect(older, NAMESPACE, for_good=True)

    async def _taken_up(self, card: Register, held: HeldRoom) -> bool:
        """Bring a reported room in line with what we know, or take it up; False if the node has to close it."""
        room = RoomId(held.room)
        if await self._directory.is_closing(room):
            return False
        keep_until = Instant(self._keeper.now() + self._config.lost_keep_s)
        try:
            known = await self._keeper.get(room)
        except UnknownRoom:
            fresh = adopted(held, node=card.node, server=card.server, tokens=self._tokens, keep_until=keep_until)
            return fresh is not None and await self._keeper.add(fresh)
        if known.node != card.node:
            return False
        view = Held(
            server=card.server,
            grants=frozenset(
                (UserId(grant.user), grant.serial, Rights(grant.rights.publish, grant.rights.receive))
                for grant in held.grants
            ),
            peers=frozenset(Peer(UserId(peer.user), PeerId(peer.peer)) for peer in held.peers),
        )
        now = self._keeper.now()
        await self._keeper.change(room, lambda r: rooms.reconciled(r, view, keep_until, now))
        return True

    async def _on_joined(self, sid: str, data: object) -> dict[str, Any]:
        report = _typed(data, PeerEvent)
        user, peer, now = UserId(report.user), PeerId(report.peer), self._keeper.now()
        if room := await self._own_room(sid, report):
            await self._keeper.change(room, lambda r: rooms.joined(r, user, peer, now))
        return {}

    async def _on_left(self, sid: str, data: object) -> dict[str, Any]:
        report = _typed(data, PeerEvent)
        user, peer, now = UserId(report.user), PeerId(report.peer), self._keeper.now()
        keep = self._config.lost_keep_s if report.reason == LOST else self._config.room_keep_s
        keep_until = Instant(now + keep)
        if room := await self._own_room(sid, report):
            await self._keeper.change(room, lambda r: rooms.left(r, user, peer, report.reason, keep_until, now))
        return {}

    async def _own_room(self, sid: str, report: PeerEvent) -> RoomId | None:
        """The reported room if it lives on the reporting node; one that does not is closed there."""
        room = RoomId(report.room)
        node = self._authenticated[sid].node
        if self._here.get(node) != sid:
            raise Malformed("not registered")
        try:
            known = await self._keeper.get(room)
        except UnknownRoom:
            known = None
        if known is None or known.node != node:
            self._close_room(sid, room, commands.close_room(room, "no such room"))
            return None
        return room

    async def _on_load(self, sid: str, data: object) -> dict[str, Any]:
        load, node = _typed(data, Load), self._authenticated[sid].node
        if self._here.get(node) == sid:
            await self._directory.reported(node, load)
        return {}


def _refusal(ack: object) -> str | None:
    """Why a node refuses a command, if it does."""
    refused = isinstance(ack, dict) and ack.get("error")
    return str(ack.get("message"))[:200] if isinstance(ack, dict) and refused else None


def _typed(data: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise Malformed(str(error)) from None
