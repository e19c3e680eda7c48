"""Identifiers as they go over the wire, each a type of its own, and how fresh ones are made (docs/protocol.md §2)."""

from __future__ import annotations

import secrets
from typing import NewType

from msgspec import Struct

UserId = NewType("UserId", str)  # 24 hex digits
DeviceId = NewType("DeviceId", str)  # 1 to 64 characters, chosen by the device
RoomId = NewType("RoomId", str)  # 64 hex digits, fresh per room: `room` and `uuid` on the wire
PeerId = NewType("PeerId", str)  # one WebRTC connection, named by its node
RequestId = NewType("RequestId", str)  # 1 to 64 characters, chosen by the requester
Instant = NewType("Instant", float)  # seconds since the epoch, on the steady clock of the state (`state/clock.py`)

MAX_NAME = 64  # characters of a request id or device id


class DeviceRef(Struct, frozen=True, order=True):
    """One device of one user."""

    user: UserId
    device: DeviceId


def new_user_id() -> UserId:
    """24 hex digits."""
    return UserId(secrets.token_hex(12))


def new_room_id() -> RoomId:
    """64 hex digits: nobody guesses a room."""
    return RoomId(secrets.token_hex(32))


def new_short_id() -> str:
    """24 hex digits: the room's `id`."""
    return secrets.token_hex(12)


def new_request_id() -> RequestId:
    """Ours have 21 URL-safe characters, as the vendor's: 15 random bytes make 20, one more letter the rest."""
    return RequestId(secrets.token_urlsafe(16)[:21])


def new_number() -> str:
    """8 digits; the state says whether they are taken."""
    return f"{secrets.randbelow(10**8):08d}"
