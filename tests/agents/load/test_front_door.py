"""`tertulia load` through the whole front door: real signaling, a real node, real packets."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agents.load.sampling import COLUMNS
from tests.support.load import SHORT, Loaded, front_door
from tests.support.system import console

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

TWO_OF_THREE = ("--rooms", "2", "--participants", "3")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Loaded]:
    """One system for all runs of this file."""
    async with front_door(tmp_path_factory.mktemp("load")) as running:
        yield running


def whole(report: dict[str, Any]) -> dict[str, Any]:
    """What nobody may have lost, as counted."""
    names = ("lost", "duplicated", "corrupt", "unmapped")
    return {name: report["received"][name] for name in names} | {"failed": report["joins"]["failed"]}


NOTHING_WRONG = {"lost": 0, "duplicated": 0, "corrupt": 0, "unmapped": 0, "failed": 0}


async def test_two_rooms_of_three_get_everything_that_is_sent(door: Loaded, tmp_path: Path) -> None:
    page, rows = tmp_path / "page.html", tmp_path / "rows.csv"
    outputs = ("--html", str(page), "--csv", str(rows), "--server-pid", str(os.getpid()), "--check-every", "1")
    outcome, report = await door.load(
        *TWO_OF_THREE, *SHORT, *outputs, "--require", "loss<0.1%", "--require", "corrupt=0"
    )
    assert (outcome.status, outcome.err) == (0, "")
    assert whole(report) == NOTHING_WRONG
    assert report["seconds"] == pytest.approx(3.0, abs=0.5)
    sent, received = report["sent"]["packets"], report["received"]
    # Voice alone is 50 packets a second of each, and each is heard by two others.
    assert sent > 6 * 50 * 3 * 0.9
    assert received["packets"] == pytest.approx(2 * sent, rel=0.02)
    assert received["expected"] == received["packets"]
    assert received["checked"] > received["packets"] / 2
    assert 0 < report["delay_ms"]["p50"] <= report["delay_ms"]["p99"] <= report["delay_ms"]["max"] < 3_000
    assert report["joins"]["done"] == report["join_ms"]["total"]["count"] == 6
    assert set(report["join_ms"]["phases"]) == {
        *("connect", "create_room", "ring", "accept", "node", "answer", "ice", "dtls"),
        *("first_packet", "offer_to_first_packet"),
    }
    assert report["server"]["pid"] == os.getpid()
    assert report["server"]["us_per_packet"] > 0
    assert [each["holds"] for each in report["requirements"]] == [True, True]
    assert "<svg" in page.read_text()
    with rows.open() as file:
        (header, *lines) = csv.reader(file)
    assert header == list(COLUMNS)
    assert len(lines) == len(report["seconds_series"])
    assert {row["phase"] for row in report["seconds_series"]} >= {"measure"}


async def test_a_condition_that_does_not_hold_is_named_and_is_status_1(door: Loaded) -> None:
    flags = ("--participants", "2", "--audio-only", "--warm-up", "0", "--duration", "1")
    outcome, report = await door.load(*flags, "--require", "delay.p50>10s", "--require", "lost=0")
    assert outcome.status == 1
    assert outcome.err.startswith("does not hold: delay.p50>10s (is ")
    assert outcome.err.count("\n") == 1
    assert [each["holds"] for each in report["requirements"]] == [False, True]


async def test_people_come_and_go_and_take_turns_on_two_threads_over_socket_io(door: Loaded) -> None:
    flags = ("--carrier", "socketio", "--threads", "2", "--audio-only", "--speakers", "1", "--talk-spurts", "0.3")
    outcome, report = await door.load(*TWO_OF_THREE, *SHORT, *flags, "--churn", "3")
    assert (outcome.status, outcome.err) == (0, "")
    assert report["received"]["corrupt"] == report["joins"]["failed"] == 0
    assert report["joins"]["done"] >= 6 + 5
    # One voice a room, not three: about 2 × 50 packets a second.
    assert 0 < report["sent"]["packets_per_s"] < 150


async def test_layers_and_a_link_that_loses_are_repaired(door: Loaded) -> None:
    flags = ("--participants", "2", "--video-only", "--simulcast", "--loss", "3%", "--delay-ms", "5")
    outcome, report = await door.load(*flags, *SHORT)
    assert outcome.status == 0
    assert report["repair"]["emulated_drops"] > 0
    assert report["received"]["recovered"] > 0
    assert report["received"]["corrupt"] == 0
    assert report["delay_ms"]["p50"] >= 10


async def test_what_nobody_takes_is_not_sent(door: Loaded) -> None:
    flags = ("--publishers", "2", "--receivers", "1", "--seats", "1", "--video-only", "--check-every", "1")
    outcome, report = await door.load(*flags, "--warm-up", "6", "--duration", "2")
    assert (outcome.status, outcome.err) == (0, "")
    assert whole(report) == NOTHING_WRONG
    # Two publish, and one of them is seen.
    assert report["received"]["packets"] > 2 * 30 * 0.8
    assert report["sent"]["packets"] == pytest.approx(report["received"]["packets"], rel=0.1)


async def test_the_capacity_is_the_largest_load_that_holds(door: Loaded) -> None:
    flags = ("--participants", "2", "--audio-only", "--warm-up", "0", "--duration", "1", "--ramp", "50")
    outcome, report = await door.load(*flags, "--find-capacity", "rooms", "--most", "2", "--require", "joins.done<3")
    assert outcome.status == 0
    assert report["capacity"]["largest"] == 1
    assert [(each["load"], each["holds"]) for each in report["capacity"]["trials"]] == [(1, True), (2, False)]
    assert report["capacity"]["trials"][1]["failed"] == ["joins.done<3"]
    assert report["plan"]["rooms"] == 1


async def test_a_run_that_is_stopped_reports_what_it_has_measured(door: Loaded, tmp_path: Path) -> None:
    users, file = await door.users(2), tmp_path / "report.json"
    flags = ("--url", door.server.url, "--users", str(users), "--participants", "2", "--duration", "600")
    process = await console("load", *flags, "--json", str(file), "--warm-up", "0", XDG_CACHE_HOME=str(door.folder))
    assert process.stdout is not None
    async with asyncio.timeout(90):
        while "measure:" not in (line := (await process.stdout.readline()).decode()):
            assert line
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, err) == (0, b"")
    assert b"(stopped)" in out
    report = json.loads(file.read_text())
    assert report["interrupted"]
    assert 1 <= report["seconds"] < 600
    assert report["received"]["packets"] > 0


async def test_users_who_are_refused_are_told_of_in_one_line(door: Loaded) -> None:
    users = door.folder / "strangers"
    users.write_text("nobody no-token\nnobody2 no-token\n")
    flags = ("--participants", "2", "--duration", "1")
    outcome, report = await door.load("--users", str(users), *flags)
    assert outcome.status == 1
    assert outcome.err.startswith("error: nobody could join: ")
    assert "signaling refuses this device: " in outcome.err
    assert outcome.err.count("\n") == 1
    assert (report["joins"]["done"], report["joins"]["failed"], report["joins"]["per_s"]) == (0, 2, 0.0)


async def test_nothing_of_a_run_stays_at_the_node(door: Loaded) -> None:
    await door.load("--participants", "2", "--audio-only", "--warm-up", "0", "--duration", "0.5")
    assert len(list(door.node.node.sessions)) == 0
