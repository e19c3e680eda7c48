"""Users, domains and groups over SAPI: made, listed a page at a time, changed and removed by those who may."""

from __future__ import annotations

import pytest

from tests.support.api import Api
from tests.support.signaling import Server


@pytest.fixture
async def admin(api: Api) -> Api:
    return await api.by("root", admin=True)


async def test_users_of_the_own_domain_are_listed_with_who_is_online(server: Server, api: Api) -> None:
    alice, bob = await api.by("alice"), await server.device("bob")
    await server.user("mallory", "elsewhere")
    seen = (await (await api.by("carol")).got("/users"))["users"]
    assert seen[:2] == [
        {"id": alice.id, "username": "alice", "domain": "local", "displayName": "alice", "online": False},
        {"id": bob.user.id, "username": "bob", "domain": "local", "displayName": "bob", "online": True},
    ]
    assert [each["username"] for each in seen] == ["alice", "bob", "carol"]
    assert {"admin", "disabled", "createdAt"} <= set(seen[2])


async def test_users_come_a_page_at_a_time_and_can_be_searched(api: Api, admin: Api) -> None:
    for name in ("ann", "bea", "cat"):
        await admin.post("/users", {"username": name, "displayName": f"{name} Smith"})
    first = await admin.got("/users", limit=2)
    assert ([each["username"] for each in first["users"]], first["next"]) == (["ann", "bea"], "bea")
    second = await admin.got("/users", limit=3, after=first["next"])
    assert [each["username"] for each in second["users"]] == ["cat", "root"]
    assert "next" not in second
    assert [each["username"] for each in (await admin.got("/users", query="SMITH", limit=9))["users"]] == [
        "ann",
        "bea",
        "cat",
    ]


async def test_a_user_is_made_changed_and_removed(api: Api, admin: Api) -> None:
    status, made = await admin.post("/users", {"username": "dora", "displayName": "Dora", "password": "long enough"})
    assert status == 201
    assert (made["username"], made["domain"], made["displayName"], made["admin"]) == ("dora", "local", "Dora", False)
    assert (await admin.post("/users", {"username": "dora"}))[0] == 409
    dora = api.with_token((await api.signed_in("dora", "long enough"))["accessToken"])
    assert (await dora.patch("/users/dora", {"displayName": "D."}))[1]["displayName"] == "D."
    assert (await dora.patch("/users/dora", {"admin": True}))[0] == 403
    assert (await admin.patch(f"/users/{made['id']}", {"admin": True}))[1]["admin"] is True
    assert (await admin.delete("/users/dora@local"))[0] == 204
    assert (await admin.get(f"/users/{made['id']}"))[0] == 404


async def test_who_has_no_password_cannot_sign_in_with_one(api: Api, admin: Api) -> None:
    await admin.post("/users", {"username": "dora"})
    assert (await api.sign_in("dora", " "))[0] == 401


async def test_administrators_do_not_lock_themselves_out(admin: Api) -> None:
    for change in ({"admin": False}, {"disabled": True}):
        assert (await admin.patch(f"/users/{admin.id}", change))[0] == 409
    assert (await admin.delete(f"/users/{admin.id}"))[0] == 409


async def test_who_is_no_administrator_changes_nobody(api: Api) -> None:
    alice, bob = await api.by("alice"), await api.by("bob")
    assert (await alice.post("/users", {"username": "eve"}))[0] == 403
    assert (await alice.patch(f"/users/{bob.id}", {"displayName": "x"}))[0] == 403
    assert (await alice.delete(f"/users/{bob.id}"))[0] == 403
    assert (await alice.post("/groups", {"name": "g"}))[0] == 403
    assert (await alice.post("/domains", {"name": "d"}))[0] == 403
    assert (await alice.get("/domains"))[0] == 403


async def test_other_domains_do_not_exist_for_those_who_do_not_administrate_them(api: Api, admin: Api) -> None:
    boss, carol = await api.by("boss", "acme", admin=True), await api.by("carol", "acme")
    bob = await api.by("bob")
    for path in (f"/users/{bob.id}", "/users/bob@local", "/domains/local"):
        assert (await boss.get(path))[0] == 404
    for path in ("/users", "/groups"):
        assert (await boss.get(path, domain="local"))[0] == 404
        assert (await carol.get(path, domain="local"))[0] == 404
        assert (await admin.get(path, domain="acme"))[0] == 200
    for body in ({"username": "spy", "domain": "local"},):
        assert (await boss.post("/users", body))[0] == 404
    assert [each["name"] for each in (await boss.got("/domains"))["domains"]] == ["acme"]


async def test_domains_are_made_and_removed_by_administrators_of_the_default_domain(api: Api, admin: Api) -> None:
    boss = await api.by("boss", "acme", admin=True)
    assert (await boss.post("/domains", {"name": "other"}))[0] == 403
    status, made = await admin.post("/domains", {"name": "other"})
    assert status == 201
    assert (await admin.post("/domains", {"name": "other"}))[0] == 409
    assert [each["name"] for each in (await admin.got("/domains", limit=2))["domains"]] == ["acme", "local"]
    assert (await admin.got("/domains", limit=2))["next"] == "local"
    assert (await admin.delete("/domains/acme"))[0] == 409
    assert (await admin.delete("/domains/local"))[0] == 409
    assert (await admin.delete(f"/domains/{made['id']}"))[0] == 204
    assert (await admin.get(f"/domains/{made['id']}"))[0] == 404


async def test_a_group_is_made_of_users_of_its_domain_changed_and_removed(api: Api, admin: Api) -> None:
    alice, bob = await api.by("alice"), await api.by("bob")
    await api.by("carol", "acme")
    status, made = await admin.post("/groups", {"name": "sales", "members": ["alice", bob.id]})
    assert status == 201
    assert sorted(made["members"]) == sorted([alice.id, bob.id])
    assert (await alice.got(f"/groups/{made['id']}")) == (await alice.got("/groups/sales")) == made
    assert (await alice.got("/groups"))["groups"] == [made]
    status, changed = await admin.patch("/groups/sales", {"members": ["bob"]})
    assert (status, changed["members"], changed["displayName"]) == (200, [bob.id], "sales")
    assert (await admin.patch("/groups/sales", {"displayName": "Sales"}))[1]["members"] == [bob.id]
    for members in (["nobody"], ["carol@acme"]):
        status, problem = await admin.patch("/groups/sales", {"members": members})
        assert (status, members[0] in problem["detail"]) == (400, True)
    assert (await admin.post("/groups", {"name": "sales"}))[0] == 409
    assert (await admin.delete("/groups/sales"))[0] == 204
    assert (await admin.get("/groups/sales"))[0] == 404
