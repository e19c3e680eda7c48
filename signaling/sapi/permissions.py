"""`/sapi/permissions`: whether a user, or the users of a domain, receive calls.

A user's own value counts before his domain's, and that before the default, which is yes.  The next invitation asks
for it anew, in every process; who is being rung already rings on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from .operations import Call, Operation, Operations
from .parts import Parts
from .rights import need_admin, need_self_or_admin
from .wire import Wire


class Switch(Wire, frozen=True, kw_only=True):
    """One permission."""

    enabled: bool


class PermissionChange(Wire, frozen=True, kw_only=True):
    """What is to hold from now on; keys that are not named stay as they are."""

    receive_calls: Switch | UnsetType = UNSET


class EffectivePermissions(Wire, frozen=True, kw_only=True):
    """What counts, wherever it is set."""

    receive_calls: Switch


class Permissions(Wire, frozen=True, kw_only=True):
    """What is set at this user or domain; what is not set is left out."""

    receive_calls: Switch | UnsetType = UNSET
    effective: EffectivePermissions


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose permissions they are."""

    kind: Literal["user", "domain"]
    id: str
    domain: str
    """His domain, or its own name."""
    receive_calls: bool | None
    """What is set here."""
    counts: bool
    """What is effective here."""
    change: Callable[[bool | None], Awaitable[bool]]
    """Set it here; None leaves it to others."""


Find = Callable[[Call[Any, None]], Awaitable[Holder]]


class PermissionsResource:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def operations(self) -> Operations:
        """Their rows."""
        user, domain = "/sapi/permissions/user/{id}", "/sapi/permissions/domain/{id}"
        return (
            Operation(
                method="POST",
                path=user,
                id="setUserPermissions",
                summary="Change permissions of a user; oneself, or an administrator.",
                serve=partial(self._set, self._user),
                body=PermissionChange,
                answer=Permissions,
                status=201,
                problems=(403,),
            ),
            Operation(
                method="GET",
                path=user,
                id="getUserPermissions",
                summary="Permissions of a user.",
                serve=partial(self._get, self._user),
                answer=Permissions,
                problems=(403,),
            ),
            Operation(
                method="DELETE",
                path=user,
                id="clearUserPermissions",
                summary="Let a user's domain decide again.",
                serve=partial(self._clear, self._user),
                status=204,
                problems=(403,),
            ),
            Operation(
                method="POST",
                path=domain,
                id="setDomainPermissions",
                summary="Change what holds for the users of a domain who have no value of their own.",
                serve=partial(self._set, self._domain_of_admin),
                body=PermissionChange,
                answer=Permissions,
                status=201,
                problems=(403,),
            ),
            Operation(
                method="GET",
                path=domain,
                id="getDomainPermissions",
                summary="Permissions of a domain.",
                serve=partial(self._get, self._domain),
                answer=Permissions,
            ),
            Operation(
                method="DELETE",
                path=domain,
                id="clearDomainPermissions",
                summary="Let the default hold for a domain again.",
                serve=partial(self._clear, self._domain_of_admin),
                status=204,
                problems=(403,),
            ),
        )

    async def _set(self, find: Find, call: Call[PermissionChange, None]) -> Permissions:
        holder = await find(call)
        if not isinstance(change := call.body.receive_calls, UnsetType):
            await holder.change(change.enabled)
            await self._note(call, holder, "set", change.enabled)
        return _permissions(await find(call))

    async def _get(self, find: Find, call: Call[None, None]) -> Permissions:
        return _permissions(await find(call))

    async def _clear(self, find: Find, call: Call[None, None]) -> None:
        holder = await find(call)
        await holder.change(None)
        await self._note(call, holder, "clear", None)

    async def _note(self, call: Call[Any, None], holder: Holder, what: str, enabled: bool | None) -> None:
        action = f"permission.{holder.kind}.{what}"
        await self._parts.note(call, action, holder.id, holder.domain, receiveCalls=enabled)

    async def _user(self, call: Call[Any, None]) -> Holder:
        """The user whom the path names; raises NotFound, NotAllowed."""
        user = await self._parts.user(call.path["id"], call.user)
        need_self_or_admin(call.user, user)
        return Holder(
            kind="user",
            id=user.id,
            domain=user.domain,
            receive_calls=user.receive_calls,
            counts=user.receives_calls,
            change=partial(self._parts.store.users.set_receive_calls, user.id),
        )

    async def _domain(self, call: Call[Any, None]) -> Holder:
        """The domain that the path names; raises NotFound."""
        domain = await self._parts.domain(call.path["id"], call.user)
        return Holder(
            kind="domain",
            id=domain.id,
            domain=domain.name,
            receive_calls=domain.receive_calls,
            counts=domain.receive_calls is not False,
            change=partial(self._parts.store.domains.set_receive_calls, domain.id),
        )

    async def _domain_of_admin(self, call: Call[Any, None]) -> Holder:
        """The domain that the path names, to be changed; raises NotFound, NotAllowed."""
        domain = await self._domain(call)
        need_admin(call.user, domain.domain)
        return domain


def _permissions(holder: Holder) -> Permissions:
    return Permissions(
        receive_calls=UNSET if holder.receive_calls is None else Switch(enabled=holder.receive_calls),
        effective=EffectivePermissions(receive_calls=Switch(enabled=holder.counts)),
    )
