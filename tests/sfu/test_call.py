"""aiortc clients meet in a room of a real node: seats, tracks, re-offers, resumes, WHIP and WHEP."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.clients import Media, SocketIoClient
from tests.support.eventually import until
from tests.support.node import Deployment, running_node, token


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    async with running_node(resume_grace_s=3.0, stats_interval_s=0.3) as running:
        yield running


async def test_two_peers_see_and_hear_each_other(deployment: Deployment) -> None:
    room = await deployment.room("alice", "bob")
    alice = await SocketIoClient(deployment).join(room, "alice")
    bob = await SocketIoClient(deployment).join(room, "bob")
    assert bob.answer["participants"] == [{"participant": "alice", "peer": alice.peer}]
    assert {track["source"] for track in bob.answer["tracks"]} <= {"camera", "microphone"}
    for viewer, other in ((alice, "bob"), (bob, "alice")):
        mids = await viewer.shown(other)
        await viewer.media.sees(mids["video"])
        await viewer.media.sees(mids["audio"])
    await until(lambda: len(deployment.signaling.of("joined")) == 2, "signaling hears of both")
    await until(lambda: alice.got("quality"), "quality is told")
    assert set(alice.got("quality")[-1]) == {"alice", "bob"}
    sessions = deployment.process.node.sessions
    await until(lambda: all(session.stay.quality for session in sessions), "both stays have a score")
    await bob.close()
    await until(lambda: alice.seats() == {"0": None, "1": None}, "bob's seat is empty")
    await until(lambda: deployment.signaling.of("left"), "signaling hears that bob left")
    (left,) = deployment.signaling.of("left")
    quality = left.pop("quality")
    assert left == {"room": room, "user": "bob", "peer": bob.peer, "reason": "left"}
    assert 1.0 <= quality["worst"] <= quality["score"] <= 5.0
    always = {"score", "worst", "seconds", "connectedSeconds"}
    assert always <= set(quality) <= always | {"audioScore", "videoScore"}
    assert 0 < quality["seconds"] <= quality["connectedSeconds"]
    await alice.close()


async def test_a_third_peer_costs_the_others_no_sdp(deployment: Deployment) -> None:
    room = await deployment.room("alice", "bob", "carol")
    alice = await SocketIoClient(deployment).join(room, "alice")
    others = [await SocketIoClient(deployment).join(room, user) for user in ("bob", "carol")]
    for user in ("bob", "carol"):
        mids = await alice.shown(user)
        await alice.media.sees(mids["video"])
    await others[0].ask("leave", {})
    await until(lambda: alice.seats()["0"] is None, "one seat is empty")
    mids = await alice.shown("carol")
    await alice.media.sees(mids["video"])
    for client in (alice, *others):
        await client.close()


async def test_more_seats_by_a_reoffer_disturb_nobody(deployment: Deployment) -> None:
    room = await deployment.room("alice", "bob", "carol")
    alice = await SocketIoClient(deployment, Media(seats=1)).join(room, "alice")
    bob = await SocketIoClient(deployment).join(room, "bob")
    carol = await SocketIoClient(deployment).join(room, "carol")
    mids = await alice.shown("bob")
    alice.media.add_seats(1)
    answer = await alice.reoffer()
    assert [seat["seat"] for seat in answer["seats"]] == [0, 1]
    assert await alice.ask("tracks", {}) == {}
    alice.answer["seats"] = answer["seats"]
    await alice.media.sees((await alice.shown("carol"))["video"])
    await alice.media.sees(mids["video"])
    for client in (alice, bob, carol):
        await client.close()


async def test_a_lost_control_connection_is_resumed_and_media_goes_on(deployment: Deployment) -> None:
    room = await deployment.room("alice", "bob")
    alice = await SocketIoClient(deployment).join(room, "alice")
    bob = await SocketIoClient(deployment).join(room, "bob")
    mids = await alice.shown("bob")
    await alice.drop()
    await alice.media.sees(mids["video"], 5)
    alice.events.clear()
    await alice.connect(room, "alice", peer=alice.peer)
    await until(lambda: alice.got("resumed"), "the resume is told")
    (resumed,) = alice.got("resumed")
    assert resumed["peer"] == alice.peer
    assert resumed["participants"] == [{"participant": "bob", "peer": bob.peer}]
    assert (await alice.shown("bob")) == mids
    await alice.media.sees(mids["video"], 120)  # 4 s: longer than the grace
    assert deployment.signaling.of("left") == []
    await alice.close()
    await bob.close()


async def test_a_control_connection_that_stays_away_ends_the_peer(deployment: Deployment) -> None:
    room = await deployment.room("alice")
    alice = await SocketIoClient(deployment).join(room, "alice")
    await alice.drop()
    await until(lambda: deployment.signaling.of("left"), "the peer is given up")
    assert deployment.signaling.of("left")[0]["reason"] == "connection lost"
    await alice.connect(room, "alice", peer=alice.peer)
    await until(lambda: alice.got("error") == [{"code": 404, "message": "no such peer"}], "the resume is refused")
    await alice.close()


async def test_nobody_resumes_another_user_s_peer(deployment: Deployment) -> None:
    room = await deployment.room("alice", "mallory")
    alice = await SocketIoClient(deployment).join(room, "alice")
    mallory = await SocketIoClient(deployment).connect(room, "mallory", peer=alice.peer)
    await until(lambda: mallory.got("error"), "the resume is refused")
    assert alice.connected
    await alice.close()
    await mallory.close()


async def test_rights_taken_away_silence_a_publisher(deployment: Deployment) -> None:
    room = await deployment.room("alice", "bob")
    alice = await SocketIoClient(deployment).join(room, "alice")
    bob = await SocketIoClient(deployment).join(room, "bob")
    await alice.shown("bob")
    await deployment.grant(room, "bob", publish=False)
    await until(lambda: alice.seats()["0"] is None, "bob's seat is empty")
    await deployment.grant(room, "bob")
    await alice.media.sees((await alice.shown("bob"))["video"])
    await alice.close()
    await bob.close()


async def test_a_data_channel_is_rejected_and_media_connects(deployment: Deployment) -> None:
    room = await deployment.room("alice")
    media = Media()
    media.pc.createDataChannel("chat")
    alice = await SocketIoClient(deployment, media).join(room, "alice")
    assert "m=application 0 " in alice.answer["sdp"]
    await alice.close()


async def http_offer(deployment: Deployment, kind: str, room: str, user: str, media: Media) -> str:
    """A WHIP or WHEP session; its location."""
    headers = {"Authorization": f"Bearer {token(user)}", "Content-Type": "application/sdp"}
    async with aiohttp.ClientSession(deployment.url) as http:
        response = await http.post(f"/{kind}/{room}", data=await media.offer(), headers=headers)
        assert response.status == 201, await response.text()
        await media.apply(await response.text())
    await media.connected()
    return response.headers["Location"]


async def test_what_whip_publishes_is_watched_by_whep_and_in_seats(deployment: Deployment) -> None:
    room = await deployment.room("camera", "screen-on-the-wall", "alice")
    publisher, watcher = Media(seats=0), Media(publish=(), seats=1)
    location = await http_offer(deployment, "whip", room, "camera", publisher)
    await http_offer(deployment, "whep", room, "screen-on-the-wall", watcher)
    alice = await SocketIoClient(deployment).join(room, "alice")
    await watcher.sees("1")
    await alice.media.sees((await alice.shown("camera"))["video"])
    async with aiohttp.ClientSession(deployment.url) as http:
        headers = {"Authorization": f"Bearer {token('camera')}"}
        assert (await http.delete(location, headers=headers)).status == 200
    await until(lambda: alice.seats()["0"] is None, "the seat is empty")
    await alice.close()
    await publisher.close()
    await watcher.close()
