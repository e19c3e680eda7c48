"""A whole call whose clients are behind emulated links: negotiated as ever, and sent through the relays."""

from __future__ import annotations

from functools import partial

import pytest

from tests.support.clients import Media, SocketIoClient
from tests.support.eventually import until
from tests.support.network.profiles import LOSS_3, NAMED, Profile
from tests.support.network.relay import Relay, relaying
from tests.support.network.sdp import through
from tests.support.node import running_node

pytestmark = pytest.mark.e2e


class Behind(Media):
    """A client behind a link."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(seats=1)
        self._relay = relay

    async def apply(self, answer: str) -> None:
        await super().apply(through(answer, self._relay.address))


def has_carried(relay: Relay) -> bool:
    """More of what its client sends than ICE and DTLS take."""
    return relay.access.up.passed.delivered > 10


async def test_clients_behind_links_that_lose_see_each_other_and_nothing_goes_past_the_links() -> None:
    async with running_node() as node:
        room = await node.room("alice", "bob")
        at = ("127.0.0.1", node.process.udp_ports[0])
        with relaying(at, LOSS_3, seed=1) as first, relaying(at, LOSS_3, seed=2) as second:
            alice = await SocketIoClient(node, Behind(first)).join(room, "alice")
            bob = await SocketIoClient(node, Behind(second)).join(room, "bob")
            mids = await bob.shown("alice")
            await bob.media.sees(mids["video"])
            behind = {peer.address for peer in node.process.core.stats()}
            assert len(behind) == 2
            assert behind <= first.seen_as | second.seen_as
            for relay in (first, second):
                await until(partial(has_carried, relay), "what a client sends passes its link")
                assert relay.access.overflow == 0
            await alice.close()
            await bob.close()


@pytest.mark.parametrize("profile", NAMED.values(), ids=list(NAMED))
async def test_clients_behind_each_link_that_has_a_name_connect_and_see_each_other(profile: Profile) -> None:
    async with running_node() as node:
        room = await node.room("alice", "bob")
        at = ("127.0.0.1", node.process.udp_ports[0])
        with relaying(at, profile, seed=1) as first, relaying(at, profile, seed=2) as second:
            alice = await SocketIoClient(node, Behind(first)).join(room, "alice")
            bob = await SocketIoClient(node, Behind(second)).join(room, "bob")
            for seer, seen in ((alice, "bob"), (bob, "alice")):
                mids = await seer.shown(seen)
                await seer.media.sees(mids["video"])
                await seer.media.sees(mids["audio"])
            await alice.close()
            await bob.close()
