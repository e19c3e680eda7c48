"""What is no request of SAPI: bad bodies and types, unknown paths and methods, too many, and pages elsewhere."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from signaling.rates import Rates
from tests.support.api import Api, asking
from tests.support.signaling import running

JSON = {"Content-Type": "application/json"}
ELSEWHERE = {"Origin": "https://shop.example"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"username": "alice"}', 400),
        (b'{"username": "al\\u0000ice", "password": "x"}', 400),
        (b'{"username": "alice", "password": "x", "tea": 1}', 400),
        (b"\xff", 400),
        (b"[" * 60_000, 400),
        (b"x" * 70_000, 413),
    ],
)
async def test_a_bad_body_is_a_problem(api: Api, body: bytes, status: int) -> None:
    async with api.http.post("/sapi/sessions", data=body, headers=JSON) as answer:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"
        problem = await answer.json(content_type=None)
        assert (problem["status"], problem["type"]) == (status, "about:blank")
        assert problem["detail"]


async def test_a_body_of_another_type_is_415(api: Api) -> None:
    async with api.http.post("/sapi/sessions", data={"username": "alice", "password": "x"}) as answer:
        assert (answer.status, answer.content_type) == (415, "application/problem+json")


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("GET", "/sapi/tea", 404, None),
        ("DELETE", "/sapi/sessions", 405, "GET, POST"),
        ("PUT", "/sapi/users/alice", 405, "DELETE, GET, PATCH"),
        ("POST", "/sapi/permissions/user/", 404, None),
    ],
)
async def test_what_is_not_served_is_a_problem(
    api: Api, method: str, path: str, status: int, allowed: str | None
) -> None:
    async with api.http.request(method, path) as answer:
        assert (answer.status, answer.headers.get("Allow")) == (status, allowed)
        assert answer.content_type == "application/problem+json"


async def test_nothing_is_read_for_somebody_who_is_not_let_in(api: Api) -> None:
    assert (await api.post("/users", {"not": "checked"}))[0] == 401


async def test_an_address_that_asks_too_fast_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with running(tmp_path, rates=Rates(sapi_burst=2.0, sapi_per_s=0.1)) as server, asking(server) as api:
        assert [(await api.get("/capabilities"))[0] for _ in range(3)] == [200, 200, 429]
        async with api.http.get("/sapi/capabilities") as answer:
            assert 1 <= int(answer.headers["Retry-After"]) <= 10


async def test_pages_elsewhere_may_not_call_unless_configured(api: Api) -> None:
    asking_first = {**ELSEWHERE, "Access-Control-Request-Method": "POST"}
    async with api.http.options("/sapi/sessions", headers=asking_first) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
    async with api.http.get("/sapi/capabilities", headers=ELSEWHERE) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("origins", [("https://shop.example",), ("*",)])
async def test_pages_of_configured_origins_may_call(tmp_path: Path, origins: tuple[str, ...]) -> None:
    async with running(tmp_path, cors_origins=origins) as server, aiohttp.ClientSession(server.url) as http:
        asking_first = {**ELSEWHERE, "Access-Control-Request-Method": "PATCH"}
        async with http.options("/sapi/users/alice", headers=asking_first) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
            assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
            assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
            assert "Access-Control-Allow-Credentials" not in answer.headers
        async with http.get("/sapi/users", headers=ELSEWHERE) as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, "https://shop.example")
        async with http.get("/sapi/users", headers={"Origin": "https://other.example"}) as answer:
            assert ("Access-Control-Allow-Origin" in answer.headers) == ("*" in origins)
