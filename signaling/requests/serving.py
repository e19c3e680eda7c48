"""Every frame of a device: who serves it, and that each request has one answer, however often it comes.

gateway -> **serving** -> the handlers

Every request has one answer, sent as a frame and given to the gateway for the acknowledgement.  An invitation's answer
comes when somebody ends it, so `serve` gives a future; the device's next frame need not wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, cast, get_args

from common.log import FieldLog

from ..errors import NobodyReachable, ServerFault, SignalingError, StateAway
from ..open_requests import Key, OpenRequests
from ..qss import frames
from ..qss.devices import Device
from ..qss.frames import Outgoing, Sent
from ..qss.identifiers import DeviceRef, RequestId, UserId
from ..timers import Timers
from . import acl, answers, asking, calls, media, rooms, transfers
from .parts import Parts

Handler = Callable[[Parts, Device, Any], Awaitable[Outgoing | None]]
Asked = frames.Asking | frames.WacClose

# What a device asks for -> who serves it.  None as its answer: that comes later, by the rules.
REQUESTS: Final[dict[type[Asked], Handler]] = {
    frames.CreateRoom: rooms.create_room,
    frames.JoinRoom: rooms.join_room,
    frames.GetRooms: rooms.get_rooms,
    frames.LeaveRoom: rooms.leave_room,
    frames.DestroyRoom: rooms.destroy_room,
    frames.AddToAcl: acl.add_to_acl,
    frames.RemoveFromAcl: acl.remove_from_acl,
    frames.LockRoom: acl.lock_room,
    frames.UnlockRoom: acl.unlock_room,
    frames.Hold: media.hold,
    frames.Unhold: media.unhold,
    frames.Mute: media.mute,
    frames.MuteChange: media.mute_change,
    frames.Invite: calls.invite,
    frames.CurrentInvitations: calls.current_invitations,
    frames.WacClose: calls.close_calls,
    frames.InviteRequest: asking.invite_request,
    frames.BlindTransfer: transfers.blind_transfer,
    frames.AttendedTransfer: transfers.attended_transfer,
}
# What a device says about a request -> who hears it.  None: there is nothing to say to it.
REPLIES: Final[dict[type[frames.Replying], Handler]] = {
    frames.InvitationAnswer: answers.answer,
    frames.InviteRequestAnswer: answers.decline_request,
    frames.InvitationCancel: answers.cancel,
    frames.InviteRequestCancel: answers.cancel,
    frames.BlindTransferCancel: answers.cancel,
}

log = FieldLog(__name__)


class Requests:
    """What devices may ask for."""

    def __init__(self, parts: Parts, open_requests: OpenRequests) -> None:
        # Given to us.
        self._parts = parts
        self._open = open_requests
        # Ours: the 404s that wait for their time.
        self._unreachable: dict[Key, Outgoing] = {}
        self._timers = Timers(self._on_unreachable, parts.keeper.now)

    async def hasten(self) -> None:
        """Give the answers that wait for their time now: this process stops."""
        for key in list(self._unreachable):
            self._timers.arm(key, None)
            await self._on_unreachable(key)

    async def end_calls(self, device: Device) -> None:
        """End the device's unanswered invitations as if their time were over: this process stops, and they with it."""
        await calls.end_calls(self._parts, device)

    async def close(self) -> None:
        """Nobody is answered any more."""
        await self._timers.close()
        self._open.close()

    async def serve(self, device: Device, frame: frames.Incoming) -> asyncio.Future[Sent] | Outgoing | None:
        """Serve one frame: gives its answer, or the future of it, or None where none is due."""
        if isinstance(frame, get_args(Asked)):
            return await self._once(device, cast("Asked", frame))
        return await REPLIES[type(cast("frames.Replying", frame))](self._parts, device, frame)

    async def send(self, device: DeviceRef, frame: Outgoing) -> None:
        """Send a frame to a device, after all that was decided before."""
        await self._parts.send(device, frame)

    async def _once(self, device: Device, frame: Asked) -> asyncio.Future[Sent]:
        name = frame.id if isinstance(frame, frames.WacClose) else frame.request_id
        key = (device.ref, RequestId(name))
        begun = await self._open.begin(key, lambda: refusal(frame, device.user, StateAway()))
        if begun.first:
            await self._begin(device, key, frame)
        elif begun.answer.done():
            await self._parts.send(device.ref, begun.answer.result())
        return begun.answer

    async def _begin(self, device: Device, key: Key, frame: Asked) -> None:
        due = self._parts.keeper.now() + self._parts.config.unreachable_after_s
        try:
            answer = await REQUESTS[type(frame)](self._parts, device, frame)
        except NobodyReachable as error:
            self._unreachable[key] = refusal(frame, device.user, error)
            self._timers.arm(key, due)
            return
        except SignalingError as error:
            answer = refusal(frame, device.user, error)
        except Exception:
            log.fault("request_failed", frame=type(frame).__name__, user=device.user)
            answer = refusal(frame, device.user, ServerFault())
        if answer is not None:
            await self._finish(key, answer)

    async def _finish(self, key: Key, answer: Outgoing) -> None:
        if not await self._open.conclude(key, answer):
            await self._parts.send(key[0], answer)

    async def _on_unreachable(self, key: Hashable) -> None:
        due = cast("Key", key)
        await self._finish(due, self._unreachable.pop(due))


def refusal(frame: Asked, user: UserId, error: SignalingError) -> Outgoing:
    """A request's answer when it fails, in the envelope that the request came in."""
    code, message = error.code, error.message
    match frame:
        case frames.WacClose():
            return frames.WacResponse(payload=frames.WacResponseBody(id=frame.id, error=code, message=message))
        case frames.Invite() | frames.InviteRequest() | frames.BlindTransfer():
            name = cast("frames.ResultName", frame.name)
            return frames.InvitationResult(
                answer=name, request_id=frame.request_id, from_=user, error=code, message=message
            )
        case _:
            return frames.Answer(answer=frame.name, request_id=frame.request_id, error=code, message=message)
