"""What a request asks of whom, before any rule has been applied to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .frames import MediaTypes
from .identifiers import DeviceRef, RequestId, UserId
from .invitations import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What somebody asks of whom."""

    kind: Kind = Kind.INVITATION
    request_id: RequestId
    inviter: DeviceRef
    to: str
    """The user or the group that is called."""
    users: tuple[UserId, ...]
    """Whom that means."""
    mediatypes: MediaTypes
    context: dict[str, Any]
    in_reply_to: RequestId | None = None
