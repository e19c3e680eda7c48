"""The page: static files of `web/dist`, or words that say how to build it."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Tertulia</title>
<body style="font:1.1rem/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem">
<h1>The page has not been built</h1>
<p>Signaling runs, but there are no files of the page in the directory it was given.
In a checkout, <code>make setup</code> builds them; otherwise name a built directory with <code>--web DIR</code>.</p>
"""


def add_page(app: web.Application, directory: Path) -> None:
    """Serve the page at `/`; call it after all other routes."""
    index = directory / "index.html"

    async def front(_request: web.Request) -> web.StreamResponse:
        if index.is_file():
            return web.FileResponse(index, headers={"Cache-Control": "no-cache"})
        return web.Response(text=NOT_BUILT, status=503, content_type="text/html")

    app.router.add_get("/", front)
    if directory.is_dir():
        app.router.add_static("/", directory)


async def on_prepare(_request: web.Request, response: web.StreamResponse) -> None:
    """Headers that every response carries."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
