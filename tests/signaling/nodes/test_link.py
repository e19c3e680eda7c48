"""How nodes connect: those that know a secret are let in; one that sends no event comes again and says all it holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import socketio

from signaling.dispatch import Dispatch
from signaling.gateway.sockets import Sockets
from signaling.ice import IceServers
from signaling.keeper import Keeper
from signaling.metrics import Metrics
from signaling.nodes.parts import NodeParts
from signaling.state.memory_state import MemoryState
from signaling.tokens import RoomTokens
from tests.support.eventually import until
from tests.support.in_test_node import NODE_SECRET, InTestNode
from tests.support.packets import Peer, peer
from tests.support.signaling import Server, running, settings

pytestmark = pytest.mark.both_backends

NO_EVENTS = ["42/nodes,[", '42/nodes,["joined",', "42/nodes,[5]", "42/nodes,{}", "43/nodes,1[", "49"]
GOODBYE = "41/nodes"  # after this packet a client stays away


async def _let_in(node: Peer) -> None:
    await node.send("40/nodes," + json.dumps({"node": "sfu1", "instance": "i", "secret": NODE_SECRET}))
    welcome = await node.packet()
    assert welcome is not None
    assert welcome.startswith('40/nodes,{"sid"')


@pytest.mark.parametrize("packet", NO_EVENTS)
async def test_a_node_that_sends_what_is_no_event_is_cut_off_without_a_goodbye(server: Server, packet: str) -> None:
    async with peer(server, "websocket") as node:
        await _let_in(node)
        await node.send(packet)
        while (last := await node.packet()) is not None:
            assert not last.startswith(GOODBYE)


async def test_what_a_node_garbled_it_says_when_it_comes_again(server: Server, node: InTestNode) -> None:
    alice, bob, room, _, bobs = await server.talk(node)
    del node.rooms[room["room"]].peers[bobs]
    await node.sio.eio.send('2/nodes,["left",')
    await until(lambda: not node.sio.connected, "the node is cut off")
    await node.connect(server.url)
    assert node.registered["close"] == []
    left = await alice.event("participant-left")
    assert (left["userId"], left["peer"]) == (bob.user.id, bobs)


async def test_what_a_node_sent_before_it_went_harms_nobody(tmp_path: Path) -> None:
    config, state, tokens = settings(tmp_path), MemoryState(), RoomTokens(b"a secret of sixteen bytes or more")
    keeper = Keeper(state, Dispatch(tokens, IceServers()), config, Metrics())
    link = NodeParts(config=config, tokens=tokens, state=state, keeper=keeper, sockets=Sockets(config)).link
    await link.malformed("gone", "no packet")
    assert await link.happened("gone", "load", {}) == {"error": 401, "message": "not authenticated"}
    await link.disconnected("gone")


async def test_a_wrong_secret_is_refused(server: Server) -> None:
    node = InTestNode(secret="guessed")
    with pytest.raises(socketio.exceptions.ConnectionError):
        await node.connect(server.url)
    await node.disconnect()
    assert [refusal["code"] for refusal in node.refusals] == ["unauthorized"]
    assert await server.app.state.nodes.all() == ()


async def test_each_of_several_secrets_lets_a_node_in(tmp_path: Path) -> None:
    async with running(tmp_path, node_secrets=("the new secret", "the old secret")) as server:
        for number, secret in enumerate(server.app.config.node_secrets, start=1):
            node = InTestNode(f"sfu{number}", secret=secret)
            await node.connect(server.url)
            server.clients.append(node)
        assert {node.name for node in await server.app.state.nodes.all()} == {"sfu1", "sfu2"}


async def test_a_secret_is_replaced_without_ending_a_call(tmp_path: Path) -> None:
    async with running(tmp_path, secrets=(b"the old secret of the server",)) as before:
        node = await before.node()
        alice = await before.device("alice")
        room = await alice.room()
        peer = await node.joined(room["room"], room["token"])
    secrets = (b"the new secret of the server", b"the old secret of the server")
    async with running(tmp_path, secrets=secrets) as after:
        await node.connect(after.url)
        after.clients.append(node)
        assert list(node.rooms[room["room"]].peers) == [peer]
        alice = await after.device("alice")
        again = await alice.ask("joinRoom", payload={"room": room["room"]})
        assert again["payload"]["token"] == room["token"]
        fresh = await alice.room()
        assert node.admits(fresh["room"], fresh["token"]) == alice.user.id
