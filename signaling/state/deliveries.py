"""What a change has to bring to somebody, as plain data: made of effects, kept with the change, carried out once.

rules -> effects -> dispatch -> **deliveries** -> state (one step with the room) -> inbox of the connected process

A delivery holds all that is needed to carry it out, tokens and ICE credentials included, because the process that does
so may not be the one that decided.  A `frame` is a `Sent`: one of `qss/frames.py`, or plain when it has travelled.
"""

from __future__ import annotations

from typing import Any, NewType, assert_never

from msgspec import Struct

from ..qss.effects import Transferred
from ..qss.frames import Wire
from ..qss.history import CallEnded, CallRecord, Entry, StayRecord
from ..qss.identifiers import DeviceRef, RequestId, RoomId, UserId

ProcessId = NewType("ProcessId", str)  # one run of a signaling process: random hex
AskId = NewType("AskId", str)  # one command to a node that somebody waits for


class ToDevice(Struct, frozen=True, tag="device"):
    """One frame to one device; missed if the device is offline."""

    device: DeviceRef
    frame: Any


class ToUsers(Struct, frozen=True, tag="users"):
    """One frame to every online device of these users, but for `skip`."""

    users: tuple[UserId, ...]
    frame: Any
    skip: DeviceRef | None = None


class Result(Struct, frozen=True, tag="result"):
    """The one answer of a request.  It waits for a device that is offline.

    `told` is whether it is sent as a frame as well, beside the acknowledgement of the request.
    """

    device: DeviceRef
    request_id: RequestId
    frame: Any
    told: bool = True


class ToNode(Struct, frozen=True, tag="node"):
    """A command to a node; one that is away is told what it has missed when it registers."""

    node: str
    command: str
    data: Wire
    closes: RoomId | None = None
    """The room that is over with this command; remembered until the node has confirmed it."""


class Ask(Struct, frozen=True, tag="ask"):
    """A command to a node whose outcome `asker` waits for."""

    node: str
    command: str
    data: Wire
    asker: ProcessId
    id: AskId


class Reply(Struct, frozen=True, tag="reply"):
    """The outcome of an `Ask`, to its asker: None, or why the node refuses."""

    asker: ProcessId
    id: AskId
    refusal: str | None = None


class ToRoom(Struct, frozen=True, tag="room"):
    """What happened to one room has to be applied to another: this process does, or whoever buries it."""

    end: Transferred


class SignOut(Struct, frozen=True, tag="sign-out"):
    """Disconnect a user's devices for good: those of one session, or all."""

    user: UserId
    session: str | None
    reason: str


class Replaced(Struct, frozen=True, tag="replaced"):
    """The same device has connected again: its older connection ends."""

    device: DeviceRef
    socket: str
    process: ProcessId


class ToHistory(Struct, frozen=True, tag="history"):
    """An entry for the call history: one of the three."""

    call: CallRecord | None = None
    ended: CallEnded | None = None
    stay: StayRecord | None = None

    @property
    def entry(self) -> Entry:
        """The one that is given."""
        entry = self.call or self.ended or self.stay
        assert entry is not None  # noqa: S101 - `to_history` gives one
        return entry


def to_history(entry: Entry) -> ToHistory:
    """The delivery of an entry."""
    match entry:
        case CallRecord():
            return ToHistory(call=entry)
        case CallEnded():
            return ToHistory(ended=entry)
        case StayRecord():
            return ToHistory(stay=entry)
        case _:
            assert_never(entry)


Delivery = ToDevice | ToUsers | Result | ToNode | Ask | Reply | ToRoom | SignOut | Replaced | ToHistory
