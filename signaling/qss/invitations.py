"""One invitation: who rings, who may end it, and how it ended.

An invitation is offered to one user and rings on every device of his (each a *candidate*).  It is over once, by
whoever comes first; what comes later finds no row in the table and is refused, so that all sides agree on how it
ended.  A cancel that crosses an accept finds the invitation ACCEPTED and changes nothing; an accept that crosses a
cancel, or another device's accept, is told 487.

    PREPARING ── Granted ──▶ RINGING ── Accept ─────────────▶ ACCEPTED    one device won
        │                      │ ╲───── Decline (the last) ─▶ DECLINED    nobody is left to ring
        │                      ├─────── Cancel ─────────────▶ CANCELLED   the inviter took it back
        │                      ├─────── Expire ─────────────▶ MISSED      nobody answered in time
        ├── the same three ────┴─────── Withdraw ───────────▶ LOST        the room went away under it
        └── Fail ───────────────────────────────────────────▶ FAILED      the node took no grant, or nobody to ring

PREPARING lasts while the node has not acknowledged the invited user's grant: nothing rings before it can be answered.
A decline ends the invitation only when no other candidate rings.  A device that disconnects stops being a candidate
(after `ring_keep_s`) without a verdict: a page that is reloading rings again when it is back, so an invitation that
nobody rings for stays open to its end.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Any, Final, assert_never

from .frames import MediaTypes
from .identifiers import DeviceId, DeviceRef, Instant, RequestId, UserId

DECLINED_CODE = 603  # a person said no
BUSY_CODE = 486  # a device said busy
NEVER = Instant(float("inf"))


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


@dataclass(frozen=True, slots=True)
class Granted:
    """The node has acknowledged the grant; these devices are online."""

    devices: tuple[DeviceId, ...]


@dataclass(frozen=True, slots=True)
class Fail:
    """There is nothing to ring with, or nobody to ring."""


@dataclass(frozen=True, slots=True)
class DeviceCame:
    """A device of the invited user has connected."""

    device: DeviceId


@dataclass(frozen=True, slots=True)
class DeviceGone:
    """A device has disconnected; it stays a candidate until then."""

    device: DeviceId
    kept_until: Instant


@dataclass(frozen=True, slots=True)
class Accept:
    """A device answers without error."""

    device: DeviceId


@dataclass(frozen=True, slots=True)
class Decline:
    """A device answers with an error."""

    device: DeviceId
    code: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """The inviter takes it back."""


@dataclass(frozen=True, slots=True)
class Expire:
    """Its time is over, or the inviter declared it so (`close`)."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The room went away."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The invited user says no for all his devices at once (he left the room while it rang)."""


Happening = (
    Granted | Fail | DeviceCame | DeviceGone | Accept | Decline | Cancel | Expire | Withdraw | Refuse
)  # fmt: skip

# (state, what happens) -> the state that follows.  No row: refused, nothing changes.
TRANSITIONS: Final[dict[tuple[State, type[Happening]], State]] = {
    (State.PREPARING, Granted): State.RINGING,
    (State.PREPARING, Fail): State.FAILED,
    (State.PREPARING, Cancel): State.CANCELLED,
    (State.PREPARING, Expire): State.MISSED,
    (State.PREPARING, Withdraw): State.LOST,
    (State.PREPARING, Refuse): State.DECLINED,
    (State.RINGING, DeviceCame): State.RINGING,
    (State.RINGING, DeviceGone): State.RINGING,
    (State.RINGING, Accept): State.ACCEPTED,
    (State.RINGING, Decline): State.DECLINED,  # RINGING still, while another candidate rings
    (State.RINGING, Cancel): State.CANCELLED,
    (State.RINGING, Expire): State.MISSED,
    (State.RINGING, Withdraw): State.LOST,
    (State.RINGING, Refuse): State.DECLINED,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One device of the invited user.  A decline is final for the device; a disconnection is not."""

    device: DeviceId
    declined: int | None = None
    kept_until: Instant = NEVER

    def rings(self, now: Instant) -> bool:
        """Whether this device may still answer: it has not declined, and is here or still waited for."""
        return self.declined is None and now < self.kept_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An open request to join a room, or how it ended."""

    ring_id: RequestId
    """Ours: the one requestID that all candidates are rung with."""
    request_id: RequestId
    """The inviter's."""
    inviter: DeviceRef
    invitee: UserId
    mediatypes: MediaTypes
    context: dict[str, Any]
    expires_at: Instant
    state: State = State.PREPARING
    candidates: tuple[Candidate, ...] = ()
    winner: DeviceId | None = None

    @property
    def is_open(self) -> bool:
        """Nothing has ended it."""
        return self.state in OPEN

    def ringing(self, now: Instant) -> tuple[DeviceId, ...]:
        """The devices that ring."""
        if self.state is not State.RINGING:
            return ()
        return tuple(c.device for c in self.candidates if c.rings(now))

    @property
    def refusal(self) -> int:
        """The code of a declined invitation: 486 only if no device said anything else."""
        codes = {c.declined for c in self.candidates if c.declined is not None}
        return BUSY_CODE if codes == {BUSY_CODE} else DECLINED_CODE

    def after(self, happening: Happening, now: Instant) -> Invitation | None:
        """The invitation after `happening`, or None where the table or the candidates refuse it."""
        following = TRANSITIONS.get((self.state, type(happening)))
        if following is None:
            return None
        match happening:
            case Granted(devices):
                return replace(self, state=following, candidates=tuple(map(Candidate, devices)))
            case DeviceCame(device):
                return self._with_device(device)
            case DeviceGone(device, kept_until):
                return self._without_device(device, kept_until, now)
            case Accept(device):
                return replace(self, state=following, winner=device) if device in self.ringing(now) else None
            case Decline(device, code):
                return self._declined(device, code, now)
            case Fail() | Cancel() | Expire() | Withdraw() | Refuse():
                return replace(self, state=following)
            case _:
                assert_never(happening)

    def _with_device(self, device: DeviceId) -> Invitation | None:
        # A device that rings already may come again: its new connection is rung too.
        if any(c.device == device and c.declined is not None for c in self.candidates):
            return None
        return self._replacing(Candidate(device))

    def _without_device(self, device: DeviceId, kept_until: Instant, now: Instant) -> Invitation | None:
        if device not in self.ringing(now):
            return None
        return self._replacing(Candidate(device, kept_until=kept_until))

    def _declined(self, device: DeviceId, code: int, now: Instant) -> Invitation | None:
        if device not in self.ringing(now):
            return None
        changed = self._replacing(Candidate(device, declined=code))
        return changed if changed.ringing(now) else replace(changed, state=State.DECLINED)

    def _replacing(self, candidate: Candidate) -> Invitation:
        others = tuple(c for c in self.candidates if c.device != candidate.device)
        return replace(self, candidates=(*others, candidate))
