"""A room found at a node that we do not know: we have restarted, and take it up again.  No I/O."""

from __future__ import annotations

import hmac

import msgspec

from ..qss.frames import Server
from ..qss.identifiers import Instant, PeerId, RoomId, UserId
from ..qss.membership import found
from ..qss.room import Member, Peer, Room
from ..tokens import RoomTokens
from .contract import HeldGrant, HeldRoom, RoomRecord


def record_of(room: Room) -> RoomRecord:
    """What the node keeps for us."""
    return RoomRecord(
        id=room.id,
        number=room.number,
        timestamp=room.created_ms,
        record=room.record,
        participants_limit=room.participants_limit,
        bitrate=room.bitrate,
        key=room.key,
    )


def adopted(held: HeldRoom, *, node: str, server: Server, tokens: RoomTokens, keep_until: Instant) -> Room | None:
    """The room as far as its node can tell: who is connected is a member, who is not may be invited again.

    None if the record is not ours, or a grant does not come from our secret (then its token could not be given out
    again).
    """
    try:
        record = msgspec.convert(held.record, RoomRecord)
    except msgspec.ValidationError:
        return None
    room = RoomId(held.room)
    if not all(_is_ours(tokens, room, record.key, grant) for grant in held.grants):
        return None
    grants = sorted(held.grants, key=lambda grant: grant.serial)
    admitted = {grant.user for grant in grants}
    peers = frozenset(Peer(UserId(p.user), PeerId(p.peer)) for p in held.peers if p.user in admitted)
    connected = {peer.user for peer in peers}
    members = tuple(_member(grant, connected=grant.user in connected) for grant in grants)
    return Room(
        uuid=room,
        id=record.id,
        number=record.number,
        node=node,
        server=server,
        created_ms=record.timestamp,
        record=record.record,
        participants_limit=record.participants_limit,
        bitrate=record.bitrate,
        members=members,
        next_serial=max((g.serial for g in grants), default=0) + 1,
        keep_until=keep_until,
        peers=peers,
        key=record.key,
    )


def _member(grant: HeldGrant, *, connected: bool) -> Member:
    held = not grant.rights.publish and not grant.rights.receive
    return Member(UserId(grant.user), grant.serial, found(connected=connected), held=held)


def _is_ours(tokens: RoomTokens, room: RoomId, key: str, grant: HeldGrant) -> bool:
    if not tokens.knows(key):
        return False
    digest = tokens.digest(room, UserId(grant.user), grant.serial, key)
    return hmac.compare_digest(digest.encode(), grant.digest.encode())
