"""The watch goes on looking, whatever fails at a look."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import pytest

from sfu._core import Core
from sfu.metrics import NodeMetrics
from sfu.placement import Placement
from sfu.room.grants import Grant, Rights
from sfu.room.room import Room
from sfu.session import Session, State
from sfu.watch import Watch, rest_s
from tests.support.eventually import until
from tests.support.node import node_config

FAILURE = "the worker did not answer"


class Meters:
    """A core that everybody speaks at; what it is asked for first fails."""

    def __init__(self, *failing: str) -> None:
        self.asked: Counter[str] = Counter()
        self._failing = failing

    def levels(self) -> list[tuple[int, str, int]]:
        self._answer("levels")
        return [(0, "0", 30), (1, "0", 30)]

    def stats(self) -> list[object]:
        self._answer("stats")
        return []

    def cpu_ns(self) -> list[int]:
        self._answer("cpu_ns")
        return [0]

    def counters(self) -> dict[str, int]:
        return {}

    def _answer(self, what: str) -> None:
        self.asked[what] += 1
        if what in self._failing and self.asked[what] == 1:
            raise ValueError(FAILURE)


@dataclass
class Speaking:
    """A session, as far as it is looked at."""

    id: str
    room: str
    state: State = State.CONNECTED


class Street:
    """Two rooms with one speaker each; of the first nothing can be carried out."""

    def __init__(self) -> None:
        self.placement = Placement(1)
        self.settled: Counter[str] = Counter()
        self._sessions = [Speaking("a", "ill"), Speaking("b", "well")]
        self._rooms = {session.room: _room(session) for session in self._sessions}

    @property
    def sessions(self) -> list[Session]:
        return cast("list[Session]", self._sessions)

    def session_of(self, handle: int) -> Session | None:
        return self.sessions[handle]

    def room(self, room: str) -> Room | None:
        return self._rooms.get(room)

    def settle(self, room: str) -> None:
        self.settled[room] += 1
        if room == "ill":
            raise RuntimeError(FAILURE)


def _room(session: Speaking) -> Room:
    room = Room(session.room, record={}, participants_limit=9, bitrate=1)
    room.grants.put(Grant(session.id, 1, "0" * 64, Rights()))
    room.enter(session.id, session.id)
    room.negotiate(session.id, seats={}, tracks=[("0", "audio")])
    room.connect(session.id)
    return room


@asynccontextmanager
async def watched(core: Meters) -> AsyncIterator[Street]:
    """A street that is looked at all the time."""
    street, real = Street(), cast("Core", core)
    config = node_config(level_interval_s=0.01, stats_interval_s=0.01)
    async with asyncio.TaskGroup() as group:
        looking = group.create_task(Watch(config, real, street, NodeMetrics(real)).run())
        yield street
        looking.cancel()


@pytest.mark.parametrize(("took_s", "rest"), [(0.0, 2.0), (0.03, 2.0), (0.0625, 4.0), (0.125, 8.0), (3.0, 8.0)])
def test_a_look_that_takes_long_is_followed_by_a_longer_rest_but_no_more_than_8_s(took_s: float, rest: float) -> None:
    assert rest_s(2.0, took_s) == rest


def test_a_configured_interval_is_not_cut_short() -> None:
    assert rest_s(60.0, 3.0) == 60.0


@pytest.mark.parametrize("what", ["levels", "stats", "cpu_ns"])
async def test_a_look_that_fails_is_told_of_and_is_not_the_last(what: str, caplog: pytest.LogCaptureFixture) -> None:
    core = Meters(what)
    async with watched(core):
        await until(lambda: core.asked[what] > 2, "it is looked again")
    assert FAILURE in next(record.message for record in caplog.records if "look_failed" in record.message)


async def test_a_room_that_cannot_be_settled_is_told_of_and_costs_no_other_its_look(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with watched(Meters()) as street:
        await until(lambda: street.settled["well"] > 2, "the other room is looked at again")
    assert street.settled["ill"] >= 2
    assert {record.message for record in caplog.records if record.levelname == "ERROR"} == {
        f"look_failed error=RuntimeError('{FAILURE}') at='levels' room='ill'"
    }
