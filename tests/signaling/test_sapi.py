"""SAPI over HTTP: signing in without giving users away, users, health, the page, and problem+json."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.signaling import PASSWORD, InTestNode, Server, running


@pytest.fixture
async def http(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.url) as session:
        yield session


async def _sign_in(http: aiohttp.ClientSession, username: str, password: str = PASSWORD) -> tuple[int, dict[str, Any]]:
    async with http.post("/sapi/sessions", json={"username": username, "password": password}) as answer:
        return answer.status, await answer.json(content_type=None)


@pytest.mark.parametrize("username", ["alice", "alice@local", "ALICE"])
async def test_signing_in_gives_tokens(server: Server, http: aiohttp.ClientSession, username: str) -> None:
    alice = await server.user("alice")
    status, session = await _sign_in(http, username)
    assert status == 201
    assert set(session) == {"id", "userId", "username", "domain", "accessToken", "refreshToken", "expiresIn"}
    assert (session["userId"], session["username"], session["domain"]) == (alice.id, "alice", "local")
    assert session["expiresIn"] == 3600
    assert server.app.access.check(session["accessToken"], now=time.time()).user == alice.id


async def test_a_wrong_password_and_an_unknown_user_are_told_alike(server: Server, http: aiohttp.ClientSession) -> None:
    await server.user("alice")
    wrong = await _sign_in(http, "alice", "not it")
    unknown = await _sign_in(http, "nobody", "not it")
    assert wrong == unknown
    assert wrong[0] == 401
    assert wrong[1]["detail"] == "wrong username or password"


async def test_an_unknown_user_costs_the_same_work(server: Server, http: aiohttp.ClientSession) -> None:
    await server.user("alice")
    known, unknown = [await _cpu_of(http, name) for name in ("alice", "nobody")]
    assert unknown > known / 3, "no password was hashed for the unknown user"


async def _cpu_of(http: aiohttp.ClientSession, username: str) -> float:
    began = time.process_time()
    for _ in range(3):
        assert (await _sign_in(http, username, "not it"))[0] == 401
    return time.process_time() - began


async def test_a_refresh_token_gives_a_new_session(server: Server, http: aiohttp.ClientSession) -> None:
    await server.user("alice")
    _, session = await _sign_in(http, "alice")
    async with http.post("/sapi/sessions/refresh", json={"refreshToken": session["refreshToken"]}) as answer:
        assert answer.status == 201
        assert (await answer.json())["id"] == session["id"]
    async with http.post("/sapi/sessions/refresh", json={"refreshToken": session["accessToken"]}) as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"{", 400), (b"[]", 400), (b'{"username": "alice"}', 400), (b"\xff", 400), (b"x" * 70_000, 413)],
)
async def test_a_bad_body_is_a_problem(http: aiohttp.ClientSession, body: bytes, status: int) -> None:
    async with http.post("/sapi/sessions", data=body) as answer:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"
        problem = await answer.json(content_type=None)
        assert problem["status"] == status
        assert problem["detail"]


async def test_users_of_the_own_domain_are_listed_with_who_is_online(
    server: Server, http: aiohttp.ClientSession
) -> None:
    alice = await server.user("alice")
    await server.user("mallory", "elsewhere")
    bob = await server.device("bob")
    headers = {"Authorization": f"Bearer {server.token(alice)}"}
    async with http.get("/sapi/users", headers=headers) as answer:
        assert answer.status == 200
        users = (await answer.json())["users"]
    assert users == [
        {"id": alice.id, "username": "alice", "domain": "local", "displayName": "alice", "online": False},
        {"id": bob.user.id, "username": "bob", "domain": "local", "displayName": "bob", "online": True},
    ]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic YWxpY2U6eA=="])
async def test_without_a_right_token_it_is_401(http: aiohttp.ClientSession, header: str) -> None:
    async with http.get("/sapi/users", headers={"Authorization": header}) as answer:
        assert answer.status == 401
        assert answer.content_type == "application/problem+json"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), [("GET", "/sapi/tea"), ("DELETE", "/sapi/sessions")])
async def test_what_is_not_served_is_a_problem(http: aiohttp.ClientSession, method: str, path: str) -> None:
    async with http.request(method, path) as answer:
        assert answer.status in (404, 405)
        assert answer.content_type == "application/problem+json"


async def test_health_counts_nodes_and_rooms(server: Server, node: InTestNode, http: aiohttp.ClientSession) -> None:
    await (await server.device("alice")).room()
    async with http.get("/healthz") as answer:
        assert await answer.json() == {"status": "ok", "nodes": 1, "rooms": 1}


async def test_a_page_that_is_not_built_says_so_in_words(http: aiohttp.ClientSession) -> None:
    async with http.get("/") as answer:
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
