"""What a long-polling peer posts: one or more packets in the body of a request.

aiohttp -> **polling** -> packets

The library's own reader takes what of a body has come with the first segment, and drops what it cannot read without a
word; so this half of long polling is done here.  The other half, in which a peer asks for packets, is the library's.
"""

from __future__ import annotations

from asyncio import IncompleteReadError
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

SEPARATOR = "\x1e"  # between the packets of a body (Engine.IO 4)

Receive = Callable[[Any, str], Awaitable[None]]


class Posts:
    """Serves the POST requests of the library's `engine`."""

    def __init__(self, engine: Any, receive: Receive, cut: Callable[[str], Awaitable[None]]) -> None:  # noqa: ANN401
        self._engine = engine
        self._receive = receive
        self._cut = cut

    async def serve(self, request: web.Request) -> web.Response:
        """One body; a peer that posts what is none loses the connection."""
        socket = self._engine.sockets.get(request.query.get("sid", ""))
        if socket is None or socket.closed or socket.upgraded:
            return _answer(request, 400, "no such connection by long polling\n")
        length = request.content_length or 0
        if length > self._engine.max_http_buffer_size:
            await self._cut(socket.sid)
            return _answer(request, 413, f"more than {self._engine.max_http_buffer_size} bytes\n")
        try:
            text = (await request.content.readexactly(length)).decode()
        except (UnicodeDecodeError, IncompleteReadError):
            await self._cut(socket.sid)
            return _answer(request, 400, "a body is UTF-8 text, and has a Content-Length\n")
        for packet in text.split(SEPARATOR):
            await self._receive(socket, packet)
        return _answer(request, 200, "ok")


def _answer(request: web.Request, status: int, text: str) -> web.Response:
    """A page elsewhere may read it: `origins.py` has asked before."""
    headers = {}
    if origin := request.headers.get("Origin"):
        headers = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", "Vary": "Origin"}
    return web.Response(status=status, text=text, headers=headers)
