"""Pages of which origins may open a connection: our own, and those that the configuration names.

aiohttp -> **origins** -> door -> sockets, websocket

Only browsers send `Origin`, so a client without one is no page and goes on to show its token.  Behind a reverse proxy
our own page is told by the host that the browser asked for: `Host`, or `X-Forwarded-Host` from a proxy that we trust.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ..addresses import Network, is_within
from .sockets import PATH as SOCKET_IO
from .websocket import PATH as WEBSOCKET


def own_or_named(origins: Sequence[str], proxies: Sequence[Network]) -> Middleware:
    """A middleware that refuses pages of any other origin with 403."""

    @web.middleware
    async def ask(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is None or not _is_way_in(request.path) or "*" in origins or origin in origins:
            return await handler(request)
        if _host_of(origin) != _asked_host(request, proxies).lower():
            return web.Response(status=403, text="pages of this origin may not connect; see --cors-origin\n")
        return await handler(request)

    return ask


def _is_way_in(path: str) -> bool:
    return path == WEBSOCKET or path.startswith(f"/{SOCKET_IO}/")


def _asked_host(request: web.Request, proxies: Sequence[Network]) -> str:
    forwarded = request.headers.get("X-Forwarded-Host", "")
    if forwarded and is_within(request.remote or "", proxies):
        return forwarded.rpartition(",")[2].strip()  # the nearest proxy's word comes last
    return request.host


def _host_of(origin: str) -> str | None:
    """Host and port; None where there is none, as in `null`, or where it cannot be read."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
