"""docs/operating.md against a running process."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp

from tests.support.node import running_node
from tests.support.signaling import running

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()


async def test_the_page_names_every_metric_and_no_other(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        of_signaling = await shown(server.url)
    async with running_node() as deployment:
        of_node = await shown(deployment.url)
    assert {name for name in of_node if not name.startswith("tertulia_node_")} == set()
    assert set(re.findall(r"^\| `(tertulia_\w+)", PAGE, re.MULTILINE)) == of_signaling | of_node


async def shown(url: str) -> set[str]:
    """The names of our metrics at a server."""
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as response:
        text = await response.text()
    return {re.sub("_created$", "", name) for name in re.findall(r"^# TYPE (tertulia_\w+)", text, re.MULTILINE)}
