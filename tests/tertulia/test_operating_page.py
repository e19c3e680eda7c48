"""docs/operating.md against a running process."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp

from tests.support.signaling import running

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()


async def test_the_page_names_every_metric_and_no_other(tmp_path: Path) -> None:
    async with (
        running(tmp_path) as server,
        aiohttp.ClientSession() as http,
        http.get(f"{server.url}/metrics") as response,
    ):
        text = await response.text()
    shown = {re.sub("_created$", "", name) for name in re.findall(r"^# TYPE (tertulia_\w+)", text, re.MULTILINE)}
    assert set(re.findall(r"^\| `(tertulia_\w+)", PAGE, re.MULTILINE)) == shown
