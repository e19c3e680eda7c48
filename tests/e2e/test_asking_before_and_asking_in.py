"""Attended transfers, and asking to be let into a call, on the real page."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.support.browser import Tab, Tabs

pytestmark = [pytest.mark.e2e, pytest.mark.chromium]

FRAMES = 60


async def call_up(tabs: Tabs) -> tuple[Tab, Tab]:
    """Alice and Bob in a call."""
    alice, bob = await tabs.open("alice"), await tabs.open("bob")
    await alice.call("bob")
    await bob.click("accept")
    await alice.decodes(FRAMES)
    return alice, bob


async def ask_first(tab: Tab, whom: str) -> None:
    """Hold the call on show and call `whom`, by the keyboard alone."""
    await tab.page.get_by_test_id("transfer").focus()
    await tab.page.keyboard.press("Enter")
    await expect(tab.page.get_by_test_id("transfer-to")).to_be_focused()
    await tab.page.keyboard.type(whom)
    for _ in range(2):
        await tab.page.keyboard.press("Tab")
    await expect(tab.page.get_by_test_id("consult-send")).to_be_focused()
    await tab.page.keyboard.press("Enter")
    await tab.sees("consulting")


async def test_a_call_is_handed_over_after_asking_and_goes_on_without_whoever_asked(tabs: Tabs) -> None:
    alice, bob = await call_up(tabs)
    carol = await tabs.open("carol")
    await ask_first(alice, "carol")
    await bob.stands_still()
    await carol.click("accept")
    await alice.shows("seat-name", "carol")
    await carol.decodes(FRAMES)
    await alice.page.get_by_role("button", name="Connect bob with carol").click()
    await alice.sees("callee")
    await alice.reads("You handed the call over")
    await bob.shows("notice", "alice has connected you with carol")
    for tab, other in ((bob, "carol"), (carol, "bob")):
        await tab.shows("seat-name", other)
        await tab.decodes(FRAMES)
    await carol.click("hang-up")
    await bob.reads("carol hung up", within_s=30)


async def test_after_asking_all_three_may_talk_together(tabs: Tabs) -> None:
    alice, bob = await call_up(tabs)
    carol = await tabs.open("carol")
    await ask_first(alice, "carol")
    await carol.click("accept")
    await alice.click("connect-all")
    for tab in (alice, bob, carol):
        await tab.decodes(2 * FRAMES)
        assert (await tab.inbound()).videos == 2
    await alice.sees_no("consulting")


async def test_whoever_is_asked_and_declines_leaves_the_call_on_hold_until_it_is_taken_up_again(tabs: Tabs) -> None:
    alice, bob = await call_up(tabs)
    carol = await tabs.open("carol")
    await ask_first(alice, "carol")
    await carol.click("decline")
    await alice.reads("carol declined")
    await alice.sees("on-hold")
    await alice.click("hold")
    for tab in (alice, bob):
        await tab.decodes(FRAMES)


async def test_going_back_ends_asking_and_takes_the_call_off_hold(tabs: Tabs) -> None:
    alice, bob = await call_up(tabs)
    carol = await tabs.open("carol")
    await ask_first(alice, "carol")
    await carol.sees("accept")
    await alice.click("back")
    await carol.sees_no("accept")
    for tab in (alice, bob):
        await tab.decodes(FRAMES)


async def test_whoever_is_on_hold_and_hangs_up_leaves_those_two_who_talk_in_their_call(tabs: Tabs) -> None:
    alice, bob = await call_up(tabs)
    carol = await tabs.open("carol")
    await ask_first(alice, "carol")
    await carol.click("accept")
    await bob.click("hang-up")
    await alice.sees_no("consulting", within_s=30)
    await alice.shows("notice", "bob hung up")
    for tab in (alice, carol):
        await tab.decodes(FRAMES)


async def test_whoever_asks_to_be_let_in_is_in_the_call_once_somebody_of_it_agrees(tabs: Tabs) -> None:
    alice, bob = await call_up(tabs)
    carol = await tabs.open("carol")
    await ask(carol, "bob")
    await bob.click("invite-request-yes")
    await carol.sees_no("asking")
    for tab in (alice, bob, carol):
        await tab.decodes(2 * FRAMES)
        assert (await tab.inbound()).videos == 2


async def test_whoever_is_not_let_in_reads_it(tabs: Tabs) -> None:
    _alice, bob = await call_up(tabs)
    carol = await tabs.open("carol")
    await ask(carol, "bob")
    await bob.click("invite-request-no")
    await carol.reads("bob did not let you in")
    await carol.sees_no("asking")


async def test_a_request_to_be_let_in_may_be_taken_back(tabs: Tabs) -> None:
    carol, bob = await tabs.open("carol"), await tabs.open("bob")
    await ask(carol, "bob")
    await bob.sees("invite-request")
    await carol.click("asking-cancel")
    await bob.sees_no("invite-request")
    await carol.sees_no("asking")


async def ask(tab: Tab, whom: str) -> None:
    """Ask `whom`, in the list of people, to be let in."""
    await tab.page.get_by_role("button", name=f"Ask {whom} to let you into a call").click()
    await tab.shows("asking", f"Waiting for {whom}")
