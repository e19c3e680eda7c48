"""The link to signaling: media goes on without it, and a new registration puts right what was missed."""

import json
from typing import Any

import pytest

from sfu.app import NodeProcess
from sfu.errors import PortTaken
from tests.support.clients import Media, SocketIoClient
from tests.support.eventually import until
from tests.support.node import node_config, running_node
from tests.support.stand_in import SECRET, Signaling


async def test_a_node_registers_with_what_it_can_carry() -> None:
    async with running_node(load_interval_s=0.05) as deployment:
        (registration,) = deployment.signaling.registrations
        port = deployment.process.http_port
        assert registration["node"] == "sfu1"
        assert registration["server"] == {
            "https": f"ws://127.0.0.1:{port}/sfu1/socket.io",
            "wss": f"ws://127.0.0.1:{port}/ws-sfu1",
        }
        assert (registration["workers"], registration["rooms"]) == (1, [])
        assert len(registration["instance"]) == 16
        await until(lambda: deployment.signaling.of("load"), "load is reported")
        load = deployment.signaling.of("load")[0]
        assert set(load) == {"peers", "rooms", "cpu", "packets_in", "packets_out"}


async def test_many_rooms_are_registered_in_parts_of_which_only_the_last_is_final() -> None:
    async with running_node() as deployment:
        for _ in range(30):
            await deployment.room(*(f"user-{number:024x}" for number in range(20)))
        await deployment.signaling.stop()
        await until(lambda: not deployment.process.link.registered.is_set(), "the loss is noticed")
        deployment.signaling.registrations.clear()
        await deployment.signaling.start()
        parts = deployment.signaling.registrations
        await until(lambda: parts and not parts[-1]["more"], "the registration is complete")
        assert len(parts) > 1
        assert all(part["more"] for part in parts[:-1])
        assert len({room["room"] for part in parts for room in part["rooms"]}) == 30
        assert all(len(json.dumps(part)) < 64 * 1024 for part in parts)


async def test_media_survives_a_restart_of_signaling_and_everything_is_registered_again() -> None:
    async with running_node() as deployment:
        room = await deployment.room("alice", "bob")
        alice = await SocketIoClient(deployment).join(room, "alice")
        bob = await SocketIoClient(deployment, Media(seats=1)).join(room, "bob")
        mids = await alice.shown("bob")
        await deployment.signaling.stop()
        await until(lambda: not deployment.process.link.registered.is_set(), "the loss is noticed")
        await alice.media.sees(mids["video"], 5)
        await bob.close()  # nobody can be told now
        await until(lambda: deployment.process.node.peers == 1, "bob is gone")
        await deployment.signaling.start()
        await until(lambda: len(deployment.signaling.registrations) == 2, "the node registers again")
        first, second = deployment.signaling.registrations
        assert second["instance"] == first["instance"]
        (registered,) = second["rooms"]
        assert registered["room"] == room
        assert registered["peers"] == [{"peer": alice.peer, "user": "alice"}]
        assert {grant["user"] for grant in registered["grants"]} == {"alice", "bob"}
        assert set(registered["grants"][0]) == {"user", "serial", "digest", "rights"}
        await alice.close()


async def test_a_report_that_is_not_taken_is_told_by_registering_again() -> None:
    async with running_node() as deployment:
        room = await deployment.room("alice", "bob")
        alice = await SocketIoClient(deployment).join(room, "alice")
        await until(lambda: deployment.signaling.of("joined"), "alice is reported")
        deployment.signaling.takes_reports = False
        bob = await SocketIoClient(deployment, Media(seats=1)).join(room, "bob")
        await alice.close()
        await until(lambda: _peers_told(deployment.signaling) == {bob.peer}, "both changes are registered")
        await bob.close()


def _peers_told(signaling: Signaling) -> set[str]:
    """The peers of the last registration."""
    return {peer["peer"] for room in signaling.registrations[-1]["rooms"] for peer in room["peers"]}


