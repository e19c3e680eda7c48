"""Pages of which origins may open a Socket.IO connection or a WebSocket."""

from __future__ import annotations

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
