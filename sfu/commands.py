"""What signaling asks of the node: rooms and who may enter them.

signaling -> link -> **commands** -> node

A command that cannot be carried out is answered with the reason.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from msgspec import Meta, Struct

from common.log import FieldLog
from sfu.control.requests import read
from sfu.errors import Refused
from sfu.node import Node
from sfu.room.grants import Grant, Rights

log = FieldLog(__name__)

RoomName = Annotated[str, Meta(min_length=1, max_length=256)]
UserName = Annotated[str, Meta(min_length=1, max_length=256)]
Answer = dict[str, object]


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


class Commands:
    """The handlers."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def handlers(self) -> dict[str, Callable[[object], Awaitable[Answer]]]:
        """Who handles which command; each gives the acknowledgement."""
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
        self._node.open_room(
            request.room,
            record=request.record or {},
            participants_limit=request.participants_limit,
            bitrate=request.bitrate,
        )

    def _grant(self, data: object) -> None:
        request = read(data, GrantUser, what="grant")
        rights = Rights(publish=request.rights.publish, receive=request.rights.receive)
        self._node.grant(request.room, Grant(request.user, request.serial, request.digest, rights))

    def _revoke(self, data: object) -> None:
        request = read(data, Revoke, what="revoke")
        self._node.revoke(request.room, request.user, request.reason)

    def _close_room(self, data: object) -> None:
        request = read(data, CloseRoom, what="close_room")
        self._node.close_room(request.room, request.reason)
