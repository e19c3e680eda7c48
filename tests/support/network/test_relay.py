"""Relays over real sockets: who is seen from where, what is lost, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support.eventually import until
from tests.support.network.crossing import crossing
from tests.support.network.impairment import Impairment, steady
from tests.support.network.port import Port
from tests.support.network.profiles import CLEAN, both_ways
from tests.support.network.relay import relaying
from tests.support.network.sdp import Address

DELAY_S = 0.05
SLOW = both_ways("slow", Impairment(delay_ms=DELAY_S * 1_000), "A test's.")


@dataclass
class Told:
    """A port, and what came to it."""

    datagrams: list[tuple[bytes, Address]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    port: Port | None = None

    def take(self, datagram: bytes, source: Address) -> None:
        self.datagrams.append((datagram, source))
        self.at.append(asyncio.get_running_loop().time())

    @property
    def sources(self) -> set[Address]:
        return {source for _, source in self.datagrams}

    def send(self, datagram: bytes, to: Address) -> None:
        assert self.port is not None
        self.port.send(datagram, to)

    @property
    def address(self) -> Address:
        assert self.port is not None
        return self.port.address


@asynccontextmanager
async def people(count: int) -> AsyncIterator[list[Told]]:
    everybody = [Told() for _ in range(count)]
    for one in everybody:
        one.port = Port(one.take)
    try:
        yield everybody
    finally:
        for one in everybody:
            assert one.port is not None
            one.port.close()


async def test_a_node_sees_one_address_for_each_of_a_clients_and_answers_it_there() -> None:
    async with people(3) as (node, client, other):
        with relaying(node.address, CLEAN) as relay:
            client.send(b"one", relay.address)
            client.send(b"two", relay.address)
            other.send(b"three", relay.address)
            await until(lambda: len(node.datagrams) == 3, "the node gets everything")
            assert node.sources == relay.seen_as
            assert len(relay.seen_as) == 2
            assert not node.sources & {client.address, other.address}
            for source in node.sources:
                node.send(b"answer", source)
            await until(lambda: client.datagrams and other.datagrams, "both are answered")
            assert client.datagrams == [(b"answer", relay.address)]


async def test_a_datagram_takes_as_long_as_the_link_says_and_they_stay_in_order() -> None:
    async with people(2) as (node, client):
        with relaying(node.address, SLOW) as relay:
            began = asyncio.get_running_loop().time()
            for number in range(20):
                client.send(bytes([number]), relay.address)
            await until(lambda: len(node.datagrams) == 20, "the node gets everything")
            assert [datagram[0] for datagram, _ in node.datagrams] == list(range(20))
            assert node.at[0] - began >= DELAY_S


async def test_a_link_can_be_changed_while_it_is_used() -> None:
    async with people(2) as (node, client):
        with relaying(node.address, both_ways("dead", Impairment(loss=1.0), "A test's.")) as relay:
            client.send(b"lost", relay.address)
            await until(lambda: relay.access.up.passed.lost == 1, "it is lost")
            relay.become(CLEAN)
            client.send(b"found", relay.address)
            await until(lambda: node.datagrams, "the next one comes")
            assert [datagram for datagram, _ in node.datagrams] == [b"found"]


async def test_a_slow_link_drops_what_finds_no_room_and_counts_it() -> None:
    narrow = both_ways("narrow", Impairment(rate=steady(100), queue_ms=0), "A test's.")
    async with people(2) as (node, client):
        with relaying(node.address, narrow) as relay:
            for _ in range(10):
                client.send(bytes(1_000), relay.address)
            await until(lambda: relay.access.up.passed.sent == 10, "all have been looked at")
            assert relay.access.up.passed.dropped == 9
            assert relay.access.overflow == 0


async def test_two_who_cross_reach_each_other_at_the_ports_that_they_were_given() -> None:
    async with people(2) as (one, two):
        with crossing(CLEAN, SLOW) as (first, second):
            two.send(b"hello", second.address)
            one.send(b"hello", first.address)
            await until(lambda: two.datagrams, "the second hears the first")
            two.send(b"answer", second.address)
            await until(lambda: one.datagrams, "the first hears the second")
            assert one.datagrams[-1][1] == first.address
            assert two.datagrams == [(b"hello", second.address)]


async def test_a_closed_relay_leaves_its_port_and_forgets_what_was_under_way() -> None:
    async with people(2) as (node, client):
        with relaying(node.address, SLOW) as relay:
            client.send(b"too late", relay.address)
            await until(lambda: relay.access.up.passed.sent, "it is under way")
        relay.close()
        await asyncio.sleep(2 * DELAY_S)
        assert not node.datagrams
        with socket.socket(type=socket.SOCK_DGRAM) as again:
            again.bind(relay.address)
