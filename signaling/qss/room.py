"""One room as a frozen value: who is admitted, whose media is connected, what is open in it.

state -> **room** -> rules (a `Change`: the room that follows, and effects) -> state

The rules stand beside this, one file a noun; `rules.py` lists them.  Each takes a Room (and the time) and gives a
`Change`.  The state applies a rule to a room as one step, so that of two devices that accept at once exactly one finds
the invitation ringing.

A room lives while somebody's media is connected, an invitation or a transfer is open, or until `keep_until`.  A room
without a node is a *lobby*: nobody's media ever meets there; in it somebody waits to be invited by somebody else.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from ..errors import NotInAcl
from .effects import Effect, Rights
from .figures import Figures
from .frames import Server
from .identifiers import DeviceId, Instant, PeerId, RequestId, RoomId, UserId
from .invitations import Invitation
from .membership import Standing
from .transfers import Transfer

GOOD = "good"  # the node's word for media that travels well
LOST = "connection lost"  # the node's word for a participant who may come back
MEDIA_SERVER_LOST = "media server lost"
EMPTY = "empty"
DESTROYED = "destroyed"


class Member(Struct, frozen=True):
    """A user in the ACL.  `serial` tells his grants apart: each makes another token."""

    user: UserId
    serial: int
    standing: Standing
    answered: tuple[RequestId, DeviceId] | None = None
    """The invitation he accepted and on which device, so that the accept may be repeated."""
    held: bool = False
    """He neither sends nor receives, and keeps his place."""

    @property
    def rights(self) -> Rights:
        """What the node lets him do."""
        return Rights(publish=not self.held, receive=not self.held)


class Peer(Struct, frozen=True, order=True):
    """One media connection of a user."""

    user: UserId
    peer: PeerId


class Rating(Struct, frozen=True, order=True):
    """How well a user's media travels, in the node's words, and in figures where it gave some."""

    user: UserId
    quality: str
    figures: Figures | None = None


class Room(Struct, frozen=True, kw_only=True):
    """Where media meets; the ACL in the order of admission, the creator first."""

    uuid: RoomId
    id: str
    number: str
    node: str
    server: Server
    created_ms: int
    record: bool
    participants_limit: int
    bitrate: int
    members: tuple[Member, ...]
    next_serial: int
    keep_until: Instant
    peers: frozenset[Peer] = frozenset()
    rated: tuple[Rating, ...] = ()
    """How media travels now; that of the others travels well."""
    invitations: tuple[Invitation, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    """Participants of other rooms who are moving here."""
    locked: bool = False
    """Nobody new is admitted."""
    key: str = ""
    """Which of the server's secrets its tokens are made with; empty means the newest."""

    def member(self, user: UserId) -> Member:
        """The user's entry in the ACL; raises NotInAcl."""
        for member in self.members:
            if member.user == user:
                return member
        raise NotInAcl

    def attending(self, user: UserId) -> Member:
        """The user's entry, if he is more than rung; raises NotInAcl."""
        member = self.member(user)
        if member.standing is Standing.INVITED:
            raise NotInAcl
        return member

    def has(self, user: UserId) -> bool:
        """Whether the ACL has the user."""
        return any(member.user == user for member in self.members)

    def standing(self, user: UserId) -> Standing:
        """How the user stands in the ACL."""
        return next((member.standing for member in self.members if member.user == user), Standing.ABSENT)

    @property
    def participants(self) -> tuple[UserId, ...]:
        """The ACL's users."""
        return tuple(member.user for member in self.members)

    @property
    def present(self) -> tuple[UserId, ...]:
        """Whom events of the room are told: the ACL without those who are only being rung."""
        return tuple(member.user for member in self.members if member.standing is not Standing.INVITED)

    @property
    def held(self) -> tuple[UserId, ...]:
        """Who is on hold."""
        return tuple(member.user for member in self.members if member.held)

    @property
    def is_lobby(self) -> bool:
        """Whether this is no place for media."""
        return not self.node

    @property
    def sip_uri(self) -> str:
        """The room as a SIP address: 888 and its number at its node's mixer."""
        return f"sip:888{self.number}@audiomixer-{self.node}:5080"

    def deadline(self) -> Instant | None:
        """When `on_time` has something to do."""
        open_until = [invitation.expires_at for invitation in self.invitations]
        open_until += [transfer.expires_at for transfer in self.transfers]
        if open_until:
            return min(open_until)
        return None if self.peers else self.keep_until

    def invitation(self, wanted: Callable[[Invitation], bool]) -> Invitation | None:
        """The first open invitation that is wanted."""
        return next(filter(wanted, self.invitations), None)

    def peers_of(self, user: UserId) -> tuple[Peer, ...]:
        """The user's media connections."""
        return tuple(sorted(peer for peer in self.peers if peer.user == user))


class Held(Struct, frozen=True):
    """A room as its node reports it."""

    server: Server
    grants: frozenset[tuple[UserId, int, Rights]]
    peers: frozenset[Peer]


class Change(Struct, frozen=True):
    """What a rule decided.  `room` is None when it is over; `refused` when nothing was open to be changed."""

    room: Room | None
    effects: tuple[Effect, ...] = ()
    refused: bool = False

    def then(self, rule: Callable[[Room], Change]) -> Change:
        """One more rule, whose effects follow; none once the room is over."""
        if self.room is None:
            return self
        following = rule(self.room)
        return Change(following.room, self.effects + following.effects)
