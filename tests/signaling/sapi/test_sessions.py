"""Sessions: signing in without giving users away, tokens that are good once, and signing out everywhere at once."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import socketio

from tests.support.api import Api
from tests.support.devices import Device
from tests.support.eventually import eventually
from tests.support.signaling import Server


async def _device(server: Server, session: dict[str, Any], name: str = "phone") -> Device:
    user = await server.app.store.users.by_id(session["userId"])
    assert user is not None
    device = Device(user, name)
    await device.connect(server.url, session["accessToken"])
    server.clients.append(device)
    return device


async def _is_refused(server: Server, session: dict[str, Any], phone: Device) -> bool:
    another = Device(phone.user, "another")
    with pytest.raises(socketio.exceptions.ConnectionError):
        await another.connect(server.url, session["accessToken"])
    return True


@pytest.mark.parametrize("username", ["alice", "alice@local", "ALICE"])
async def test_signing_in_gives_tokens(server: Server, api: Api, username: str) -> None:
    alice = await server.user("alice")
    session = await api.signed_in(username)
    assert set(session) == {"id", "userId", "username", "domain", "accessToken", "refreshToken", "expiresIn"}
    assert (session["userId"], session["username"], session["domain"]) == (alice.id, "alice", "local")
    assert session["expiresIn"] == 3600
    assert server.app.access.check(session["accessToken"], now=time.time()).user == alice.id
    assert (await api.with_token(session["accessToken"]).get("/users"))[0] == 200


async def test_a_wrong_password_an_unknown_user_and_a_disabled_one_are_told_alike(server: Server, api: Api) -> None:
    alice = await server.user("alice")
    wrong, unknown = await api.sign_in("alice", "not it"), await api.sign_in("nobody", "not it")
    await server.app.store.users.update(alice.id, disabled=True)
    assert wrong == unknown == await api.sign_in("alice")
    assert wrong[0] == 401
    assert wrong[1]["detail"] == "wrong username or password"


async def test_an_unknown_user_costs_the_same_work(server: Server, api: Api) -> None:
    await server.user("alice")
    known, unknown = [await _cpu_of(api, name) for name in ("alice", "nobody")]
    assert unknown > known / 3, "no password was hashed for the unknown user"


async def _cpu_of(api: Api, username: str) -> float:
    began = time.process_time()
    for _ in range(3):
        assert (await api.sign_in(username, "not it"))[0] == 401
    return time.process_time() - began


async def test_guessing_is_slowed_down_for_known_and_unknown_names_alike(server: Server, api: Api) -> None:
    await server.user("alice")
    for name in ("alice", "nobody"):
        statuses = [(await api.sign_in(name, "guess"))[0] for _ in range(6)]
        assert statuses == [401] * 5 + [429]
        async with api.http.post("/sapi/sessions", json={"username": name, "password": "guess"}) as answer:
            assert (answer.status, int(answer.headers["Retry-After"])) == (429, 1)


async def test_a_refresh_token_is_good_once_and_gives_the_next(server: Server, api: Api) -> None:
    await server.user("alice")
    first = await api.signed_in("alice")
    status, second = await api.post("/sessions/refresh", {"refreshToken": first["refreshToken"]})
    assert (status, second["id"]) == (201, first["id"])
    assert (await api.post("/sessions/refresh", {"refreshToken": second["refreshToken"]}))[0] == 201
    assert (await api.post("/sessions/refresh", {"refreshToken": second["accessToken"]}))[0] == 401


async def test_a_refresh_token_that_is_used_again_ends_its_session(server: Server, api: Api) -> None:
    await server.user("alice")
    first = await api.signed_in("alice")
    phone = await _device(server, first)
    _, second = await api.post("/sessions/refresh", {"refreshToken": first["refreshToken"]})
    assert (await api.post("/sessions/refresh", {"refreshToken": first["refreshToken"]}))[0] == 401
    assert (await api.post("/sessions/refresh", {"refreshToken": second["refreshToken"]}))[0] == 401
    assert (await api.with_token(second["accessToken"]).get("/users"))[0] == 401
    await asyncio.wait_for(phone.gone.wait(), 5)


async def test_of_two_refreshes_at_the_same_moment_one_is_the_second(server: Server, api: Api) -> None:
    await server.user("alice")
    body = {"refreshToken": (await api.signed_in("alice"))["refreshToken"]}
    answers = await asyncio.gather(*(api.post("/sessions/refresh", body) for _ in range(2)))
    assert sorted(status for status, _ in answers) == [201, 401]


async def test_revoking_a_session_disconnects_its_devices_and_refuses_its_tokens(server: Server, api: Api) -> None:
    await server.user("alice")
    lost, kept = await api.signed_in("alice"), await api.signed_in("alice")
    phone, tab = await _device(server, lost), await _device(server, kept, "tab")
    assert await api.with_token(kept["accessToken"]).delete(f"/sessions/{lost['id']}") == (204, None)
    await asyncio.wait_for(phone.gone.wait(), 5)
    assert await _is_refused(server, lost, phone)
    assert (await api.with_token(lost["accessToken"]).get("/users"))[0] == 401
    assert (await api.post("/sessions/refresh", {"refreshToken": lost["refreshToken"]}))[0] == 401
    assert not tab.gone.is_set()
    await tab.settled()


async def test_ones_own_sessions_are_listed_with_what_they_are_called(server: Server, api: Api) -> None:
    await server.user("alice")
    _, session = await api.sign_in("alice", deviceName="kitchen tablet")
    mine = api.with_token(session["accessToken"])
    listed = (await mine.got("/sessions"))["sessions"]
    assert [(each["deviceName"], each["current"]) for each in listed if each["id"] == session["id"]] == [
        ("kitchen tablet", True)
    ]
    assert all(each["userId"] == session["userId"] for each in listed)


async def test_sessions_of_others_are_for_administrators(server: Server, api: Api) -> None:
    alice, admin = await api.by("alice"), await api.by("root", admin=True)
    theirs = await api.by("boss", "acme", admin=True)
    await server.user("bob")
    bobs = await api.signed_in("bob")
    assert (await alice.get("/sessions", user="bob"))[0] == 403
    assert (await alice.delete(f"/sessions/{bobs['id']}"))[0] == 404
    assert (await theirs.delete(f"/sessions/{bobs['id']}"))[0] == 404
    assert bobs["id"] in [each["id"] for each in (await admin.got("/sessions", user="bob"))["sessions"]]
    assert (await admin.delete(f"/sessions/{bobs['id']}"))[0] == 204
    assert (await api.with_token(bobs["accessToken"]).get("/users"))[0] == 401


async def test_a_new_password_ends_the_other_sessions(server: Server, api: Api) -> None:
    alice = await server.user("alice")
    lost, kept = await api.signed_in("alice"), await api.signed_in("alice")
    phone = await _device(server, lost)
    mine = api.with_token(kept["accessToken"])
    change = {"password": "a better one"}
    assert (await mine.patch(f"/users/{alice.id}", change))[0] == 403
    assert (await mine.patch(f"/users/{alice.id}", {**change, "currentPassword": "guess"}))[0] == 403
    assert (await mine.patch(f"/users/{alice.id}", {**change, "currentPassword": "correct horse"}))[0] == 200
    await asyncio.wait_for(phone.gone.wait(), 5)
    assert (await api.with_token(lost["accessToken"]).get("/users"))[0] == 401
    assert (await mine.get("/users"))[0] == 200
    assert (await api.sign_in("alice"))[0] == 401
    assert (await api.sign_in("alice", "a better one"))[0] == 201


async def test_a_removed_or_disabled_user_is_gone_at_once(server: Server, api: Api) -> None:
    admin = await api.by("root", admin=True)
    for name, method, body in (("bob", "PATCH", {"disabled": True}), ("carol", "DELETE", None)):
        await server.user(name)
        session = await api.signed_in(name)
        device = await _device(server, session, name)
        status, _ = await admin.ask(method, f"/users/{name}", **({"json": body} if body else {}))
        assert status in (200, 204)
        await asyncio.wait_for(device.gone.wait(), 5)
        assert (await api.with_token(session["accessToken"]).get("/users"))[0] == 401
        assert await _is_refused(server, session, device)
        assert (await api.sign_in(name))[0] == 401


async def test_nothing_of_a_session_that_ended_stays_online(server: Server, api: Api) -> None:
    alice = await server.user("alice")
    session = await api.signed_in("alice")
    await _device(server, session)
    await api.with_token(session["accessToken"]).delete(f"/sessions/{session['id']}")
    await eventually(lambda: _is_offline(server, alice.id), "the device is offline")


async def _is_offline(server: Server, user: str) -> bool:
    return not await server.app.state.devices.of(user)  # type: ignore[arg-type]
