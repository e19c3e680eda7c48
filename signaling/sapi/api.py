"""All of SAPI, put together: the resources, their table, and the routes made of it.

app -> **api** -> dispatch -> resources (sessions, users, permissions, …) -> store, state
"""

from __future__ import annotations

from importlib.metadata import version
from typing import cast

import msgspec
from aiohttp import web

from ..addresses import AddressOf
from ..identities import Identities
from ..store.passwords import PasswordChecks
from .about import AboutResource
from .calls import CallsResource
from .dispatch import Dispatcher
from .domains import DomainsResource
from .groups import GroupsResource
from .health import HealthResource
from .openapi import document, text
from .operations import Operations
from .parts import Parts
from .permissions import PermissionsResource
from .rooms import LiveResource
from .sessions import SessionsResource
from .throttle import Pace, SignInThrottle
from .users import UsersResource

VERSION = version("tertulia")


def operations(parts: Parts) -> Operations:
    """The table: every operation of SAPI."""
    passwords, throttle = PasswordChecks(), SignInThrottle()
    return (
        *SessionsResource(parts, passwords, throttle).operations(),
        *PermissionsResource(parts).operations(),
        *UsersResource(parts, passwords, throttle).operations(),
        *DomainsResource(parts).operations(),
        *GroupsResource(parts).operations(),
        *CallsResource(parts).operations(),
        *LiveResource(parts).operations(),
        *AboutResource(parts, VERSION).operations(),
    )


def routes(parts: Parts, identities: Identities, address_of: AddressOf) -> list[web.AbstractRouteDef]:
    """The routes of SAPI, of its document, and of health and metrics."""
    config, table = parts.config, operations(parts)
    dispatcher = Dispatcher(
        identities=identities,
        metrics=parts.metrics,
        pace=Pace(config.rates.sapi_per_s, config.rates.sapi_burst),
        address_of=address_of,
    )
    described = msgspec.json.encode(document(table, VERSION))

    async def openapi(_request: web.Request) -> web.Response:
        return web.Response(body=described, content_type="application/json")

    return [
        web.get("/sapi/openapi.json", openapi),
        *HealthResource(parts).routes(),
        *dispatcher.routes(table),
    ]


def described() -> str:
    """The document without a process behind it: no handler is called."""
    return text(operations(cast("Parts", None)), VERSION)