async def test_whose_media_travels_badly_is_reported_and_once_more_where_that_is_refused() -> None:
    async with running_node(load_interval_s=0.05, stats_interval_s=60.0) as deployment:
        room = await deployment.room("alice")
        alice = await SocketIoClient(deployment).join(room, "alice")
        rules = deployment.process.node.room(room)
        assert rules is not None
        rules.rate({alice.peer: "poor"})
        bad = {"rooms": [{"room": room, "participants": {"alice": "poor"}, "figures": {}}]}
        await until(lambda: deployment.signaling.of("quality") == [bad], "signaling is told")
        deployment.signaling.takes_reports = False
        rules.rate({alice.peer: "good"})
        well = {"rooms": [{"room": room, "participants": {}, "figures": {}}]}
        await until(lambda: deployment.signaling.of("quality")[-1:] == [well], "signaling is told, and refuses")
        deployment.signaling.takes_reports = True
        deployment.signaling.reports.clear()
        await until(lambda: deployment.signaling.of("quality") == [well], "it is told again")
        await alice.close()


async def test_rooms_that_signaling_does_not_want_are_closed() -> None:
    async with running_node() as deployment:
        room = await deployment.room("alice")
        alice = await SocketIoClient(deployment).join(room, "alice")
        deployment.signaling.close_rooms = [room]
        await deployment.signaling.stop()
        await until(lambda: not deployment.process.link.registered.is_set(), "the loss is noticed")
        await deployment.signaling.start()
        await until(lambda: alice.got("expelled"), "alice is told")
        await until(lambda: deployment.process.node.peers == 0, "the room is gone")
        await alice.close()


async def test_a_closed_room_expels_everybody_and_reports_it() -> None:
    async with running_node() as deployment:
        room = await deployment.room("alice")
        alice = await SocketIoClient(deployment).join(room, "alice")
        assert await deployment.signaling.ask("close_room", room=room, reason="over") == {}
        await until(lambda: alice.got("expelled") == [{"reason": "over"}], "alice is told")
        await until(lambda: deployment.signaling.of("left"), "signaling is told")
        assert deployment.signaling.of("left")[0]["reason"] == "room closed"
        assert await deployment.signaling.ask("close_room", room=room, reason="over") == {}
        await alice.close()


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("open_room", {}),
        ("open_room", {"room": 7}),
        ("grant", {"room": "x", "user": "y", "serial": 1, "digest": "short"}),
        ("grant", {"room": "x", "user": "y", "serial": 1, "digest": "0" * 64}),
        ("revoke", {"room": "x", "user": "y"}),
    ],
)
async def test_a_request_that_cannot_be_carried_out_is_answered_so(event: str, data: dict[str, object]) -> None:
    async with running_node() as deployment:
        answer = await deployment.signaling.ask(event, **data)
        assert answer["error"] in (400, 404)
        assert answer["message"]


async def test_a_wrong_secret_is_refused_and_tried_again() -> None:
    signaling = await Signaling().start()
    process = NodeProcess(node_config(f"http://127.0.0.1:{signaling.port}", secret=SECRET + "x"))
    await process.start()
    assert signaling.registrations == []
    assert not process.link.registered.is_set()
    await process.stop()
    await signaling.stop()


async def test_a_stopping_node_says_goodbye() -> None:
    async with running_node() as deployment:
        room = await deployment.room("alice")
        alice = await SocketIoClient(deployment).join(room, "alice")
        await deployment.process.stop()
        assert alice.got("expelled") == [{"reason": "the node stops"}]
        assert deployment.signaling.of("left")[0]["peer"] == alice.peer
        await alice.close()


async def test_a_taken_port_is_named() -> None:
    async with running_node() as deployment:
        cases: list[tuple[dict[str, Any], str]] = [
            ({"port": deployment.process.http_port}, f"TCP 127.0.0.1:{deployment.process.http_port}"),
            ({"udp_port": deployment.process.udp_ports[0]}, f"UDP 127.0.0.1:{deployment.process.udp_ports[0]}"),
        ]
        for changes, words in cases:
            with pytest.raises(PortTaken, match=words):
                await NodeProcess(node_config(**changes)).start()
