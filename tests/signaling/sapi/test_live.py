"""What lives now, over SAPI and for probes: rooms, nodes, readiness, metrics, audit, capabilities."""

from __future__ import annotations

import pytest

from tests.support.api import Api
from tests.support.in_test_node import InTestNode
from tests.support.signaling import Server


async def test_rooms_are_listed_to_those_in_them_and_to_administrators(
    server: Server, node: InTestNode, api: Api
) -> None:
    alice, other = await server.device("alice"), await server.device("bob")
    room, others = await alice.room(), await other.room()
    mine, admin = await api.by("alice"), await api.by("root", admin=True)
    boss = await api.by("boss", "acme", admin=True)
    listed = (await mine.got("/rooms"))["rooms"]
    assert [each["room"] for each in listed] == [room["room"]]
    assert (listed[0]["participants"], listed[0]["node"], listed[0]["number"]) == (
        [alice.user.id],
        "sfu1",
        room["number"],
    )
    assert "token" not in str(listed)
    assert (await admin.got("/rooms"))["rooms"] == []
    both = sorted([room["room"], others["room"]])
    assert [each["room"] for each in (await admin.got("/rooms", all="true"))["rooms"]] == both
    first = await admin.got("/rooms", all="true", limit=1)
    rest = await admin.got("/rooms", all="true", limit=5, after=first["next"])
    assert [each["room"] for each in (*first["rooms"], *rest["rooms"])] == both
    assert (await boss.got("/rooms", all="true"))["rooms"] == []
    assert len((await mine.got("/rooms", all="true"))["rooms"]) == 1


async def test_a_room_says_how_well_the_media_of_each_travels(server: Server, node: InTestNode, api: Api) -> None:
    alice = await server.device("alice")
    room, mine = await alice.room(), await api.by("alice")
    assert (await mine.got("/rooms"))["rooms"][0]["quality"] == {}
    await node.joined(room["room"], room["token"])
    assert (await mine.got("/rooms"))["rooms"][0]["quality"] == {alice.user.id: "good"}
    rated = {"room": room["room"], "participants": {alice.user.id: "poor", "stranger": "lost"}}
    assert await node.say("quality", {"rooms": [{"room": "0" * 64, "participants": {}}, rated]}) == {}
    assert (await mine.got("/rooms"))["rooms"][0]["quality"] == {alice.user.id: "poor"}
    assert await node.say("quality", {"rooms": [{"room": room["room"], "participants": {}}]}) == {}
    assert (await mine.got("/rooms"))["rooms"][0]["quality"] == {alice.user.id: "good"}


async def test_a_room_has_the_figures_of_who_is_connected_as_the_node_told_them_last(
    server: Server, node: InTestNode, api: Api
) -> None:
    alice = await server.device("alice")
    room, mine = await alice.room(), await api.by("alice")
    await node.joined(room["room"], room["token"])
    figures = {alice.user.id: [40, None, [520, 0.0125, 3], [1_900, 0, 7]], "stranger": [1, 1, [1, 0, 1], [1, 0, 1]]}
    rated = {"room": room["room"], "participants": {}, "figures": figures}
    assert await node.say("quality", {"rooms": [rated]}) == {}
    (shown,) = (await mine.got("/rooms"))["rooms"]
    assert shown["quality"] == {alice.user.id: "good"}
    assert shown["figures"] == {
        alice.user.id: {
            "rttMs": 40,
            "estimateKbps": None,
            "up": {"kbps": 520, "loss": 0.0125, "jitterMs": 3},
            "down": {"kbps": 1_900, "loss": 0.0, "jitterMs": 7},
        }
    }
    assert (await (await api.by("bob")).got("/rooms"))["rooms"] == []
    assert await node.say("quality", {"rooms": [{"room": room["room"], "participants": {}}]}) == {}
    assert (await mine.got("/rooms"))["rooms"][0]["figures"] == {}


