"""Devices that are online: what the registry holds of each."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from .identifiers import DeviceId, DeviceRef, UserId


class DeviceCard(Struct, frozen=True, kw_only=True):
    """What a device says of itself at connect."""

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._~-]{1,64}$")]
    name: Annotated[str, Meta(max_length=128)] = ""
    kind: Annotated[str, Meta(max_length=32)] = ""


class Device(Struct, frozen=True, kw_only=True):
    """One signed-in device and the connection that reaches it."""

    user: UserId
    username: str
    card: DeviceCard
    socket: str
    session: str = ""
    """The sign-in session that its token belongs to."""
    process: str = ""
    """The signaling process that it is connected to."""

    @property
    def domain(self) -> str:
        """The domain of its user."""
        return self.username.partition("@")[2]

    @property
    def ref(self) -> DeviceRef:
        """Names the device among all users'."""
        return DeviceRef(self.user, DeviceId(self.card.id))
