"""A description that leads to a relay: the only candidate is the relay, in Python as in a page."""

from __future__ import annotations

import pytest
import sdp_transform

from tests.support.browser import CHROMIUM, FLAGS
from tests.support.network.browser import through_relay
from tests.support.network.sdp import through
from tests.support.sdp import answered, vector

RELAY = ("127.0.0.1", 5_004)
DESCRIPTIONS = {
    "a node's answer": answered(vector("chromium_plain_4_seats")),
    "a browser's offer": vector("chromium_plain_4_seats"),
}


@pytest.mark.parametrize("sdp", DESCRIPTIONS.values(), ids=list(DESCRIPTIONS))
def test_the_relay_is_the_only_candidate_and_the_rest_stays(sdp: str) -> None:
    before, after = sdp_transform.parse(sdp), sdp_transform.parse(through(sdp, RELAY))
    for media in after["media"]:
        assert [(one["ip"], one["port"]) for one in media["candidates"]] == [RELAY]
    for media in (*before["media"], *after["media"]):
        for key in ("candidates", "endOfCandidates", "port", "connection"):
            media.pop(key, None)
    assert after == before


def test_ports_and_addresses_of_the_lines_are_the_relays_where_they_were_somebodys() -> None:
    rows = through("m=audio 9 X 0\r\nm=video 4000 X 0\r\nc=IN IP4 192.0.2.1\r\nc=IN IP4 0.0.0.0\r\n", RELAY)
    assert rows.split("\r\n")[:4] == ["m=audio 9 X 0", "m=video 5004 X 0", "c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0"]


@pytest.mark.e2e
@pytest.mark.chromium
@pytest.mark.parametrize("sdp", DESCRIPTIONS.values(), ids=list(DESCRIPTIONS))
async def test_a_page_reads_the_same(sdp: str) -> None:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = await browser.new_page()
        seen = "RTCPeerConnection.prototype.setRemoteDescription = async (one) => { window.seen = one.sdp; };"
        await page.add_init_script(seen + through_relay(RELAY))
        await page.goto("about:blank")
        script = "(sdp) => new RTCPeerConnection().setRemoteDescription({type: 'offer', sdp}).then(() => window.seen)"
        found = await page.evaluate(script, sdp)
        await browser.close()
    assert found == through(sdp, RELAY)
