"""`/sapi/rooms` and `/sapi/nodes`: what lives now, as the short-lived state has it.

Everybody sees the rooms whose ACL has him; administrators, with `all`, those that a user of their domain made or is
in.  Tokens are never told here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, cast

from msgspec import UNSET, UnsetType

from ..nodes.book import Node
from ..qss.figures import Figures, Way
from ..qss.identifiers import RoomId
from ..qss.room import GOOD, Room
from ..state.keys import ByMember, ByNode
from ..store import User
from .operations import Auth, Call, Operation, Operations
from .parts import Parts
from .rights import acts_everywhere, acts_on
from .wire import Cursor, EpochMs, Page, Wire, behind


class RoomPage(Page, frozen=True, kw_only=True):
    """Which rooms."""

    all: bool = False
    """Those of the whole domain, for administrators."""


class PeerView(Wire, frozen=True, kw_only=True):
    """One media connection."""

    user: str
    peer: str


Grade = Literal["good", "fair", "poor", "lost"]


class WayView(Wire, frozen=True, kw_only=True):
    """Media of one direction."""

    kbps: int
    loss: float
    """The share that did not arrive, 0 to 1."""
    jitter_ms: int


class FiguresView(Wire, frozen=True, kw_only=True):
    """How the media of one user travels; null is not known."""

    rtt_ms: int | None
    estimate_kbps: int | None
    """What the path to him is thought to carry."""
    up: WayView
    """What he sends, as it arrives at the node; loss after retransmission."""
    down: WayView
    """What he is sent, as he reports it."""


class RoomView(Wire, frozen=True, kw_only=True):
    """A room that lives."""

    room: str
    id: str
    number: str
    node: str
    created_at: EpochMs
    record: bool
    participants: tuple[str, ...]
    """The users of its ACL, the creator first."""
    peers: tuple[PeerView, ...]
    quality: dict[str, Grade]
    """How well the media of each user travels who is connected, as his node said at most some seconds ago."""
    figures: dict[str, FiguresView]
    """The same in figures, of those whose node has given some; a node with hundreds of calls gives them in turn."""
    invitations: int
    """How many ring now."""


class RoomList(Wire, frozen=True, kw_only=True):
    """Rooms by id; `next` is the `after` of the next page."""

    rooms: tuple[RoomView, ...]
    next: Cursor | UnsetType = UNSET


class NodeView(Wire, frozen=True, kw_only=True):
    """A node and how busy it is."""

    name: str
    present: bool
    peers: int
    rooms: int
    cpu: float
    capacity: int
    """Peers that it can carry."""


class NodeList(Wire, frozen=True, kw_only=True):
    """All nodes, by name."""

    nodes: tuple[NodeView, ...]


class LiveResource:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def operations(self) -> Operations:
        """Their rows."""
        return (
            Operation(
                method="GET",
                path="/sapi/rooms",
                id="listRooms",
                summary="Rooms that live: one's own, or for administrators their domain's.",
                serve=self._rooms,
                query=RoomPage,
                answer=RoomList,
            ),
            Operation(
                method="GET",
                path="/sapi/nodes",
                id="listNodes",
                summary="The nodes that carry the media.",
                serve=self._nodes,
                auth=Auth.ADMIN,
                answer=NodeList,
            ),
        )

    async def _rooms(self, call: Call[None, RoomPage]) -> RoomList:
        page, shown = call.query, []
        async for room in self._visible(call):
            shown.append(_view(room))
            if len(shown) == page.limit:
                break
        return RoomList(rooms=tuple(shown), next=behind(shown, page.limit, lambda room: room.room))

    async def _visible(self, call: Call[None, RoomPage]) -> AsyncIterator[Room]:
        widely = call.query.all and call.user.admin
        ids = await self._everywhere() if widely else await self._parts.state.rooms.find(ByMember(call.user.id))
        of_domain: dict[str, bool] = {}
        for room in sorted(ids):
            if room <= call.query.after or (found := await self._parts.state.rooms.get(room)) is None:
                continue
            if not widely or await self._is_theirs(call.user, found, of_domain):
                yield found

    async def _everywhere(self) -> set[RoomId]:
        return {room for node in await self._parts.nodes() for room in await self._parts.state.rooms.find(_on(node))}

    async def _is_theirs(self, asker: User, room: Room, known: dict[str, bool]) -> bool:
        """Whether anybody in the ACL is of a domain of this administrator."""
        if acts_everywhere(asker):
            return True
        for member in room.members:
            if member.user not in known:
                user = await self._parts.store.users.by_id(member.user)
                known[member.user] = user is not None and acts_on(asker, user.domain)
            if known[member.user]:
                return True
        return False

    async def _nodes(self, _call: Call[None, None]) -> NodeList:
        nodes = sorted(await self._parts.nodes(), key=lambda node: node.name)
        return NodeList(nodes=tuple(map(_node_view, nodes)))


def _on(node: Node) -> ByNode:
    return ByNode(node.name)


def _view(room: Room) -> RoomView:
    here = {peer.user for peer in room.peers}
    rated = {rating.user: rating for rating in room.rated if rating.user in here}
    return RoomView(
        room=room.uuid,
        id=room.id,
        number=room.number,
        node=room.node,
        created_at=room.created_ms,
        record=room.record,
        participants=tuple(member.user for member in room.members),
        peers=tuple(PeerView(user=peer.user, peer=peer.peer) for peer in sorted(room.peers)),
        quality={user: cast("Grade", rated[user].quality if user in rated else GOOD) for user in sorted(here)},
        figures={user: _figures(rating.figures) for user, rating in rated.items() if rating.figures is not None},
        invitations=len(room.invitations),
    )


def _figures(figures: Figures) -> FiguresView:
    return FiguresView(
        rtt_ms=figures.rtt_ms,
        estimate_kbps=figures.estimate_kbps,
        up=_way(figures.up),
        down=_way(figures.down),
    )


def _way(way: Way) -> WayView:
    return WayView(kbps=way.kbps, loss=way.loss, jitter_ms=way.jitter_ms)


def _node_view(node: Node) -> NodeView:
    load = node.load
    return NodeView(
        name=node.name,
        present=node.socket is not None,
        peers=load.peers,
        rooms=load.rooms,
        cpu=load.cpu,
        capacity=node.card.capacity.peers,
    )
