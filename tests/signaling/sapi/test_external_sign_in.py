"""Users of an external issuer: made at their first sign-in, the same ever after, good in SAPI and at the sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signaling.identities import external_user_id
from tests.support.api import Api, asking
from tests.support.devices import Device
from tests.support.issuer import URL, TestIssuer, issuing
from tests.support.signaling import Server, running


@pytest.fixture
async def theirs() -> AsyncIterator[TestIssuer]:
    async with issuing() as issuer:
        yield issuer


@pytest.fixture
async def server(tmp_path: Path, theirs: TestIssuer, database_url: str) -> AsyncIterator[Server]:
    async with running(tmp_path, issuer=theirs.config(domain="shop"), database=database_url) as made:
        yield made


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    async with asking(server) as api:
        yield api


async def test_a_user_is_made_at_his_first_sign_in_and_the_same_at_the_next(api: Api, theirs: TestIssuer) -> None:
    for session in ("s1", "s2"):
        (erin,) = (await api.with_token(theirs.token("k1", sid=session)).got("/users"))["users"]
        assert (erin["id"], erin["username"], erin["domain"], erin["displayName"]) == (
            external_user_id(URL, "subject-1"),
            "erin",
            "shop",
            "Erin E.",
        )
    renamed = api.with_token(theirs.token("k1", preferred_username="erin.new"))
    assert [each["username"] for each in (await renamed.got("/users"))["users"]] == ["erin"]


async def test_the_first_sign_in_of_a_user_and_of_each_session_is_in_the_audit_log(
    server: Server, api: Api, theirs: TestIssuer
) -> None:
    for session in ("s1", "s1", "s2"):
        await api.with_token(theirs.token("k1", sid=session)).got("/users")
    erin = external_user_id(URL, "subject-1")
    begun, again, made = await server.app.store.audit.page(domain="shop")
    assert (made.action, made.actor, made.target) == ("user.add", erin, erin)
    assert made.detail == {"username": "erin", "issuer": URL}
    sessions = {each.id for each in await server.app.store.sessions.of_user(erin)}
    assert {begun.target, again.target} == sessions
    for entry in (begun, again):
        assert (entry.action, entry.actor, entry.detail) == ("session.begin", erin, {"user": erin, "issuer": URL})


async def test_first_sign_ins_at_the_same_moment_are_in_the_audit_log_once(
    server: Server, api: Api, theirs: TestIssuer
) -> None:
    await asyncio.gather(*(api.with_token(theirs.token("k1")).got("/users") for _ in range(4)))
    actions = [entry.action for entry in await server.app.store.audit.page(domain="shop")]
    assert sorted(actions) == ["session.begin", "user.add"]


async def test_nobody_becomes_another_by_taking_his_name(server: Server, api: Api, theirs: TestIssuer) -> None:
    victim = await server.user("erin", "shop")
    thief = api.with_token(theirs.token("k1", sub="subject-2"))
    names = {each["id"]: each["username"] for each in (await thief.got("/users"))["users"]}
    thief_id = external_user_id(URL, "subject-2")
    assert names == {victim.id: "erin", thief_id: f"erin-{thief_id[:8]}"}


@pytest.mark.parametrize("name", ["Erin Éclair", "", "x" * 300, None])
async def test_a_name_that_is_none_of_ours_is_replaced(api: Api, theirs: TestIssuer, name: str | None) -> None:
    token = theirs.token("k1", preferred_username=name, sub="subject 3|x")
    (user,) = (await api.with_token(token).got("/users"))["users"]
    assert user["username"] == f"user-{external_user_id(URL, 'subject 3|x')[:8]}"


async def test_first_sign_ins_at_the_same_moment_make_one_user(api: Api, theirs: TestIssuer) -> None:
    asked = [api.with_token(theirs.token("k1", sid=f"s{n}")).get("/users") for n in range(4)]
    answers = await asyncio.gather(*asked)
    assert [status for status, _ in answers] == [200] * 4
    assert len(answers[-1][1]["users"]) == 1


async def test_a_device_connects_with_it_and_a_revoked_session_stays_out(
    server: Server, api: Api, theirs: TestIssuer
) -> None:
    token = theirs.token("k1")
    mine = api.with_token(token)
    (listed,) = (await mine.got("/sessions"))["sessions"]
    user = await server.app.store.users.by_id(listed["userId"])
    assert user is not None
    phone = Device(user, "phone")
    server.clients.append(phone)
    await phone.connect(server.url, token)
    assert (await mine.delete(f"/sessions/{listed['id']}"))[0] == 204
    await asyncio.wait_for(phone.gone.wait(), 5)
    assert (await mine.get("/users"))[0] == 401
    assert (await api.with_token(theirs.token("k1", sid="a new one")).get("/users"))[0] == 200


async def test_without_its_keys_the_issuers_users_are_503_and_ours_go_on(
    server: Server, api: Api, theirs: TestIssuer
) -> None:
    theirs.away = True
    await server.user("alice")
    assert (await api.with_token(theirs.token("k1")).get("/users"))[0] == 503
    assert (await api.with_token((await api.signed_in("alice"))["accessToken"]).get("/users"))[0] == 200


async def test_the_users_of_an_issuer_have_no_password(api: Api, theirs: TestIssuer) -> None:
    await api.with_token(theirs.token("k1")).got("/users")
    assert (await api.sign_in("erin@shop", " "))[0] == 401


async def test_capabilities_name_the_issuer(api: Api) -> None:
    assert (await api.got("/capabilities"))["signIn"]["issuer"] == URL
