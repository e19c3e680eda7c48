"""Turns what the rules decided into deliveries: frames and commands as they go over the wire.

rules -> effects -> **dispatch** -> deliveries -> state

Here, and not when a delivery is carried out, tokens and ICE credentials are put in: the process that carries it out
may not be this one.  Apart from the time in TURN credentials it is a function of its arguments.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import assert_never

from .ice import IceServers
from .nodes import commands
from .qss import replies
from .qss.effects import CloseRoom, Conclude, Grant, Record, Redirect, Revoke, Ring, Send, Tell, Transferred
from .qss.events import RoomMoved, event
from .qss.frames import Ringing, RingingRequest
from .qss.identifiers import RequestId, UserId
from .qss.room import Change, Room
from .state.deliveries import Delivery, Result, ToDevice, ToNode, ToRoom, ToUsers, to_history
from .tokens import RoomTokens

NotRing = Send | Tell | Redirect | Conclude | Grant | Revoke | CloseRoom | Record | Transferred


class Dispatch:
    """Knows the secrets that frames are made with."""

    def __init__(self, tokens: RoomTokens, ice: IceServers) -> None:
        self._tokens = tokens
        self._ice = ice

    def __call__(self, change: Change) -> tuple[Delivery, ...]:
        """The deliveries of a change, in the order of its effects."""
        return tuple(self._deliveries(change))

    def _deliveries(self, change: Change) -> Iterable[Delivery]:
        rings: dict[tuple[RequestId, UserId], Ringing | RingingRequest] = {}  # all devices of a user get one frame
        for effect in change.effects:
            if isinstance(effect, Ring):
                rung = (effect.invitation.ring_id, effect.device.user)
                if rung not in rings:
                    rings[rung] = self._ring(effect)
                yield ToDevice(effect.device, rings[rung])
            else:
                yield self._delivery(change, effect)

    def _delivery(self, change: Change, effect: NotRing) -> Delivery:
        match effect:
            case Send(to, frame):
                return ToDevice(to, frame)
            case Tell(users, told, skip):
                return ToUsers(users, told, skip)
            case Redirect(room, user):
                moved = RoomMoved(room_id=room.uuid, server=room.server, token=self._token(room, user))
                return ToUsers((user,), event(moved))
            case Conclude(inviter, request_id, result, told):
                return Result(inviter, request_id, result, told)
            case Grant(node, _, user, serial, rights):
                assert change.room is not None  # noqa: S101 - nobody is admitted to a room that is over
                data = commands.grant(self._tokens, change.room, user, serial, rights)
                return ToNode(node, commands.GRANT, data)
            case Revoke(node, room, user, reason):
                return ToNode(node, commands.REVOKE, commands.revoke(room, user, reason))
            case CloseRoom(node, room, reason, remembered):
                closes = room if remembered else None
                return ToNode(node, commands.CLOSE_ROOM, commands.close_room(room, reason), closes=closes)
            case Record(call):
                return to_history(call)
            case Transferred():
                return ToRoom(effect)
            case _:
                assert_never(effect)

    def _ring(self, effect: Ring) -> Ringing | RingingRequest:
        room, user = effect.room, effect.device.user
        ice = self._ice.for_user(user, time.time())
        return replies.ring(room, effect.invitation, user, self._token(room, user), ice)

    def _token(self, room: Room, user: UserId) -> str:
        return self._tokens.token(room.uuid, user, room.member(user).serial, room.key)
