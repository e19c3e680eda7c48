"""Agents in calls through the real signaling and a real node."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from aiortc.mediastreams import MediaStreamError

from agents import Agent, Call, Participant
from agents.call import HANDED_OVER, LEFT_ALONE
from agents.clip import Clip
from agents.errors import Declined, NotAnswered, SignInError, Unreachable
from agents.play import Player
from agents.tracks import ClipVideo
from tests.support.eventually import eventually, until
from tests.support.media import H264_CLIP, VP8_CLIP
from tests.support.system import PASSWORD, System, console, running_system, stop

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

USERS = ("alice", "bob", "carol", "dave")
SHORT_RING_S = 4.0
IN_FLIGHT = 25
"""Frames: a second of them, for a machine that does much else."""
T = TypeVar("T")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """One system for all calls of this file."""
    async with running_system(tmp_path_factory.mktemp("system"), *USERS, ring_timeout_s=SHORT_RING_S) as running:
        yield running


@pytest.fixture(scope="module")
def clip() -> Clip:
    return Clip.load(VP8_CLIP)


def agent(system: System, name: str, **settings: Any) -> Agent:  # noqa: ANN401
    return Agent(system.url, user=name, password=PASSWORD, **settings)


async def soon(work: Awaitable[T], within_s: float = 40.0) -> T:
    return await asyncio.wait_for(work, within_s)


def user_id(one: Agent) -> str:
    assert one.account is not None
    return one.account.user_id


async def told(is_so: bool) -> bool:
    return is_so


async def pictures(participant: Participant, count: int) -> None:
    """Decoded frames come."""
    for _ in range(count):
        await soon(participant.video.recv())


@asynccontextmanager
async def calling(caller: Agent, callee: Agent, to: str, clip: Clip) -> AsyncIterator[tuple[Call, Call]]:
    """A call that both are in, both playing."""

    async def answer() -> Call:
        invitation = await callee.next_invitation()
        return await invitation.answer(player=Player(clip, loop=True))

    answering = asyncio.create_task(answer())
    made = await soon(caller.call(to, player=Player(clip, loop=True)), 30)
    yield made, await soon(answering)


def flags(system: System, user: str) -> tuple[str, ...]:
    return ("agent", "--url", system.url, "--user", user, "--password-file", str(system.data / f"{user}.password"))


async def until_online(system: System, who: str) -> None:
    """Wait until a user has a device that rings."""
    async with agent(system, "dave") as dave:

        async def online() -> bool:
            users = (await dave._sapi._ask("GET", "/sapi/users"))["users"]
            return any(user["username"].split("@")[0] == who and user["online"] for user in users)

        await eventually(online, f"{who} is online", 30)


@pytest.mark.parametrize(("path", "seconds"), [(VP8_CLIP, 20), (H264_CLIP, 8)], ids=["vp8", "h264"])
async def test_two_agents_get_each_others_clip_once_in_order_and_in_step(
    system: System, tmp_path: Path, path: Path, seconds: int
) -> None:
    bob = await console(*flags(system, "bob"), "--answer", "--play", str(path), "--json")
    await until_online(system, "bob")
    recording = ("--record", str(tmp_path / "bob.mkv"))
    alice = await console(
        *flags(system, "alice"), "--call", "bob", "--play", str(path), "--duration", str(seconds), "--json", *recording
    )
    out, err = await soon(alice.communicate(), 90)
    assert alice.returncode == 0, err.decode()
    told = json.loads(out)
    assert told["call"]["result"] == "accepted"
    bob.send_signal(2)
    out, err = await soon(bob.communicate(), 30)
    assert bob.returncode == 0, err.decode()
    heard = json.loads(out)
    assert heard["calls"] == 1
    for sender, receiver, name in ((told, heard, "alice"), (heard, told, "bob")):
        got, sent = receiver["received"][name], sender["sent"]
        assert sent["video"]["passed_through"]
        assert got["video"]["first_number"] == got["video"]["repeated"] == got["video"]["misordered"] == 0
        assert got["video"]["missing"] <= 0.005 * sent["video"]["frames"]
        # What was on its way when somebody hung up is not lost: two frames on an idle machine.
        assert got["video"]["marked"] >= sent["video"]["frames"] - got["video"]["missing"] - IN_FLIGHT
        assert got["video"]["lost"] == got["audio"]["lost"] == 0
        assert got["audio"]["beeps_missing"] == got["audio"]["beeps_repeated"] == 0
        assert got["audio"]["beeps"] >= seconds - 2
        assert got["lip_sync_ms"] <= 40
    assert (tmp_path / "bob.mkv").stat().st_size > 100_000


async def test_a_decline_is_told_to_the_caller(system: System) -> None:
    async with agent(system, "alice") as alice, agent(system, "bob") as bob:
        calling = asyncio.create_task(alice.call("bob"))
        await (await soon(bob.next_invitation())).decline()
        with pytest.raises(Declined):
            await soon(calling)


async def test_a_call_that_nobody_answers_says_so(system: System) -> None:
    async with agent(system, "alice") as alice, agent(system, "bob") as bob:
        calling = asyncio.create_task(alice.call("bob"))
        invitation = await soon(bob.next_invitation())
        with pytest.raises(NotAnswered):
            await soon(calling)
        await soon(invitation.cancelled.wait())


async def test_a_caller_who_gives_up_stops_the_ringing(system: System) -> None:
    async with agent(system, "alice") as alice, agent(system, "bob") as bob:
        calling = asyncio.create_task(alice.call("bob"))
        invitation = await soon(bob.next_invitation())
        calling.cancel()
        await soon(invitation.cancelled.wait())


async def test_nobody_of_that_name_is_unreachable(system: System) -> None:
    async with agent(system, "alice") as alice:
        with pytest.raises(Unreachable):
            await soon(alice.call("nobody"))


async def test_a_wrong_password_is_said_in_words(system: System) -> None:
    with pytest.raises(SignInError, match="does not accept this user and password"):
        async with Agent(system.url, user="alice", password="wrong"):
            pass


async def test_an_agent_signs_in_with_a_token(system: System) -> None:
    async with Agent(system.url, token=await system.token("carol")) as carol:
        assert carol.account is not None
        assert carol.account.username.split("@")[0] == "carol"


async def test_hanging_up_ends_the_call_on_the_other_side(system: System, clip: Clip) -> None:
    async with (
        agent(system, "alice") as alice,
        agent(system, "bob") as bob,
        calling(alice, bob, "bob", clip) as (made, answered),
    ):
        seen = await soon(answered.next_participant())
        assert seen is not None
        await pictures(seen, 10)
        await made.hang_up()
        assert await soon(answered.ended()) == "the other side hung up"
        with pytest.raises(MediaStreamError):
            await pictures(seen, 1000)


async def test_of_two_devices_the_first_to_answer_has_the_call(system: System, clip: Clip) -> None:
    async with agent(system, "alice") as alice, agent(system, "bob") as tab, agent(system, "bob") as phone:
        made = asyncio.create_task(alice.call("bob", player=Player(clip)))
        on_tab, on_phone = await soon(tab.next_invitation()), await soon(phone.next_invitation())
        answered = await soon(on_tab.answer())
        await soon(on_phone.cancelled.wait())
        assert (await soon(made)).room == answered.room


async def test_a_third_one_needs_more_seats_and_gets_them(system: System, clip: Clip) -> None:
    async with (
        agent(system, "alice", seats=1) as alice,
        agent(system, "bob") as bob,
        agent(system, "carol") as carol,
        calling(alice, bob, "bob", clip) as (made, _),
    ):
        first = await soon(made.next_participant())
        assert first is not None
        await pictures(first, 5)
        inviting = asyncio.create_task(alice.invite(made, "carol"))
        await soon((await soon(carol.next_invitation())).answer(player=Player(clip, loop=True)))
        await soon(inviting)
        second = await soon(made.next_participant())
        assert second is not None
        assert second.user != first.user
        await pictures(second, 10)
        await pictures(first, 10)
        assert len(made._seats) > 1


async def test_a_picture_that_nobody_looks_at_is_not_sent_until_somebody_does(system: System, clip: Clip) -> None:
    async with (
        agent(system, "alice") as alice,
        agent(system, "bob") as bob,
        calling(alice, bob, "bob", clip) as (made, answered),
    ):
        seen = await soon(answered.next_participant())
        assert seen is not None
        assert made.player is not None
        video = made.player.video
        assert video is not None
        await pictures(seen, 30)
        for _ in range(2):
            await look(answered, user_id(alice), height=0)
            await until(lambda: not video._taken, "the picture is stopped")
            left_out, sent = video.sent.untaken, video.sent.frames
            await until(functools.partial(more, video, left_out + 20), "frames are left out")
            assert video.sent.frames <= sent + 1
            await look(answered, user_id(alice), height=360)
            await pictures(seen, 90)  # up to 3 s of old ones may have been waiting
        assert video.sent.bridged > 0


def more(video: ClipVideo, untaken: int) -> bool:
    """Whether more frames than these were left out."""
    return video.sent.untaken > untaken


async def look(call: Call, participant: str, *, height: int) -> None:
    """Tell the node how large a participant's picture is drawn."""
    seats = {"0": {"participant": participant, "source": "camera", "width": height, "height": height}}
    await call._node._ask("view", {"seats": seats})


