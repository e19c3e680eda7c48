"""`/sapi/users`: who can be called, and their passwords.

Everybody lists his domain; administrators make, change and remove its users.  A new password, being disabled and
being removed end the user's sessions, and his devices are disconnected: all but the session that asked.
"""

from __future__ import annotations

import asyncio
import time

from msgspec import UNSET, UnsetType

from ..errors import Already, NotAllowed, NotFound
from ..store import User
from ..store.passwords import PasswordChecks
from .operations import Auth, Call, Operation, Operations
from .parts import Parts
from .rights import acts_on, domain_acted_on, domain_seen, need_admin, need_self_or_admin
from .throttle import SignInThrottle
from .wire import (
    Cursor,
    DisplayName,
    DomainName,
    DomainPage,
    EpochMs,
    Name,
    NewPassword,
    Password,
    PrintableText,
    Wire,
    behind,
    given,
)


class NewUser(Wire, frozen=True, kw_only=True):
    """A user to make.  Without a password he signs in by an external issuer only."""

    username: Name
    domain: DomainName | UnsetType = UNSET
    display_name: DisplayName = ""
    password: NewPassword | UnsetType = UNSET
    admin: bool = False


class UserChange(Wire, frozen=True, kw_only=True):
    """What changes; what is not named stays."""

    display_name: DisplayName | UnsetType = UNSET
    admin: bool | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    password: NewPassword | UnsetType = UNSET
    current_password: Password | UnsetType = UNSET
    """Needed to change one's own password."""


class UserView(Wire, frozen=True, kw_only=True):
    """A user.  The last three are told to himself and to administrators."""

    id: str
    username: str
    domain: str
    display_name: str
    online: bool
    admin: bool | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    created_at: EpochMs | UnsetType = UNSET


class UserList(Wire, frozen=True, kw_only=True):
    """Users by name; `next` is the `after` of the next page."""

    users: tuple[UserView, ...]
    next: Cursor | UnsetType = UNSET


class UserPage(DomainPage, frozen=True, kw_only=True):
    """Which users."""

    query: PrintableText = ""
    """What their name or display name contains."""


class UsersResource:
    """The handlers."""

    def __init__(self, parts: Parts, passwords: PasswordChecks, throttle: SignInThrottle) -> None:
        # Given to us.
        self._parts = parts
        self._passwords = passwords
        self._throttle = throttle

    def operations(self) -> Operations:
        """Their rows."""
        return (
            Operation(
                method="GET",
                path="/sapi/users",
                id="listUsers",
                summary="The users of a domain, by name.",
                serve=self._list,
                query=UserPage,
                answer=UserList,
                problems=(404,),
            ),
            Operation(
                method="POST",
                path="/sapi/users",
                id="addUser",
                summary="Make a user.",
                serve=self._add,
                auth=Auth.ADMIN,
                body=NewUser,
                answer=UserView,
                status=201,
                problems=(404, 409),
            ),
            Operation(
                method="GET",
                path="/sapi/users/{id}",
                id="getUser",
                summary="A user, by id or name.",
                serve=self._get,
                answer=UserView,
            ),
            Operation(
                method="PATCH",
                path="/sapi/users/{id}",
                id="changeUser",
                summary="Change a user: oneself (display name, password), or an administrator.",
                serve=self._change,
                body=UserChange,
                answer=UserView,
                problems=(403, 409),
            ),
            Operation(
                method="DELETE",
                path="/sapi/users/{id}",
                id="removeUser",
                summary="Remove a user; history keeps his id.",
                serve=self._remove,
                auth=Auth.ADMIN,
                status=204,
                problems=(409,),
            ),
        )

    async def _list(self, call: Call[None, UserPage]) -> UserList:
        page, domain = call.query, domain_seen(call.user, call.query.domain)
        found = await self._parts.store.users.page(domain, after=page.after, limit=page.limit, query=page.query)
        views = await asyncio.gather(*(self._view(user, call.user) for user in found))
        return UserList(users=tuple(views), next=behind(found, page.limit, lambda user: user.name))

    async def _add(self, call: Call[NewUser, None]) -> UserView:
        new, domain = call.body, domain_acted_on(call.user, call.body.domain)
        hashed = None if isinstance(new.password, UnsetType) else await self._passwords.hash(new.password)
        made = await self._parts.store.users.add(new.username, domain, hashed, new.display_name, admin=new.admin)
        await self._parts.note(call, "user.add", made.id, domain, username=made.name, admin=made.admin)
        return await self._view(made, call.user)

    async def _get(self, call: Call[None, None]) -> UserView:
        return await self._view(await self._parts.user(call.path["id"], call.user), call.user)

    async def _change(self, call: Call[UserChange, None]) -> UserView:
        user, change = await self._parts.user(call.path["id"], call.user), call.body
        need_self_or_admin(call.user, user)
        if change.admin is not UNSET or change.disabled is not UNSET:
            need_admin(call.user, user.domain)
        if user.id == call.user.id and (change.admin is False or change.disabled is True):
            raise Already("administrators do not take this from themselves")
        hashed = await self._new_hash(call, user)
        changed = await self._parts.store.users.update(
            user.id,
            display_name=given(change.display_name),
            admin=given(change.admin),
            disabled=given(change.disabled),
            password_hash=hashed,
        )
        if changed is None:
            raise NotFound("no such user")
        await self._changed(call, changed, new_password=hashed is not None)
        return await self._view(changed, call.user)

    async def _changed(self, call: Call[UserChange, None], user: User, *, new_password: bool) -> None:
        fields = {"admin": call.body.admin, "disabled": call.body.disabled, "displayName": call.body.display_name}
        told = {name: value for name, value in fields.items() if value is not UNSET}
        await self._parts.note(call, "user.change", user.id, user.domain, **told, password=new_password)
        if user.disabled:
            await self._parts.sign_out(user, "disabled")
        elif new_password:
            await self._parts.sign_out(user, "password changed", but=call.known.session)

    async def _new_hash(self, call: Call[UserChange, None], user: User) -> str | None:
        change = call.body
        if isinstance(change.password, UnsetType):
            return None
        if user.id == call.user.id:
            await self._prove(call, user)
        return await self._passwords.hash(change.password)

    async def _prove(self, call: Call[UserChange, None], user: User) -> None:
        """Raise NotAllowed unless the current password is right: a token alone does not take over an account."""
        self._throttle.begin(user.username, call.address, time.monotonic())
        found = await self._parts.store.users.password_of(user.username)
        current = given(call.body.current_password) or ""
        if not await self._passwords.check(found[1] if found else None, current):
            raise NotAllowed("currentPassword is not the current password")
        self._throttle.succeeded(user.username, call.address)

    async def _remove(self, call: Call[None, None]) -> None:
        user = await self._parts.user(call.path["id"], call.user)
        need_admin(call.user, user.domain)
        if user.id == call.user.id:
            raise Already("administrators do not remove themselves")
        await self._parts.sign_out(user, "removed")
        await self._parts.store.users.remove(user.id)
        await self._parts.end_sessions(user.id, None, "removed")
        await self._parts.note(call, "user.remove", user.id, user.domain, username=user.name)

    async def _view(self, user: User, asker: User) -> UserView:
        told = user.id == asker.id or acts_on(asker, user.domain)
        return UserView(
            id=user.id,
            username=user.name,
            domain=user.domain,
            display_name=user.display_name,
            online=bool(await self._parts.state.devices.of(user.id)),
            admin=user.admin if told else UNSET,
            disabled=user.disabled if told else UNSET,
            created_at=user.created_ms if told else UNSET,
        )
