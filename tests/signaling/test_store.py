"""Lasting state, in a real database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from signaling.errors import StoreError
from signaling.store.users import Users


async def make_first(data: Path, name: str) -> str:
    users = await Users.open(data)
    try:
        return (await users.add(name, "local", "hash")).username
    finally:
        await users.close()


@pytest.mark.parametrize("run", range(5))
async def test_the_first_users_may_be_made_at_the_same_moment(tmp_path: Path, run: int) -> None:
    names = [f"user{number}" for number in range(8)]
    made = await asyncio.gather(*(make_first(tmp_path, name) for name in names))
    assert sorted(made) == [f"{name}@local" for name in names]


async def test_a_name_is_taken_once(tmp_path: Path) -> None:
    await make_first(tmp_path, "alice")
    with pytest.raises(StoreError, match="alice@local exists already"):
        await make_first(tmp_path, "alice")