async def test_nodes_are_listed_to_administrators(server: Server, node: InTestNode, api: Api) -> None:
    admin = await api.by("root", admin=True)
    nodes = (await admin.got("/nodes"))["nodes"]
    assert [(each["name"], each["present"]) for each in nodes] == [("sfu1", True)]
    assert (await (await api.by("alice")).get("/nodes"))[0] == 403


async def test_a_process_lives_also_when_it_cannot_carry_calls(server: Server, api: Api) -> None:
    async with api.http.get("/healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ok"})
    async with api.http.get("/readyz") as answer:
        assert (answer.status, await answer.json()) == (503, {"status": "unready", "missing": ["node"], "nodes": 0})
    await server.node()
    async with api.http.get("/readyz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ready", "missing": [], "nodes": 1})
    await server.app.store.close()
    async with api.http.get("/healthz") as answer:
        assert answer.status == 200


async def test_metrics_count_what_happened(server: Server, node: InTestNode, api: Api) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    room = await alice.room()
    await alice.invite(bob.user.id, room["room"])
    await bob.decline(await bob.ring())
    await alice.frame(lambda f: f.get("error") == 603)
    await api.sign_in("nobody", "x")
    numbers = await _metrics(api)
    assert numbers["tertulia_devices_online"] == 2
    assert numbers["tertulia_rooms"] == 1
    assert numbers['tertulia_nodes{presence="present"}'] == 1
    assert numbers['tertulia_frames_total{name="createRoom"}'] == 1
    assert numbers['tertulia_frames_total{name="invitation"}'] == 2
    assert numbers['tertulia_sign_ins_refused_total{reason="password"}'] == 1
    assert numbers['tertulia_sapi_request_seconds_count{operation="signIn",status="401"}'] == 1
    assert numbers["tertulia_ring_seconds_count"] == 1


async def _metrics(api: Api) -> dict[str, float]:
    async with api.http.get("/metrics") as answer:
        assert answer.content_type == "text/plain"
        lines = (await answer.text()).splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


async def test_what_was_changed_and_who_was_refused_is_in_the_audit_log(server: Server, api: Api) -> None:
    admin, boss = await api.by("root", admin=True), await api.by("boss", "acme", admin=True)
    bob = await api.by("bob")
    await api.sign_in("bob", "guess")
    await admin.post(f"/permissions/user/{bob.id}", {"receiveCalls": {"enabled": False}})
    await boss.post("/groups", {"name": "sales"})
    entries = (await admin.got("/audit"))["entries"]
    assert [(each["action"], each["actor"], each["domain"]) for each in entries] == [
        ("group.add", boss.id, "acme"),
        ("permission.user.set", admin.id, "local"),
        ("session.refused", "", "local"),
    ]
    assert (entries[1]["target"], entries[1]["detail"]) == (bob.id, {"receiveCalls": False})
    assert (entries[2]["target"], entries[2]["address"]) == ("bob@local", "127.0.0.1")
    assert [each["action"] for each in (await boss.got("/audit"))["entries"]] == ["group.add"]
    assert len((await admin.got("/audit", action="session.refused"))["entries"]) == 1
    first = await admin.got("/audit", limit=1)
    assert (await admin.got("/audit", limit=1, before=first["next"]))["entries"] == entries[1:2]
    assert (await bob.get("/audit"))[0] == 403


async def test_capabilities_are_told_to_everybody(api: Api) -> None:
    told = await api.got("/capabilities")
    assert told["signIn"] == {"password": True, "issuer": None}
    assert told["limits"]["frameBytes"] == 65536


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic YWxpY2U6eA=="])
async def test_without_a_right_token_it_is_401(api: Api, header: str) -> None:
    async with api.http.get("/sapi/users", headers={"Authorization": header}) as answer:
        assert answer.status == 401
        assert answer.content_type == "application/problem+json"
        assert answer.headers["WWW-Authenticate"] == "Bearer"
