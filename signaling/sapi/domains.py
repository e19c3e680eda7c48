"""`/sapi/domains`: the tenants.  Administrators see their own; those of the default domain make and remove them."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from ..config import DEFAULT_DOMAIN
from ..errors import Already
from ..store import Domain
from .operations import Auth, Call, Operation, Operations
from .parts import Parts
from .rights import acts_everywhere, need_operator
from .wire import Cursor, DomainName, EpochMs, Page, Wire, behind


class NewDomain(Wire, frozen=True, kw_only=True):
    """A domain to make."""

    name: DomainName


class DomainView(Wire, frozen=True, kw_only=True):
    """A domain."""

    id: str
    name: str
    created_at: EpochMs


class DomainList(Wire, frozen=True, kw_only=True):
    """Domains by name; `next` is the `after` of the next page."""

    domains: tuple[DomainView, ...]
    next: Cursor | UnsetType = UNSET


class DomainsResource:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def operations(self) -> Operations:
        """Their rows."""
        return (
            Operation(
                method="GET",
                path="/sapi/domains",
                id="listDomains",
                summary="The domains that one administrates.",
                serve=self._list,
                auth=Auth.ADMIN,
                query=Page,
                answer=DomainList,
            ),
            Operation(
                method="POST",
                path="/sapi/domains",
                id="addDomain",
                summary="Make a domain.",
                serve=self._add,
                auth=Auth.ADMIN,
                body=NewDomain,
                answer=DomainView,
                status=201,
                problems=(409,),
            ),
            Operation(
                method="GET",
                path="/sapi/domains/{id}",
                id="getDomain",
                summary="A domain, by id or name.",
                serve=self._get,
                answer=DomainView,
            ),
            Operation(
                method="DELETE",
                path="/sapi/domains/{id}",
                id="removeDomain",
                summary="Remove a domain without users and groups.",
                serve=self._remove,
                auth=Auth.ADMIN,
                status=204,
                problems=(409,),
            ),
        )

    async def _list(self, call: Call[None, Page]) -> DomainList:
        domains, page = self._parts.store.domains, call.query
        if acts_everywhere(call.user):
            found = await domains.page(after=page.after, limit=page.limit)
        else:
            own = await domains.by_name(call.user.domain)
            found = (own,) if own is not None and own.name > page.after else ()
        return DomainList(domains=tuple(map(_view, found)), next=behind(found, page.limit, lambda domain: domain.name))

    async def _add(self, call: Call[NewDomain, None]) -> DomainView:
        need_operator(call.user)
        made = await self._parts.store.domains.add(call.body.name)
        await self._parts.note(call, "domain.add", made.id, made.name)
        return _view(made)

    async def _get(self, call: Call[None, None]) -> DomainView:
        return _view(await self._parts.domain(call.path["id"], call.user))

    async def _remove(self, call: Call[None, None]) -> None:
        domain = await self._parts.domain(call.path["id"], call.user)
        need_operator(call.user)
        if domain.name == DEFAULT_DOMAIN:
            raise Already("the default domain stays")
        await self._parts.store.domains.remove(domain.id)
        await self._parts.note(call, "domain.remove", domain.id, domain.name)


def _view(domain: Domain) -> DomainView:
    return DomainView(id=domain.id, name=domain.name, created_at=domain.created_ms)
