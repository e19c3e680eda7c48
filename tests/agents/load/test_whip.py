"""`tertulia load` into a server that it knows nothing of but WHIP and WHEP: here our own node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from tests.support.load import SHORT, loaded
from tests.support.node import Deployment, running_node, token
from tests.support.ports import free_tcp_port

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

PEOPLE = ("anna", "ben", "cleo")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node() -> AsyncIterator[Deployment]:
    async with running_node() as deployment:
        yield deployment


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where clips are kept."""
    return tmp_path_factory.mktemp("load")


async def test_two_rooms_of_three_get_everything_that_is_sent(node: Deployment, folder: Path) -> None:
    assert [int(await node.room(*PEOPLE), 16) for _ in range(2)] == [1, 2]
    bearers = folder / "bearers"
    bearers.write_text("\n".join(map(token, PEOPLE)))
    flags = ("--bearer", str(bearers), *(f"--{kind}={node.url}/{kind}/{{room:064x}}" for kind in ("whip", "whep")))
    people = ("--rooms", "2", "--participants", "3", "--seats", "2", "--kbps", "300")
    outcome, report = await loaded(folder, *flags, *people, *SHORT, "--require", "loss<0.1%")
    assert (outcome.status, outcome.err) == (0, "")
    received = report["received"]
    assert (received["lost"], received["corrupt"], received["duplicated"]) == (0, 0, 0)
    assert received["checked"] > 0
    assert received["packets"] == pytest.approx(2 * report["sent"]["packets"], rel=0.02)
    assert report["joins"]["done"] == 6
    assert set(report["join_ms"]["phases"]) == {"answer", "ice", "dtls", "first_packet", "offer_to_first_packet"}
    assert report["server"] is None
    assert list(node.process.node.sessions) == []


async def test_a_server_that_is_not_there_is_told_of_in_one_line(folder: Path) -> None:
    url = f"http://127.0.0.1:{free_tcp_port()}"
    outcome, report = await loaded(folder, "--whep", url, "--publishers", "0", "--receivers", "2", "--audio-only")
    assert outcome.status == 1
    assert outcome.err.startswith(f"error: nobody could join: {url} cannot be reached: ")
    assert outcome.err.count("\n") == 1
    assert report["joins"]["failed"] == 2


@pytest.mark.parametrize(
    ("status", "body", "complaint"),
    [
        (403, "you may not", "answered 403: you may not"),
        (201, "<html>", "the server's answer: sdp line 1: not of the form"),
    ],
)
async def test_a_server_that_answers_something_else_is_quoted(
    folder: Path, status: int, body: str, complaint: str
) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    app = web.Application()
    app.router.add_post("/whep", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_tcp_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        url = f"http://127.0.0.1:{port}/whep"
        outcome, _ = await loaded(folder, "--whep", url, "--publishers", "0", "--receivers", "1", "--audio-only")
    finally:
        await runner.cleanup()
    assert outcome.status == 1
    assert complaint in outcome.err
