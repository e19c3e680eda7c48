"""Hold is a grant without rights: the place in the room stays, media stops both ways at once, and comes back.

Silence is measured against somebody who talks on: nothing arrives while a third person's frames do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.support.clients import Media, SocketIoClient
from tests.support.eventually import until
from tests.support.node import Deployment, running_node

SETTLED = 8
"""Frames of the third person after which what was on its way to the others has arrived."""
QUIET = 15
"""Frames of the third person during which nothing else may come."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One person's video at another."""

    media: Media
    mid: str

    @property
    def frames(self) -> int:
        """Decoded so far."""
        return self.media.watches[self.mid].frames

    async def comes(self, frames: int) -> None:
        """So many more arrive."""
        await self.media.sees(self.mid, frames)


@dataclass(frozen=True, slots=True)
class Call:
    """Alice, Bob and Carol; Bob and Carol see each other all the time."""

    deployment: Deployment
    room: str
    alice: SocketIoClient
    bob: SocketIoClient
    carol: SocketIoClient
    bob_at_alice: Seen
    alice_at_bob: Seen
    carol_at_bob: Seen

    async def hold(self, user: str) -> None:
        """As signaling asks for it."""
        await self.deployment.grant(self.room, user, publish=False, receive=False)

    async def unhold(self, user: str) -> None:
        """As signaling asks for it."""
        await self.deployment.grant(self.room, user)

    async def new_frames(self, *seen: Seen) -> list[int]:
        """How many frames come to each while Carol talks on."""
        await self.carol_at_bob.comes(SETTLED)
        before = [one.frames for one in seen]
        await self.carol_at_bob.comes(QUIET)
        return [one.frames - count for one, count in zip(seen, before, strict=True)]


async def seen(viewer: SocketIoClient, user: str) -> Seen:
    """Wait until `viewer` sees `user`."""
    found = Seen(viewer.media, (await viewer.shown(user))["video"])
    await found.comes(3)
    return found


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    async with running_node() as deployment:
        users = ("alice", "bob", "carol")
        room = await deployment.room(*users)
        alice, bob, carol = [await SocketIoClient(deployment).join(room, user) for user in users]
        views = [await seen(viewer, user) for viewer, user in ((alice, "bob"), (bob, "alice"), (bob, "carol"))]
        yield Call(deployment, room, alice, bob, carol, *views)
        for client in (alice, bob, carol):
            await client.close()


async def test_hold_stops_media_both_ways_and_unhold_brings_it_back_with_a_keyframe(call: Call) -> None:
    await call.hold("alice")
    assert await call.new_frames(call.bob_at_alice, call.alice_at_bob) == [0, 0]
    assert set(call.alice.seats().values()) == {None}
    assert call.deployment.process.node.peers == 3
    assert call.deployment.signaling.of("left") == []
    await call.unhold("alice")
    await asyncio.gather(call.bob_at_alice.comes(3), call.alice_at_bob.comes(3))  # decoded: a keyframe came


async def test_a_device_that_joins_while_its_user_is_held_is_silent_too(call: Call) -> None:
    await call.hold("alice")
    tablet = await SocketIoClient(call.deployment).join(call.room, "alice")
    await call.carol_at_bob.comes(SETTLED)
    assert all(view is None for view in tablet.seats().values())
    assert "alice" not in {view["participant"] for view in call.bob.seats().values() if view}
    await call.unhold("alice")
    await until(lambda: any(tablet.seats().values()), "the tablet is shown somebody")
    await tablet.close()


async def test_a_new_offer_and_the_same_grant_again_leave_a_held_user_held(call: Call) -> None:
    await call.hold("alice")
    await call.alice.reoffer()
    await call.hold("alice")
    assert await call.new_frames(call.bob_at_alice, call.alice_at_bob) == [0, 0]
