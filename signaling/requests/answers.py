"""Answers to what rings, and cancels: `{answer: ...}` and `{cancel: ...}` from devices.  Each may come twice."""

from __future__ import annotations

from typing import Literal

from ..qss import frames
from ..qss import rules as rooms
from ..qss.devices import Device
from ..qss.frames import Outgoing
from ..qss.identifiers import RequestId
from ..state.keys import ByRequest, ByRing
from .parts import Parts


async def answer(parts: Parts, device: Device, frame: frames.InvitationAnswer) -> Outgoing | None:
    """Accept or decline.  An accept that comes too late is told so, whatever it crossed."""
    ring_id = RequestId(frame.request_id)
    if await _answered(parts, device, ring_id, frame.error) or frame.error is not None:
        return None
    late = frames.CancelInvitation(error=487, request_id=ring_id, to=device.user, from_=frame.from_)
    await parts.send(device.ref, late)
    return late


async def decline_request(parts: Parts, device: Device, frame: frames.InviteRequestAnswer) -> Outgoing | None:
    """Decline to invite somebody who asked."""
    await _answered(parts, device, RequestId(frame.request_id), frame.error)
    return None


async def cancel(parts: Parts, device: Device, frame: frames.InvitationCancel) -> Outgoing | None:
    """Take back what is open; a cancel too late is told so."""
    request_id = RequestId(frame.request_id)
    for room in await parts.state.rooms.find(ByRequest(device.ref, request_id)):
        now = parts.keeper.now()
        change = await parts.keeper.change(room, lambda r, n=now: rooms.cancel(r, device.ref, request_id, n))  # type: ignore[misc]
        if not change.refused:
            return None
    return frames.RefusedCancel(cancel=NAMES[type(frame)], request_id=request_id)


NAMES: dict[type[frames.InvitationCancel], Literal["invitation", "inviteRequest", "blindTransfer"]] = {
    frames.InvitationCancel: "invitation",
    frames.InviteRequestCancel: "inviteRequest",
    frames.BlindTransferCancel: "blindTransfer",
}


async def _answered(parts: Parts, device: Device, ring_id: RequestId, error: int | None) -> bool:
    for room in await parts.state.rooms.find(ByRing(ring_id)):
        now, keep_until = parts.keeper.now(), parts.joined_until()
        change = await parts.keeper.change(
            room,
            lambda r, k=keep_until, n=now: rooms.answer(r, ring_id, device.ref, error, k, n),  # type: ignore[misc]
        )
        if not change.refused:
            return True
    return False
