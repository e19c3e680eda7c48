"""Calls between people in real browsers, over the real page, signaling and node."""

from __future__ import annotations

import re

import pytest

from tests.support.browser import Tab, Tabs, chromium
from tests.support.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.chromium]

FRAMES = 60
"""Three seconds of the fake camera's 20 frames a second."""


async def call_up(tabs: Tabs) -> tuple[Tab, Tab]:
    """Alice and Bob in a call."""
    alice, bob = await tabs.open("alice"), await tabs.open("bob")
    await alice.call("bob")
    await bob.click("accept")
    await alice.sees("hang-up")
    return alice, bob


async def test_both_see_and_hear_each_other(tabs: Tabs) -> None:
    alice, bob = await call_up(tabs)
    for tab in (alice, bob):
        seen = await tab.decodes(FRAMES)
        assert seen.videos == 1
        assert seen.energy > 0


async def test_lost_sound_is_sent_again_and_the_time_is_asked_for_as_both_ends_agreed(tabs: Tabs) -> None:
    alice, _ = await call_up(tabs)
    for side in ("currentLocalDescription", "currentRemoteDescription"):
        sdp = str(await alice.page.evaluate(f"window.tertulia.peerConnection.{side}.sdp"))
        lines = {line.partition(" ")[2] for line in sdp.splitlines() if line.startswith("a=rtcp-fb:111 ")}
        assert "nack" in lines, side
        assert re.search(r"^a=rtpmap:(\d+) VP8/90000\r$.*^a=rtcp-fb:\1 rrtr\r$", sdp, re.MULTILINE | re.DOTALL), side


async def test_a_call_that_one_hangs_up_ends_for_the_other(tabs: Tabs) -> None:
    alice, bob = await call_up(tabs)
    await alice.decodes(FRAMES)
    await bob.click("hang-up")
    await bob.sees("callee")
    await alice.sees("callee", within_s=30)


async def test_two_tabs_ring_and_the_second_stops_when_the_first_answers(tabs: Tabs) -> None:
    alice, bob, other = await tabs.open("alice"), await tabs.open("bob"), await tabs.open("bob")
    await alice.call("bob")
    await bob.sees("accept")
    await other.sees("accept")
    await bob.click("accept")
    await other.sees_no("accept")
    await alice.decodes(FRAMES)
    await bob.decodes(FRAMES)


async def test_a_tab_that_declines_leaves_the_other_ringing(tabs: Tabs) -> None:
    alice, bob, other = await tabs.open("alice"), await tabs.open("bob"), await tabs.open("bob")
    await alice.call("bob")
    await bob.sees("accept")
    await other.sees("accept")
    await bob.click("decline")
    await bob.sees_no("accept")
    await other.sees("accept")
    await other.click("accept")
    await alice.decodes(FRAMES)


async def test_a_call_that_all_tabs_decline_is_declined_in_words(tabs: Tabs) -> None:
    alice, bob, other = await tabs.open("alice"), await tabs.open("bob"), await tabs.open("bob")
    await alice.call("bob")
    for tab in (bob, other):
        await tab.click("decline")
    await alice.reads("declined")


async def test_a_call_that_nobody_answers_ends_in_words(short_ringing_system: System) -> None:
    async with chromium(short_ringing_system.url) as tabs:
        alice, bob = await tabs.open("alice"), await tabs.open("bob")
        await alice.call("bob")
        await bob.sees("accept")
        await alice.reads("answer", within_s=20)
        await bob.sees_no("accept")
        await bob.shows("missed-call", "alice")


async def test_a_call_to_nobody_ends_in_words(tabs: Tabs) -> None:
    alice = await tabs.open("alice")
    await alice.call("nobody-of-that-name")
    await alice.sees("error")


async def test_a_third_joins_and_everybody_sees_two(tabs: Tabs) -> None:
    alice, bob = await call_up(tabs)
    carol = await tabs.open("carol")
    await alice.run("() => window.tertulia.current.invite('carol')")
    await carol.click("accept")
    for tab in (alice, bob, carol):
        await tab.decodes(2 * FRAMES)
        assert (await tab.inbound()).videos == 2


async def test_frames_stop_while_somebody_holds_the_call_and_go_on_afterwards(tabs: Tabs) -> None:
    alice, bob = await call_up(tabs)
    for tab in (alice, bob):
        await tab.decodes(FRAMES)
    await bob.click("hold")
    await bob.sees("on-hold")
    await alice.stands_still()
    await bob.stands_still()
    await bob.click("hold")
    for tab in (alice, bob):
        await tab.decodes(FRAMES)


async def test_a_call_that_is_handed_over_goes_on_with_the_third(tabs: Tabs) -> None:
    alice, bob = await call_up(tabs)
    carol = await tabs.open("carol")
    await alice.decodes(FRAMES)
    await bob.hand_over("carol")
    await carol.click("accept")
    await bob.sees("callee")
    await alice.shows("seat-name", "carol")
    for tab in (alice, carol):
        await tab.decodes(FRAMES)
    await carol.click("hang-up")
    await alice.sees("callee", within_s=30)