async def test_a_lost_node_link_is_resumed_and_media_goes_on(system: System, clip: Clip) -> None:
    async with (
        agent(system, "alice") as alice,
        agent(system, "bob") as bob,
        calling(alice, bob, "bob", clip) as (made, answered),
    ):
        seen = await soon(made.next_participant())
        assert seen is not None
        link: Any = made._node._link
        ups = 0

        def counted() -> None:
            nonlocal ups
            ups += 1

        made._node.link_up = counted  # type: ignore[method-assign]
        await link._client.eio.ws.close()

        async def back() -> bool:
            return ups > 0

        await eventually(back, "the link is back", 15)
        await pictures(seen, 25)
        await answered.hang_up()
        assert await soon(made.ended()) == "the other side hung up"


async def test_an_agent_stopped_by_ctrl_c_hangs_up(system: System, clip: Clip) -> None:
    async with agent(system, "bob") as bob:
        process = await console(*flags(system, "alice"), "--call", "bob", "--play", str(VP8_CLIP), "--loop", "--json")
        answered = await soon((await soon(bob.next_invitation(), 60)).answer(player=Player(clip, loop=True)))
        seen = await soon(answered.next_participant())
        assert seen is not None
        await pictures(seen, 5)
        assert await stop(process) == 0
        assert process.stdout is not None
        told = json.loads(await process.stdout.read())
        assert told["call"]["reason"] == "hung up"
        assert await soon(answered.ended()) == "the other side hung up"


