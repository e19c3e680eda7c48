"""How a room ends: destroyed by somebody or with its node, or by the passing of time.

requests, keeper -> **ending** -> inviting, transferring, departing
"""

from __future__ import annotations

from .departing import over, settled
from .identifiers import DeviceRef, Instant
from .invitations import Expire, Withdraw
from .inviting import cancel_all, each
from .room import DESTROYED, Change, Room
from .transferring import given_up


def destroy(room: Room, reason: str, now: Instant) -> Change:
    """The room ends, whatever is going on in it: its node is lost, or never took it."""
    change = each(room, room.invitations, lambda _: Withdraw(), now)
    return change.then(lambda r: over(r, reason, now))


def demolish(room: Room, device: DeviceRef, now: Instant) -> Change:
    """A participant ends the room for everybody (`destroyRoom`); raises NotInAcl."""
    room.attending(device.user)
    change = Change(room)
    for inviter in dict.fromkeys(invitation.inviter.user for invitation in room.invitations):
        change = cancel_all(change, inviter, now, own=device)
    return change.then(lambda r: over(r, DESTROYED, now))


def on_time(room: Room, now: Instant) -> Change:
    """What the passing of time alone does: invitations and transfers expire, an empty room ends."""
    change = each(room, [i for i in room.invitations if i.expires_at <= now], lambda _: Expire(), now)
    for transfer in room.transfers:
        if transfer.expires_at <= now:
            change = change.then(lambda r, t=transfer: given_up(r, t.user, now))  # type: ignore[misc]
    return settled(change, now)
