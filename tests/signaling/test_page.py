"""The page: served from the files that were built, and nothing beside them."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from tests.support.signaling import Server, running


async def test_a_page_that_is_not_built_says_so_in_words(server: Server) -> None:
    async with aiohttp.ClientSession(server.url) as http, http.get("/") as answer:
        assert answer.status == 503
        assert "make setup" in await answer.text()


async def test_the_built_page_is_served_and_nothing_beside_it(tmp_path: Path) -> None:
    page = tmp_path / "dist"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<title>hello</title>")
    (page / "assets" / "app.js").write_text("let a = 1")
    async with running(tmp_path, web=page) as server, aiohttp.ClientSession(server.url) as http:
        async with http.get("/") as answer:
            assert (answer.status, await answer.text()) == (200, "<title>hello</title>")
        async with http.get("/assets/app.js") as answer:
            assert answer.status == 200
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for path in ("/../secret", "/%2e%2e/secret", "/tertulia.db"):
            async with http.get(path) as answer:
                assert answer.status in (403, 404)
