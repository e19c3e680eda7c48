"""`/sapi/permissions`: whether a user, or the users of a domain, receive calls.

A user's own value counts before his domain's, and that before the default, which is yes.  The next invitation asks
for it anew, in every process; who is being rung already rings on.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from ..store import Domain, User
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
                serve=self._set_user,
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
                serve=self._get_user,
                answer=Permissions,
                problems=(403,),
            ),
            Operation(
                method="DELETE",
                path=user,
                id="clearUserPermissions",
                summary="Let a user's domain decide again.",
                serve=self._clear_user,
                status=204,
                problems=(403,),
            ),
            Operation(
                method="POST",
                path=domain,
                id="setDomainPermissions",
                summary="Change what holds for the users of a domain who have no value of their own.",
                serve=self._set_domain,
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
                serve=self._get_domain,
                answer=Permissions,
            ),
            Operation(
                method="DELETE",
                path=domain,
                id="clearDomainPermissions",
                summary="Let the default hold for a domain again.",
                serve=self._clear_domain,
                status=204,
                problems=(403,),
            ),
        )

    async def _set_user(self, call: Call[PermissionChange, None]) -> Permissions:
        user = await self._asked_user(call)
        if not isinstance(change := call.body.receive_calls, UnsetType):
            await self._parts.store.users.set_receive_calls(user.id, change.enabled)
            await self._note(call, "permission.user.set", user.id, user.domain, change.enabled)
        return _of_user(await self._parts.user(user.id, call.user))

    async def _get_user(self, call: Call[None, None]) -> Permissions:
        return _of_user(await self._asked_user(call))

    async def _clear_user(self, call: Call[None, None]) -> None:
        user = await self._asked_user(call)
        await self._parts.store.users.set_receive_calls(user.id, None)
        await self._note(call, "permission.user.clear", user.id, user.domain, None)

    async def _set_domain(self, call: Call[PermissionChange, None]) -> Permissions:
        domain = await self._asked_domain(call)
        if not isinstance(change := call.body.receive_calls, UnsetType):
            await self._parts.store.domains.set_receive_calls(domain.id, change.enabled)
            await self._note(call, "permission.domain.set", domain.id, domain.name, change.enabled)
        return _of_domain(await self._parts.domain(domain.id, call.user))

    async def _get_domain(self, call: Call[None, None]) -> Permissions:
        return _of_domain(await self._parts.domain(call.path["id"], call.user))

    async def _clear_domain(self, call: Call[None, None]) -> None:
        domain = await self._asked_domain(call)
        await self._parts.store.domains.set_receive_calls(domain.id, None)
        await self._note(call, "permission.domain.clear", domain.id, domain.name, None)

    async def _asked_user(self, call: Call[PermissionChange, None] | Call[None, None]) -> User:
        user = await self._parts.user(call.path["id"], call.user)
        need_self_or_admin(call.user, user)
        return user

    async def _asked_domain(self, call: Call[PermissionChange, None] | Call[None, None]) -> Domain:
        domain = await self._parts.domain(call.path["id"], call.user)
        need_admin(call.user, domain.name)
        return domain

    async def _note(
        self,
        call: Call[PermissionChange, None] | Call[None, None],
        action: str,
        target: str,
        domain: str,
        enabled: bool | None,
    ) -> None:
        await self._parts.note(call, action, target, domain, receiveCalls=enabled)


def _of_user(user: User) -> Permissions:
    return _permissions(user.receive_calls, counts=user.receives_calls)


def _of_domain(domain: Domain) -> Permissions:
    return _permissions(domain.receive_calls, counts=domain.receive_calls is not False)


def _permissions(own: bool | None, *, counts: bool) -> Permissions:
    return Permissions(
        receive_calls=UNSET if own is None else Switch(enabled=own),
        effective=EffectivePermissions(receive_calls=Switch(enabled=counts)),
    )
