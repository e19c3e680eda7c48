"""Which pages of other origins may call SAPI: those configured, by default none.  Our own page needs no permission.

Bearer tokens are all that counts here and there are no cookies, so credentials are never allowed.
"""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

METHODS = "GET, POST, PATCH, DELETE"
HEADERS = "Authorization, Content-Type"
REMEMBERED_S = "600"


def cors(origins: tuple[str, ...]) -> Middleware:
    """Answers browsers that ask whether a page of another origin may."""

    @web.middleware
    async def allow(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if not request.path.startswith("/sapi") or origin is None or not _is_allowed(origin, origins):
            return await handler(request)
        asked_first = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        answer = web.Response(status=204) if asked_first else await handler(request)
        answer.headers.update(_headers(origin, asked_first=asked_first))
        return answer

    return allow


def _is_allowed(origin: str, origins: tuple[str, ...]) -> bool:
    return "*" in origins or origin in origins


def _headers(origin: str, *, asked_first: bool) -> dict[str, str]:
    told = {"Access-Control-Allow-Origin": origin, "Vary": "Origin", "Access-Control-Expose-Headers": "Retry-After"}
    if asked_first:
        told["Access-Control-Allow-Methods"] = METHODS
        told["Access-Control-Allow-Headers"] = HEADERS
        told["Access-Control-Max-Age"] = REMEMBERED_S
    return told
