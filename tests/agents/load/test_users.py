"""The users of a run, made and removed at a real signaling."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from agents.errors import ConfigError, SignInError
from agents.load.users import Admin, LoadUser, LoadUsers, read_users
from signaling.rates import Rates
from tests.support.signaling import PASSWORD, Server, running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running(tmp_path) as made:
        yield made


async def admin(server: Server) -> Admin:
    return Admin(token=server.token(await server.user("root", admin=True)))


def users_of(http: aiohttp.ClientSession, server: Server, who: Admin, said: list[str] | None = None) -> LoadUsers:
    return LoadUsers(http, server.url, who, (said if said is not None else []).append)


async def names(server: Server) -> list[str]:
    return [user.name for user in await server.app.store.users.page("local", query="load-")]


async def opened(http: aiohttp.ClientSession, server: Server, user: LoadUser) -> bool:
    """Whether a user's token opens SAPI."""
    headers = {"Authorization": f"Bearer {user.token}"}
    async with http.get(f"{server.url}/sapi/users/{user.name}", headers=headers) as answer:
        return answer.status == 200 and (await answer.json())["username"] == user.name


async def test_users_are_made_signed_in_and_removed(http: aiohttp.ClientSession, server: Server) -> None:
    said: list[str] = []
    users = users_of(http, server, await admin(server), said)
    made = await users.sign_in(2)
    assert [user.name for user in made] == ["load-0001", "load-0002"]
    assert await names(server) == ["load-0001", "load-0002"]
    assert [await opened(http, server, user) for user in made] == [True, True]
    assert said[-1] == "signed in 2 of 2 users"
    await users.remove()
    assert await names(server) == []


async def test_a_larger_run_signs_in_only_those_who_are_missing(http: aiohttp.ClientSession, server: Server) -> None:
    users = users_of(http, server, await admin(server))
    (first,) = await users.sign_in(1)
    both = await users.sign_in(2)
    assert both[0] is first
    assert len(both) == 2


async def test_users_of_an_earlier_run_are_used_again(http: aiohttp.ClientSession, server: Server) -> None:
    await users_of(http, server, await admin(server)).sign_in(1)
    (again,) = await users_of(http, server, await admin(server)).sign_in(1)
    assert await opened(http, server, again)
    assert await names(server) == ["load-0001"]


async def test_an_administrators_password_will_do(http: aiohttp.ClientSession, server: Server) -> None:
    await server.user("root", admin=True)
    (user,) = await users_of(http, server, Admin(user="root", password=PASSWORD)).sign_in(1)
    assert user.token


async def test_who_is_no_administrator_is_told_so(http: aiohttp.ClientSession, server: Server) -> None:
    token = server.token(await server.user("bob"))
    with pytest.raises(SignInError, match="answered 403"):
        await users_of(http, server, Admin(token=token)).sign_in(1)


async def test_a_server_that_is_slowed_down_is_asked_again(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with running(tmp_path, rates=Rates(sapi_per_s=4.0, sapi_burst=2.0)) as server:
        users = users_of(http, server, await admin(server))
        assert len(await users.sign_in(2)) == 2


def written(folder: Path, text: str) -> Path:
    file = folder / "users"
    file.write_text(text)
    return file


def test_users_with_tokens_come_from_a_file(tmp_path: Path) -> None:
    assert read_users(written(tmp_path, "ann t1\n\nben  t2\n")) == (LoadUser("ann", "t1"), LoadUser("ben", "t2"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("ann\n", "line 1: has to be a name and an access token"), ("a b\na b c\n", "line 2"), ("\n", "names no user")],
)
def test_a_line_that_is_no_user_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        read_users(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_users(tmp_path / "nowhere")
