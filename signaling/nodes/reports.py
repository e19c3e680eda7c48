"""What nodes report: what they are and carry, who joined and left, how busy they are, how well media travels.

node -> link -> **reports** -> keeper -> rules

What a node says of a room that we know better becomes a command back to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from common.log import FieldLog

from ..config import SignalingConfig
from ..errors import Malformed, NodeTaken, UnknownRoom
from ..keeper import Keeper
from ..qss import rules
from ..qss.effects import Record, Rights
from ..qss.history import StayRecord
from ..qss.identifiers import Instant, PeerId, RoomId, UserId
from ..qss.room import LOST, Held, Peer
from ..qss.telling import epoch_ms
from ..state import Directory, Rule
from ..tokens import RoomTokens
from . import commands
from .absences import Absences
from .adoption import adopted
from .connections import Connections
from .contract import HeldRoom, Load, NodeAuth, PeerEvent, RatedRoom, Ratings, Register, StayQuality
from .rescue import Rescue

T = TypeVar("T")

log = FieldLog(__name__)


@dataclass(slots=True)
class Reporter:
    """A connection of a node that has shown the secret, and the rooms that it has named while it registers."""

    socket: str
    auth: NodeAuth
    named: set[RoomId] = field(default_factory=set)

    @property
    def node(self) -> str:
        """The node's name."""
        return self.auth.node


Handler = Callable[[Reporter, object], Awaitable[dict[str, Any]]]


class Reports:
    """The handlers."""

    def __init__(
        self,
        *,
        config: SignalingConfig,
        tokens: RoomTokens,
        directory: Directory,
        keeper: Keeper,
        connections: Connections,
        absences: Absences,
        rescue: Rescue,
    ) -> None:
        # Given to us.
        self._config = config
        self._tokens = tokens
        self._directory = directory
        self._keeper = keeper
        self._connections = connections
        self._absences = absences
        self._rescue = rescue

    def handlers(self) -> dict[str, Handler]:
        """Who handles which event; each gives the acknowledgement, or raises SignalingError."""
        return {
            "register": self._registered,
            "joined": self._joined,
            "left": self._left,
            "load": self._load,
            "quality": self._rated,
        }

    async def _registered(self, by: Reporter, data: object) -> dict[str, Any]:
        card = _typed(data, Register)
        if (card.node, card.instance) != (by.auth.node, by.auth.instance):
            raise Malformed("node and instance differ from those at connect")
        await self._take_in(card, by)
        close = [held.room for held in card.rooms if not await self._taken_up(card, held)]
        by.named.update(RoomId(held.room) for held in card.rooms)
        if not card.more:
            named, by.named = by.named, set()
            lacking = [room for room in await self._keeper.on(card.node) if room not in named]
            opening = await self._directory.opening() if lacking else frozenset()
            self._rescue.begin(card.node, [room for room in lacking if room not in opening])
            log.info("node_registered", node=card.node, rooms=len(named), lacking=len(lacking), closed=len(close))
        for room in close:
            await self._directory.closed(RoomId(room))
        return {"close": close, "node": card.node}

    async def _take_in(self, card: Register, by: Reporter) -> None:
        """Note the node, over this connection from now on; an older one of the same process is cut.

        Another process under this name is refused while the first is connected: two that displaced each other would
        each lose the rooms of the other, for ever.
        """
        if not await self._directory.register(card, by.socket):
            log.warning("node_name_taken", node=card.node, instance=card.instance)
            raise NodeTaken(card.node)
        self._absences.ended(card.node)
        self._connections.came(card.node, by.socket)

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
            return room in await self._directory.opening()  # it is about to move here
        view, now = _view(card, held), self._keeper.now()
        await self._keeper.change(room, lambda r: rules.reconciled(r, view, keep_until, now))
        return True

    async def _joined(self, by: Reporter, data: object) -> dict[str, Any]:
        report = _typed(data, PeerEvent)
        user, peer, now = UserId(report.user), PeerId(report.peer), self._keeper.now()
        if room := await self._own_room(by, report):
            await self._keeper.change(room, lambda r: rules.joined(r, user, peer, now))
        return {}

    async def _left(self, by: Reporter, data: object) -> dict[str, Any]:
        report = _typed(data, PeerEvent)
        user, peer, now = UserId(report.user), PeerId(report.peer), self._keeper.now()
        keep = self._config.lost_keep_s if report.reason == LOST else self._config.room_keep_s
        keep_until = Instant(now + keep)
        room = await self._own_room(by, report)
        if report.quality is not None:  # whatever has become of the room: most are over by then
            await self._keeper.post(Record(_stay(report, report.quality, now)))
        if room is not None:
            await self._keeper.change(room, lambda r: rules.left(r, user, peer, report.reason, keep_until, now))
        return {}

    async def _own_room(self, by: Reporter, report: PeerEvent) -> RoomId | None:
        """The reported room if it lives on the reporting node; one that does not is closed there."""
        room = RoomId(report.room)
        if not self._is_registered(by):
            raise Malformed("not registered")
        try:
            known = await self._keeper.get(room)
        except UnknownRoom:
            known = None
        if known is None or known.node != by.node:
            self._connections.close_room(by.socket, room, commands.close_room(room, "no such room"))
            return None
        return room

    async def _load(self, by: Reporter, data: object) -> dict[str, Any]:
        load = _typed(data, Load)
        if self._is_registered(by):
            await self._directory.reported(by.node, load)
        return {}

    async def _rated(self, by: Reporter, data: object) -> dict[str, Any]:
        told = _typed(data, Ratings)
        for each in told.rooms if self._is_registered(by) else ():
            with suppress(UnknownRoom):
                if (await self._keeper.get(RoomId(each.room))).node == by.node:
                    await self._keeper.change(RoomId(each.room), _rating(each))
        return {}

    def _is_registered(self, by: Reporter) -> bool:
        return self._connections.of(by.node) == by.socket


def _view(card: Register, held: HeldRoom) -> Held:
    """A reported room in the words of the rules."""
    return Held(
        server=card.server,
        grants=frozenset(
            (UserId(grant.user), grant.serial, Rights(grant.rights.publish, grant.rights.receive))
            for grant in held.grants
        ),
        peers=frozenset(Peer(UserId(peer.user), PeerId(peer.peer)) for peer in held.peers),
    )


def _rating(told: RatedRoom) -> Rule:
    ratings = {UserId(user): grade for user, grade in told.participants.items()}
    figures = {UserId(user): measured for user, measured in told.figures.items()}
    return lambda room: rules.rated(room, ratings, figures)


def _stay(report: PeerEvent, quality: StayQuality, now: Instant) -> StayRecord:
    here_s = max(quality.seconds, quality.connected_seconds or 0.0)
    return StayRecord(
        room=report.room,
        user=report.user,
        peer=report.peer,
        began_ms=epoch_ms(Instant(now - here_s)),
        ended_ms=epoch_ms(now),
        lasted_ms=max(1, round(1000 * quality.seconds)),
        score=quality.score,
        worst=quality.worst,
        audio_score=quality.audio_score,
        video_score=quality.video_score,
    )


def _typed(data: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise Malformed(str(error)) from None
