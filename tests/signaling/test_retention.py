"""What is too old is forgotten: at the start, hourly, by every process at once, on both databases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signaling.config import SignalingConfig
from signaling.errors import ConfigError
from signaling.qss.history import DECLINED_BY_TIMEOUT, CallRecord
from signaling.retention import Retention
from signaling.store import Store
from signaling.store.history import CallFilter
from tests.support.eventually import eventually
from tests.support.signaling import running

DAY_S = 86_400


class Clock:
    """A time that passes when somebody sleeps and the test lets him."""

    def __init__(self) -> None:
        self.now = 100.0 * DAY_S
        self.asleep: asyncio.Queue[float] = asyncio.Queue()
        self._wake = asyncio.Semaphore(0)

    async def sleep(self, seconds: float) -> None:
        self.asleep.put_nowait(seconds)
        await self._wake.acquire()

    def wake(self, after_s: float) -> None:
        self.now += after_s
        self._wake.release()


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    made = await Store.open(database_url)
    yield made
    await made.close()


async def fill(store: Store, day: float) -> None:
    """A call, an audit entry and a session that ended, of this day."""
    at_ms = int(day * DAY_S * 1000)
    user = (await store.users.add(f"u{at_ms}", "local", None)).id
    await store.sessions.add(f"s{at_ms}", user, day * DAY_S)
    await store.audit.add(at_ms=at_ms, actor="a", action="x", target="t")
    call = CallRecord(
        id=f"c{at_ms}",
        room="r",
        inviter="a" * 24,
        inviter_device="tab",
        to="b" * 24,
        invitees=("b" * 24,),
        accepted_by=None,
        media=("audio",),
        created_ms=at_ms,
        decided_ms=at_ms,
        reason=DECLINED_BY_TIMEOUT,
        code=408,
        candidates=(),
    )
    await store.calls.record(call)


async def kept(store: Store, day: float) -> tuple[bool, bool, bool]:
    at_ms = int(day * DAY_S * 1000)
    calls = {call.record.created_ms for call in await store.calls.list(CallFilter())}
    audited = {entry.at_ms for entry in await store.audit.page()}
    return at_ms in calls, at_ms in audited, await store.sessions.by_id(f"s{at_ms}") is not None


async def test_what_grows_too_old_is_forgotten_within_the_hour(store: Store) -> None:
    for day in (89.9, 90.01, 95):
        await fill(store, day)
    clock = Clock()
    retention = Retention(store, 10, now=lambda: clock.now, sleep=clock.sleep)
    retention.start()
    assert await clock.asleep.get() == 3600
    assert await kept(store, 89.9) == (False, False, False)
    assert await kept(store, 90.01) == (True, True, True)
    clock.wake(3600)
    assert await clock.asleep.get() == 3600
    assert await kept(store, 90.01) == (False, False, False)
    assert await kept(store, 95) == (True, True, True)
    await retention.close()


async def test_several_processes_may_forget_at_once(store: Store) -> None:
    for day in (1, 2, 95):
        await fill(store, day)
    await asyncio.gather(*(Retention(store, 10, now=lambda: 100.0 * DAY_S).forget() for _ in range(4)))
    assert await kept(store, 1) == await kept(store, 2) == (False, False, False)
    assert await kept(store, 95) == (True, True, True)


async def test_a_process_forgets_where_it_is_told_to(tmp_path: Path) -> None:
    today = time.time() / DAY_S
    async with running(tmp_path) as server:
        await fill(server.app.store, today - 11)
        await fill(server.app.store, today - 9)
    async with running(tmp_path, keep_history_days=10.0) as server:
        await eventually(lambda: _is_gone(server.app.store, today - 11), "what is too old is forgotten")
        assert await kept(server.app.store, today - 9) == (True, True, True)


async def test_a_process_that_is_not_told_to_forgets_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        await fill(server.app.store, 1)
    async with running(tmp_path) as server:
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "retention"]
        assert await kept(server.app.store, 1) == (True, True, True)


async def _is_gone(store: Store, day: float) -> bool:
    return await kept(store, day) == (False, False, False)


@pytest.mark.parametrize("days", [0, -1])
def test_keeping_for_no_time_is_refused(days: float) -> None:
    with pytest.raises(ConfigError, match="--keep-history-days"):
        SignalingConfig(secrets=(b"x" * 16,), node_secrets=("n",), keep_history_days=days)