async def test_media_survives_the_death_of_signaling(system: System, clip: Clip) -> None:
    async with (
        agent(system, "alice") as alice,
        agent(system, "bob") as bob,
        calling(alice, bob, "bob", clip) as (made, answered),
    ):
        seen = await soon(made.next_participant())
        assert seen is not None
        await system.kill("signaling")
        await pictures(seen, 25)
        await system.start_signaling()
        await pictures(seen, 50)
        await answered.hang_up()
        assert await soon(made.ended()) == "the other side hung up"


async def test_a_call_goes_on_after_the_death_of_its_node(system: System, clip: Clip) -> None:
    async with (
        agent(system, "alice") as alice,
        agent(system, "bob") as bob,
        calling(alice, bob, "bob", clip) as (made, answered),
    ):
        seen = await soon(made.next_participant())
        assert seen is not None
        await pictures(seen, 5)
        await system.kill("node")
        await system.start_node()
        again = await soon(made.next_participant())
        assert again is not None
        assert again.user == user_id(bob)
        assert again.peer != seen.peer
        await pictures(again, 25)
        await answered.hang_up()
        assert await soon(made.ended()) == LEFT_ALONE


async def test_hold_is_told_and_ends_with_pictures_again(system: System, clip: Clip) -> None:
    async with (
        agent(system, "alice") as alice,
        agent(system, "bob") as bob,
        calling(alice, bob, "bob", clip) as (made, answered),
    ):
        at_alice = await soon(made.next_participant())
        assert at_alice is not None
        await pictures(at_alice, 5)
        await answered.hold()
        await eventually(lambda: told(made.held == {user_id(bob)}), "Alice hears of it")
        await answered.unhold()
        await eventually(lambda: told(not made.held), "Alice hears of its end")
        await pictures(at_alice, 60)
        await made.hang_up()


async def test_an_attended_transfer_is_followed_into_the_other_room(system: System, clip: Clip) -> None:
    async with (
        agent(system, "alice") as alice,
        agent(system, "bob") as bob,
        agent(system, "carol") as carol,
        calling(alice, bob, "bob", clip) as (with_bob, bobs),
        calling(alice, carol, "carol", clip) as (with_carol, carols),
    ):
        await soon(alice.qss.transfer_to_room(with_bob.room, user_id(bob), with_carol.room), 20)
        assert bobs.room == with_carol.room
        assert bobs.end_reason is None
        newcomers = [await soon(carols.next_participant()) for _ in range(2)]
        (moved,) = [one for one in newcomers if one is not None and one.user == user_id(bob)]
        await pictures(moved, 10)
        assert await soon(with_bob.ended()) == LEFT_ALONE
        await with_carol.hang_up()


async def test_whoever_hands_a_call_over_is_out_once_it_is_taken(system: System, clip: Clip) -> None:
    async with (
        agent(system, "alice") as alice,
        agent(system, "bob") as bob,
        agent(system, "carol") as carol,
        calling(alice, bob, "bob", clip) as (made, answered),
    ):
        handing = asyncio.create_task(made.transfer("carol"))
        taken = await (await soon(carol.next_invitation())).answer(player=Player(clip, loop=True))
        await soon(handing)
        assert await soon(made.ended()) == HANDED_OVER
        newcomer = await soon(taken.next_participant())
        assert newcomer is not None
        await pictures(newcomer, 5)
        assert answered.end_reason is None
        await taken.hang_up()
