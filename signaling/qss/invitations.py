"""One invitation: who rings, who may end it, and how it ended.

An invitation is offered to one user, or to the members of a group, and rings on every device of each (each device a
*candidate*).  It is over once, by whoever comes first; what comes later finds no row in the table and is refused, so
that all sides agree on how it ended.  A cancel that crosses an accept finds the invitation ACCEPTED and changes
nothing; an accept that crosses a cancel, or another device's accept, is told 487.

    PREPARING ── Granted ──▶ RINGING ── Accept ─────────────▶ ACCEPTED    one device won
        │                      │ ╲───── Decline (the last) ─▶ DECLINED    nobody is left to ring
        │                      ├─────── Cancel ─────────────▶ CANCELLED   the inviter took it back
        │                      ├─────── Expire ─────────────▶ MISSED      nobody answered in time
        ├── the same three ────┼─────── Withdraw ───────────▶ LOST        the room went away under it
        │                      ├─────── Refuse (the last) ──▶ DECLINED    a user said no for all his devices
        │                      └─────── Remove (the last) ──▶ CANCELLED   a user was taken out of the ACL
        └── Fail ───────────────────────────────────────────▶ FAILED      the node took no grant, or nobody to ring

PREPARING lasts while the node has not acknowledged the invited users' grants: nothing rings before it can be answered.
A user is out of it when no device of his is left to ring; the invitation is over with its last user.  A device that
disconnects stops being a candidate (after `ring_keep_s`) without a verdict: a page that is reloading rings again when
it is back, so an invitation that nobody rings for stays open to its end.

Two more things are asked in the same way, and are invitations of another `kind`: to invite the asker (`inviteRequest`),
and to take the inviter's place (`blindTransfer`).
"""

from __future__ import annotations

import enum
from typing import Any, Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from .frames import MediaTypes
from .identifiers import DeviceRef, Instant, RequestId, UserId

DECLINED_CODE = 603  # a person said no
BUSY_CODE = 486  # a device said busy
ENDED_CODE = 487  # cancelled, or answered elsewhere
NEVER = Instant(float("inf"))


class Kind(enum.Enum):
    """What is asked of the invited user; the value is the request's name."""

    INVITATION = "invitation"
    INVITE_REQUEST = "inviteRequest"
    BLIND_TRANSFER = "blindTransfer"


class State(enum.Enum):
    """Where an invitation stands."""

    PREPARING = "preparing"
    RINGING = "ringing"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    MISSED = "missed"
    FAILED = "failed"
    LOST = "lost"


OPEN: Final = frozenset({State.PREPARING, State.RINGING})


class Granted(Struct, frozen=True):
    """The node has acknowledged the grants; these devices are online."""

    devices: tuple[DeviceRef, ...]


class Fail(Struct, frozen=True):
    """There is nothing to ring with (503), or nobody to ring (404)."""

    code: int


class DeviceCame(Struct, frozen=True):
    """A device of an invited user has connected."""

    device: DeviceRef


class DeviceGone(Struct, frozen=True):
    """A device has disconnected; it stays a candidate until then."""

    device: DeviceRef
    kept_until: Instant


class Accept(Struct, frozen=True):
    """A device answers without error."""

    device: DeviceRef


class Decline(Struct, frozen=True):
    """A device answers with an error."""

    device: DeviceRef
    code: int


class Cancel(Struct, frozen=True):
    """The inviter takes it back."""


class Expire(Struct, frozen=True):
    """Its time is over, or the inviter declared it so (`close`)."""


class Withdraw(Struct, frozen=True):
    """The room went away."""


class Refuse(Struct, frozen=True):
    """An invited user says no for all his devices at once (he left the room while it rang)."""

    user: UserId


class Remove(Struct, frozen=True):
    """An invited user is taken out of the ACL by somebody else."""

    user: UserId


Happening = (
    Granted | Fail | DeviceCame | DeviceGone | Accept | Decline | Cancel | Expire | Withdraw | Refuse | Remove
)  # fmt: skip

# (state, what happens) -> the state that follows.  No row: refused, nothing changes.  Decline, Refuse and Remove lead
# there only with the last user; before, the state stays.
TRANSITIONS: Final[dict[tuple[State, type[Happening]], State]] = {
    (State.PREPARING, Granted): State.RINGING,
    (State.PREPARING, Fail): State.FAILED,
    (State.PREPARING, Cancel): State.CANCELLED,
    (State.PREPARING, Expire): State.MISSED,
    (State.PREPARING, Withdraw): State.LOST,
    (State.PREPARING, Refuse): State.DECLINED,
    (State.PREPARING, Remove): State.CANCELLED,
    (State.RINGING, DeviceCame): State.RINGING,
    (State.RINGING, DeviceGone): State.RINGING,
    (State.RINGING, Accept): State.ACCEPTED,
    (State.RINGING, Decline): State.DECLINED,
    (State.RINGING, Cancel): State.CANCELLED,
    (State.RINGING, Expire): State.MISSED,
    (State.RINGING, Withdraw): State.LOST,
    (State.RINGING, Refuse): State.DECLINED,
    (State.RINGING, Remove): State.CANCELLED,
}


