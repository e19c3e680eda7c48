"""A fresh room in the state, and how many one user may have."""

from __future__ import annotations

import time

from ..errors import NoNode, TooFast
from ..qss.frames import CreateRoomOptions, Server
from ..qss.identifiers import Instant, UserId, new_number, new_room_id, new_short_id
from ..qss.membership import Standing
from ..qss.room import Member, Room
from ..state.keys import ByMember
from .parts import Parts

ROOMS_PER_USER = 100  # live rooms that a user has created (and is in); a person has one or two
NUMBERS_TRIED = 20  # 8 digits: with a million rooms one in a hundred is taken


async def add_room(
    parts: Parts, user: UserId, options: CreateRoomOptions, node: str, server: Server, keep_until: Instant
) -> Room:
    """Keep a new room of a user's under a free number; raises NoNode where none was found."""
    for _ in range(NUMBERS_TRIED):
        room = Room(
            uuid=new_room_id(),
            id=new_short_id(),
            number=new_number(),
            node=node,
            server=server,
            created_ms=time.time_ns() // 1_000_000,
            record=options.record,
            participants_limit=options.participants_limit,
            bitrate=options.bitrate,
            members=(Member(user, 1, Standing.MEMBER),),
            next_serial=2,
            keep_until=keep_until,
            key=parts.tokens.newest,
        )
        if await parts.keeper.add(room):
            return room
    raise NoNode("no room number is free")


async def check_not_too_many(parts: Parts, user: UserId) -> None:
    """Raises TooFast for a user who has created too many rooms already."""
    if sum(room.participants[0] == user for room in await rooms_of(parts, user)) >= ROOMS_PER_USER:
        raise TooFast(f"{ROOMS_PER_USER} rooms of yours are open already")


async def rooms_of(parts: Parts, user: UserId) -> list[Room]:
    """The rooms whose ACL has a user."""
    found = [await parts.state.rooms.get(room) for room in await parts.state.rooms.find(ByMember(user))]
    return [room for room in found if room is not None and room.has(user)]
