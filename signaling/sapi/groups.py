"""`/sapi/groups`: users of a domain who are called together, made by its administrators."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from ..errors import Malformed, NotFound
from ..store import Group
from .operations import Auth, Call, Operation, Operations
from .parts import Parts
from .rights import domain_acted_on, domain_seen, need_admin
from .wire import Cursor, DisplayName, DomainName, DomainPage, EpochMs, Name, Reference, Wire, behind

Members = Annotated[tuple[Reference, ...], Meta(max_length=200)]


class NewGroup(Wire, frozen=True, kw_only=True):
    """A group to make."""

    name: Name
    domain: DomainName | UnsetType = UNSET
    display_name: DisplayName = ""
    members: Members = ()
    """Users of its domain, by id or name."""


class GroupChange(Wire, frozen=True, kw_only=True):
    """What changes; what is not named stays."""

    display_name: DisplayName | UnsetType = UNSET
    members: Members | UnsetType = UNSET
    """All of them."""


class GroupView(Wire, frozen=True, kw_only=True):
    """A group and the ids of its members."""

    id: str
    name: str
    domain: str
    display_name: str
    members: tuple[str, ...]
    created_at: EpochMs


class GroupList(Wire, frozen=True, kw_only=True):
    """Groups by name; `next` is the `after` of the next page."""

    groups: tuple[GroupView, ...]
    next: Cursor | UnsetType = UNSET


class GroupsResource:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def operations(self) -> Operations:
        """Their rows."""
        return (
            Operation(
                method="GET",
                path="/sapi/groups",
                id="listGroups",
                summary="The groups of a domain, by name.",
                serve=self._list,
                query=DomainPage,
                answer=GroupList,
                problems=(404,),
            ),
            Operation(
                method="POST",
                path="/sapi/groups",
                id="addGroup",
                summary="Make a group.",
                serve=self._add,
                auth=Auth.ADMIN,
                body=NewGroup,
                answer=GroupView,
                status=201,
                problems=(404, 409),
            ),
            Operation(
                method="GET",
                path="/sapi/groups/{id}",
                id="getGroup",
                summary="A group, by id or name.",
                serve=self._get,
                answer=GroupView,
            ),
            Operation(
                method="PATCH",
                path="/sapi/groups/{id}",
                id="changeGroup",
                summary="Change a group.",
                serve=self._change,
                auth=Auth.ADMIN,
                body=GroupChange,
                answer=GroupView,
                problems=(409,),
            ),
            Operation(
                method="DELETE",
                path="/sapi/groups/{id}",
                id="removeGroup",
                summary="Remove a group; its members stay users.",
                serve=self._remove,
                auth=Auth.ADMIN,
                status=204,
            ),
        )

    async def _list(self, call: Call[None, DomainPage]) -> GroupList:
        page, domain = call.query, domain_seen(call.user, call.query.domain)
        found = await self._parts.store.groups.page(domain, after=page.after, limit=page.limit)
        return GroupList(groups=tuple(map(_view, found)), next=behind(found, page.limit, lambda group: group.name))

    async def _add(self, call: Call[NewGroup, None]) -> GroupView:
        new, domain = call.body, domain_acted_on(call.user, call.body.domain)
        members = await self._ids(new.members, domain)
        made = await self._parts.store.groups.add(new.name, domain, new.display_name, members)
        await self._parts.note(call, "group.add", made.id, domain, name=made.name, members=list(made.members))
        return _view(made)

    async def _get(self, call: Call[None, None]) -> GroupView:
        return _view(await self._parts.group(call.path["id"], call.user))

    async def _change(self, call: Call[GroupChange, None]) -> GroupView:
        group, change = await self._parts.group(call.path["id"], call.user), call.body
        need_admin(call.user, group.domain)
        changed: Group | None = group
        if not isinstance(change.members, UnsetType):
            members = await self._ids(change.members, group.domain)
            changed = await self._parts.store.groups.set_members(group.id, members)
        if changed is not None and not isinstance(change.display_name, UnsetType):
            changed = await self._parts.store.groups.update(group.id, display_name=change.display_name)
        if changed is None:
            raise NotFound("no such group")
        await self._parts.note(
            call, "group.change", group.id, group.domain, name=group.name, members=list(changed.members)
        )  # fmt: skip
        return _view(changed)

    async def _remove(self, call: Call[None, None]) -> None:
        group = await self._parts.group(call.path["id"], call.user)
        need_admin(call.user, group.domain)
        await self._parts.store.groups.remove(group.id)
        await self._parts.note(call, "group.remove", group.id, group.domain, name=group.name)

    async def _ids(self, references: tuple[str, ...], domain: str) -> list[str]:
        """The users that are named, who must be of this domain; raises Malformed with the first that is not."""
        found = [await self._parts.store.users.resolve(reference, domain) for reference in references]
        for reference, user in zip(references, found, strict=True):
            if user is None or user.domain != domain:
                raise Malformed(f"members: no user {reference!r} in the domain {domain}")
        return [user.id for user in found if user is not None]


def _view(group: Group) -> GroupView:
    return GroupView(
        id=group.id,
        name=group.name,
        domain=group.domain,
        display_name=group.display_name,
        members=group.members,
        created_at=group.created_ms,
    )