class Candidate(Struct, frozen=True):
    """One device of an invited user.  What it said is final; a disconnection is not."""

    device: DeviceRef
    declined: int | None = None
    """The code it declined with, or with which its user went out."""
    kept_until: Instant = NEVER

    def rings(self, now: Instant) -> bool:
        """Whether this device may still answer: it has not declined, and is here or still waited for."""
        return self.declined is None and now < self.kept_until


class Invitation(Struct, frozen=True, kw_only=True):
    """An open request to join a room, or how it ended."""

    ring_id: RequestId
    """Ours: the one requestID that all candidates are rung with."""
    request_id: RequestId
    """The inviter's."""
    inviter: DeviceRef
    to: str
    """The user or the group that is called."""
    asked: tuple[UserId, ...]
    """Whom that meant."""
    invitees: tuple[UserId, ...]
    """Those of them who may still accept."""
    mediatypes: MediaTypes
    context: dict[str, Any]
    created_at: Instant
    expires_at: Instant
    kind: Kind = Kind.INVITATION
    in_reply_to: RequestId | None = None
    """The `inviteRequest` of the invited user that this answers."""
    state: State = State.PREPARING
    candidates: tuple[Candidate, ...] = ()
    winner: DeviceRef | None = None
    failure: int | None = None

    @property
    def is_open(self) -> bool:
        """Nothing has ended it."""
        return self.state in OPEN

    @property
    def is_group(self) -> bool:
        """Whether a group was called."""
        return self.to not in self.asked

    def ringing(self, now: Instant) -> tuple[DeviceRef, ...]:
        """The devices that ring."""
        if self.state is not State.RINGING:
            return ()
        return tuple(c.device for c in self.candidates if c.rings(now))

    @property
    def refusal(self) -> int:
        """The code of a declined invitation: 486 only if no device said anything else."""
        codes = {c.declined for c in self.candidates if c.declined not in (None, ENDED_CODE)}
        return BUSY_CODE if codes == {BUSY_CODE} else DECLINED_CODE

    def after(self, happening: Happening, now: Instant) -> Invitation | None:
        """The invitation after `happening`, or None where the table or the candidates refuse it."""
        following = TRANSITIONS.get((self.state, type(happening)))
        if following is None:
            return None
        match happening:
            case Granted(devices):
                return self._granted(devices, following)
            case DeviceCame(device):
                return self._with_device(device)
            case DeviceGone(device, kept_until):
                return self._without_device(device, kept_until, now)
            case Accept(device):
                return replace(self, state=following, winner=device) if device in self.ringing(now) else None
            case Decline(device, code):
                return self._declined(device, code, following, now)
            case Refuse(user):
                return self._without_user(user, DECLINED_CODE, following, now)
            case Remove(user):
                return self._without_user(user, ENDED_CODE, following, now)
            case Fail(code):
                return replace(self, state=following, failure=code)
            case Cancel() | Expire() | Withdraw():
                return replace(self, state=following)
            case _:
                assert_never(happening)

    def _granted(self, devices: tuple[DeviceRef, ...], following: State) -> Invitation:
        candidates = tuple(Candidate(device) for device in devices if device.user in self.invitees)
        reached = {candidate.device.user for candidate in candidates}
        invitees = tuple(user for user in self.invitees if user in reached)
        return replace(self, state=following, candidates=candidates, invitees=invitees)

    def _with_device(self, device: DeviceRef) -> Invitation | None:
        # A device that rings already may come again: its new connection is rung too.
        declined = any(c.device == device and c.declined is not None for c in self.candidates)
        if declined or device.user not in self.invitees:
            return None
        return self._replacing(Candidate(device))

    def _without_device(self, device: DeviceRef, kept_until: Instant, now: Instant) -> Invitation | None:
        if device not in self.ringing(now):
            return None
        return self._replacing(Candidate(device, kept_until=kept_until))

    def _declined(self, device: DeviceRef, code: int, following: State, now: Instant) -> Invitation | None:
        if device not in self.ringing(now):
            return None
        changed = self._replacing(Candidate(device, declined=code))
        if any(other.user == device.user for other in changed.ringing(now)):
            return changed
        return _out(changed, device.user, following)

    def _without_user(self, user: UserId, code: int, following: State, now: Instant) -> Invitation | None:
        if user not in self.invitees:
            return None
        candidates = tuple(
            replace(c, declined=code) if c.device.user == user and c.rings(now) else c for c in self.candidates
        )
        return _out(replace(self, candidates=candidates), user, following)

    def _replacing(self, candidate: Candidate) -> Invitation:
        others = tuple(c for c in self.candidates if c.device != candidate.device)
        return replace(self, candidates=(*others, candidate))


def _out(invitation: Invitation, user: UserId, following: State) -> Invitation:
    """The user is out; the invitation is over with the last one."""
    invitees = tuple(other for other in invitation.invitees if other != user)
    return replace(invitation, invitees=invitees, state=invitation.state if invitees else following)
