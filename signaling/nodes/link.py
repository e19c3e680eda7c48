"""The shell of `/nodes`: nodes connect, register and report; rooms are opened, users admitted and cut off.

node -> **link** -> keeper -> rules          requests -> **link** -> node (awaited)          outbox -> **link** -> node

A node's events are handled one after the other.  Commands whose outcome decides an answer (`open_room`, `grant`) are
awaited for at most `node_ack_s`; the others are sent and, where they matter after a reconnection, remembered.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

import msgspec

from common.log import FieldLog

from ..config import SignalingConfig
from ..errors import Malformed, NodeTaken, NoNode, SignalingError, UnknownRoom
from ..gateway.sockets import Sockets, refused
from ..keeper import Keeper
from ..qss import rooms
from ..qss.effects import CloseRoom, Grant, Revoke, Rights
from ..qss.identifiers import Instant, PeerId, RoomId, UserId
from ..qss.rooms import LOST, MEDIA_SERVER_LOST, Held, Member, Peer, Room
from ..timers import Timers
from ..tokens import RoomTokens
from .adoption import adopted, record_of
from .book import Node, NodeBook
from .contract import HeldRoom, Load, NodeAuth, PeerEvent, Register

NAMESPACE = "/nodes"

T = TypeVar("T")
Handler = Callable[[str, object], Awaitable[dict[str, Any]]]

log = FieldLog(__name__)


class Nodes:
    """The nodes and the commands to them."""

    def __init__(self, *, config: SignalingConfig, sockets: Sockets, tokens: RoomTokens) -> None:
        # Given to us; the keeper by `attach`, because its effects come back here.
        self._config = config
        self._sockets = sockets
        self._tokens = tokens
        self._keeper: Keeper
        # Ours.
        self._book = NodeBook()
        self._authenticated: dict[str, NodeAuth] = {}
        self._reported: dict[str, set[RoomId]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._opening: set[RoomId] = set()
        """Rooms whose node has not acknowledged them: a registration that crosses `open_room` lacks them rightly."""
        self._timers = Timers(self._on_away_too_long)

    def attach(self, keeper: Keeper) -> None:
        """Who changes rooms."""
        self._keeper = keeper

    async def close(self) -> None:
        """Disarm our timers."""
        await self._timers.close()

    def all(self) -> tuple[Node, ...]:
        """The nodes known, for health and statistics."""
        return self._book.all()

    # --- commands ----------------------------------------------------------------------------------------------------

    def candidates(self) -> tuple[Node, ...]:
        """The nodes that can take a room, the least loaded first."""
        return self._book.by_load()

    async def open_room(self, room: Room) -> None:
        """Open a room on its node; raises NoNode."""
        self._book.placed(room.node)
        command = {
            "room": room.uuid,
            "record": msgspec.to_builtins(record_of(room)),
            "participants_limit": room.participants_limit,
            "bitrate": room.bitrate,
        }
        self._opening.add(room.uuid)
        try:
            await self._ask(room.node, "open_room", command)
        finally:
            self._opening.discard(room.uuid)

    async def grant(self, room: Room, member: Member) -> None:
        """Admit a member on the room's node; raises NoNode."""
        await self._ask(room.node, "grant", self._grant(room.uuid, member.user, member.serial, member.rights))

    async def carry_out(self, effect: Grant | Revoke | CloseRoom) -> None:
        """Tell the node without waiting; a room to be closed is remembered until the node has confirmed it."""
        node = self._book.get(effect.node)
        if isinstance(effect, CloseRoom):
            self._book.closing(effect.room, effect.node)
        if node is None or node.socket is None:
            return
        match effect:
            case Grant(_, room, user, serial, rights):
                await self._tell(node.socket, "grant", self._grant(room, user, serial, rights))
            case Revoke(_, room, user, reason):
                await self._tell(node.socket, "revoke", {"room": room, "user": user, "reason": reason})
            case CloseRoom(_, room, reason):
                await self._close_room(node.socket, room, reason)

    async def _close_room(self, socket: str, room: RoomId, reason: str) -> None:
        def confirmed(*_ack: object) -> None:
            self._book.closed(room)

        await self._tell(socket, "close_room", {"room": room, "reason": reason}, confirmed)

    async def _tell(
        self, socket: str, command: str, data: dict[str, Any], callback: Callable[..., None] | None = None
    ) -> None:
        await self._sockets.emit(command, data, to=socket, namespace=NAMESPACE, callback=callback)

    def _grant(self, room: RoomId, user: UserId, serial: int, rights: Rights) -> dict[str, Any]:
        digest = self._tokens.digest(room, user, serial)
        given = {"publish": rights.publish, "receive": rights.receive}
        return {"room": room, "user": user, "serial": serial, "digest": digest, "rights": given}

    async def _ask(self, name: str, command: str, data: dict[str, Any]) -> None:
        node = self._book.get(name)
        if node is None or node.socket is None:
            raise NoNode
        ack = await self._sockets.call(
            command, data, to=node.socket, namespace=NAMESPACE, timeout_s=self._config.node_ack_s
        )
        if isinstance(ack, dict) and ack.get("error"):
            log.warning("node_refuses", node=name, command=command, message=str(ack.get("message"))[:200])
            raise NoNode("the media server refused")

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
        """A node's connection is gone: its media goes on, and it may come back."""
        self._authenticated.pop(sid, None)
        self._turns.pop(sid, None)
        self._reported.pop(sid, None)
        if node := self._book.away(sid):
            log.warning("node_away", node=node.name)
            self._timers.arm(node.name, self._keeper.now() + self._config.node_away_s)

    async def _on_away_too_long(self, name: Hashable) -> None:
        node = self._book.get(str(name))
        if node is not None and node.socket is None:
            log.warning("node_lost", node=node.name)
            self._book.forget(node.name)
            await self._keeper.destroy_on(node.name, MEDIA_SERVER_LOST)

    async def _on_register(self, sid: str, data: object) -> dict[str, Any]:
        card = _typed(data, Register)
        auth = self._authenticated[sid]
        if (card.node, card.instance) != (auth.node, auth.instance):
            raise Malformed("node and instance differ from those at connect")
        self._replace(card, sid)
        reported = self._reported.setdefault(sid, set())
        close = [held.room for held in card.rooms if not await self._taken_up(card, held)]
        reported.update(RoomId(held.room) for held in card.rooms)
        if not card.more:
            del self._reported[sid]
            await self._keeper.destroy_on(card.node, MEDIA_SERVER_LOST, but=frozenset(reported | self._opening))
            log.info("node_registered", node=card.node, rooms=len(reported), closed=len(close))
        for room in close:
            self._book.closed(RoomId(room))
        return {"close": close, "node": card.node}

    def _replace(self, card: Register, sid: str) -> None:
        """Note the node, over this connection from now on; an older one of the same process is cut.

        Another process under this name is refused while the first is connected: two that displaced each other would
        each lose the rooms of the other, for ever.
        """
        before = self._book.get(card.node)
        older = before.socket if before is not None and before.socket != sid else None
        if before is not None and older is not None and before.card.instance != card.instance:
            log.warning("node_name_taken", node=card.node, instance=card.instance, taken_by=before.card.instance)
            raise NodeTaken(card.node)
        self._book.register(card, sid)
        self._timers.arm(card.node, None)
        if older is not None:
            self._sockets.disconnect(older, NAMESPACE, for_good=True)

    async def _taken_up(self, card: Register, held: HeldRoom) -> bool:
        """Bring a reported room in line with what we know, or take it up; False if the node has to close it."""
        room = RoomId(held.room)
        if self._book.is_closing(room):
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
        node = self._book.of_socket(sid)
        if node is None:
            raise Malformed("not registered")
        try:
            known = await self._keeper.get(room)
        except UnknownRoom:
            known = None
        if known is None or known.node != node.name:
            await self._close_room(sid, room, "no such room")
            return None
        return room

    async def _on_load(self, sid: str, data: object) -> dict[str, Any]:
        self._book.reported(sid, _typed(data, Load))
        return {}


def _typed(data: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise Malformed(str(error)) from None
