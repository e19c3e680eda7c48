"""Permissions: who is rung, whose word counts, and who may change it."""

from __future__ import annotations

import pytest

from tests.support.api import Api
from tests.support.devices import Device
from tests.support.in_test_node import InTestNode
from tests.support.signaling import Server

OFF, ON = {"receiveCalls": {"enabled": False}}, {"receiveCalls": {"enabled": True}}


@pytest.fixture
async def admin(api: Api) -> Api:
    return await api.by("root", admin=True)


async def _rings(server: Server, caller: Device, callee: Device) -> bool:
    """Whether an invitation to a new room rings there."""
    room = await caller.room()
    await caller.invite(callee.user.id, room["room"], request_id=f"invite-{room['number']}")
    told = await caller.frame(
        lambda f: (
            f.get("requestID") == f"invite-{room['number']}"
            or (f.get("type") == "event" and f["payload"]["eventName"] == "ringing")
        )
    )
    if told.get("type") == "event":
        await callee.decline(await callee.ring())
        return True
    assert told["error"] == 404
    return False


async def test_a_blocked_user_is_not_rung_can_still_call_and_is_rung_again_at_once(
    server: Server, node: InTestNode, api: Api, admin: Api
) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    assert await admin.post(f"/permissions/user/{bob.user.id}", OFF) == (
        201,
        {**OFF, "effective": {"receiveCalls": {"enabled": False}}},
    )
    assert not await _rings(server, alice, bob)
    assert await _rings(server, bob, alice)
    assert (await admin.post(f"/permissions/user/{bob.user.id}", ON))[0] == 201
    assert await _rings(server, alice, bob)


async def test_the_users_own_value_counts_before_his_domains_and_that_before_the_default(
    server: Server, node: InTestNode, api: Api, admin: Api
) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    domain = (await admin.got("/domains/local"))["id"]
    assert (await admin.post(f"/permissions/domain/{domain}", OFF))[0] == 201
    assert not await _rings(server, alice, bob)
    assert (await admin.post(f"/permissions/user/{bob.user.id}", ON))[0] == 201
    assert await _rings(server, alice, bob)
    assert await admin.delete(f"/permissions/user/{bob.user.id}") == (204, None)
    assert not await _rings(server, alice, bob)
    assert await admin.delete(f"/permissions/domain/{domain}") == (204, None)
    assert await _rings(server, alice, bob)


async def test_keys_that_are_not_named_stay(api: Api, admin: Api) -> None:
    bob = await api.by("bob")
    await admin.post(f"/permissions/user/{bob.id}", OFF)
    status, after = await admin.post(f"/permissions/user/{bob.id}", {})
    assert (status, after["receiveCalls"]) == (201, {"enabled": False})
    assert await bob.got(f"/permissions/user/{bob.id}") == after


async def test_a_user_without_a_value_of_his_own_says_what_counts(api: Api, admin: Api) -> None:
    bob = await api.by("bob")
    await admin.post("/permissions/domain/local", OFF)
    assert await bob.got("/permissions/user/bob") == {"effective": {"receiveCalls": {"enabled": False}}}
    assert await bob.got("/permissions/domain/local") == {**OFF, "effective": {"receiveCalls": {"enabled": False}}}


async def test_one_changes_ones_own_and_nobody_elses(api: Api) -> None:
    alice, bob = await api.by("alice"), await api.by("bob")
    assert (await bob.post(f"/permissions/user/{bob.id}", OFF))[0] == 201
    for method in ("POST", "GET", "DELETE"):
        body = {"json": ON} if method == "POST" else {}
        assert (await alice.ask(method, f"/permissions/user/{bob.id}", **body))[0] == 403
    assert (await alice.post("/permissions/domain/local", OFF))[0] == 403
    assert (await alice.delete("/permissions/domain/local"))[0] == 403
    assert (await bob.got(f"/permissions/user/{bob.id}"))["receiveCalls"] == {"enabled": False}


async def test_an_administrator_acts_in_his_domain_only_but_one_of_the_default_domain_in_all(
    api: Api, admin: Api
) -> None:
    theirs, carol, bob = await api.by("boss", "acme", admin=True), await api.by("carol", "acme"), await api.by("bob")
    assert (await theirs.post(f"/permissions/user/{carol.id}", OFF))[0] == 201
    assert (await theirs.post("/permissions/domain/acme", OFF))[0] == 201
    assert (await theirs.post(f"/permissions/user/{bob.id}", OFF))[0] == 404
    assert (await theirs.post("/permissions/domain/local", OFF))[0] == 404
    assert (await admin.post(f"/permissions/user/{carol.id}", ON))[0] == 201


@pytest.mark.parametrize(
    "body", [{"receiveCalls": False}, {"receiveCalls": {}}, {"receiveCalls": {"enabled": "no"}}, {"sendCalls": {}}, []]
)
async def test_a_permission_that_is_none_is_named(api: Api, admin: Api, body: object) -> None:
    status, problem = await admin.post(f"/permissions/user/{admin.id}", body)
    assert status == 400
    assert problem["detail"]


async def test_nobody_who_does_not_exist_has_permissions(admin: Api) -> None:
    for path in ("user/" + "0" * 24, "user/nobody", "domain/" + "0" * 24, "domain/nowhere"):
        assert (await admin.post(f"/permissions/{path}", OFF))[0] == 404
