"""Pages of which origins may open a Socket.IO connection or a WebSocket."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
import pytest

from signaling.addresses import networks
from tests.support.lines import TRANSPORTS, Transport
from tests.support.signaling import running

SHOP = "https://shop.example"
CALLS = {"Host": "calls.example"}
OPEN, REFUSED = 101, 403


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_pages_elsewhere_connect_only_where_the_configuration_names_them(
    tmp_path: Path, transport: Transport
) -> None:
    path = "socket.io/?EIO=4&transport=websocket" if transport == "socket.io" else "ws"
    trusted = networks(["127.0.0.0/8"], "--trust-proxy")
    forwarded = {"X-Forwarded-Host": "calls.example"}

    async def opening(url: str, headers: dict[str, str]) -> int:
        try:
            async with aiohttp.ClientSession() as http, http.ws_connect(f"{url}/{path}", headers=headers):
                return OPEN
        except aiohttp.WSServerHandshakeError as refusal:
            return refusal.status

    async with running(tmp_path / "own") as server:
        assert await opening(server.url, {}) == OPEN
        assert await opening(server.url, {"Origin": server.url}) == OPEN
        assert await opening(server.url, CALLS | {"Origin": "https://calls.example"}) == OPEN
        for origin in (SHOP, "null", "http://[", "https://calls.example"):
            assert await opening(server.url, {"Origin": origin}) == REFUSED
        assert await opening(server.url, forwarded | {"Origin": "https://calls.example"}) == REFUSED
    async with running(tmp_path / "named", cors_origins=(SHOP,), trust_proxy=trusted) as server:
        assert await opening(server.url, {"Origin": SHOP}) == OPEN
        assert await opening(server.url, {"Origin": "https://other.example"}) == REFUSED
        assert await opening(server.url, forwarded | {"Origin": "https://calls.example"}) == OPEN
    async with running(tmp_path / "any", cors_origins=("*",)) as server:
        assert await opening(server.url, {"Origin": SHOP}) == OPEN


async def test_pages_elsewhere_cannot_poll_either(tmp_path: Path) -> None:
    path = "/socket.io/?EIO=4&transport=polling"
    async with running(tmp_path, cors_origins=(SHOP,)) as server, aiohttp.ClientSession(server.url) as http:
        for method in ("GET", "POST", "OPTIONS"):
            async with http.request(method, path, headers={"Origin": "https://other.example"}) as answer:
                assert answer.status == REFUSED
                assert "Access-Control-Allow-Origin" not in answer.headers
        async with http.get(path, headers={"Origin": SHOP}) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == SHOP
            sid = json.loads((await answer.text())[1:])["sid"]
        async with http.post(f"{path}&sid={sid}", data="40", headers={"Origin": SHOP}) as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, SHOP)
        async with http.post(f"{path}&sid={sid}", data="40", headers={"Origin": "null"}) as answer:
            assert answer.status == REFUSED
