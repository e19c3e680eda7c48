"""Who may open a connection at all: asked before anything is allocated for it.

aiohttp -> **door** -> sockets, websocket

A process that stops takes nobody any more; an address that opens too many, or presents too many wrong tokens, waits.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from ..addresses import AddressOf
from ..limits import Limits
from .sockets import PATH as SOCKET_IO
from .websocket import PATH as WEBSOCKET

WAIT_S = 2  # what a refused client is told to wait


class Door:
    """A middleware before the two ways in."""

    def __init__(self, limits: Limits, *, address_of: AddressOf, now: Callable[[], float]) -> None:
        self._limits = limits
        self._address_of = address_of
        self._now = now
        self._shut = False

    @property
    def is_open(self) -> bool:
        """Whether anybody new is let in."""
        return not self._shut

    def shut(self) -> None:
        """No new connections from now on; those that are open go on."""
        self._shut = True

    @web.middleware
    async def ask(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The middleware."""
        if _is_new_connection(request):
            if self._shut:
                return _refusal(503, "this process stops; connect again")
            if not self._limits.may_connect(self._address_of(request), self._now()):
                return _refusal(429, "too many connections from this address")
        return await handler(request)


def _is_new_connection(request: web.Request) -> bool:
    """Of Socket.IO, only the first request of a connection has no `sid`."""
    if request.path == WEBSOCKET:
        return True
    return request.path.startswith(f"/{SOCKET_IO}/") and "sid" not in request.query and request.method == "GET"


def _refusal(status: int, message: str) -> web.Response:
    return web.Response(status=status, text=f"{message}\n", headers={"Retry-After": str(WAIT_S)})
