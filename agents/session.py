"""What `tertulia agent` does between its first and its last line.

cli → **session** → Agent, Call → watchers of every participant → report

A caller's session is one call; an answering one takes every call until it is stopped.  `stop` (Ctrl-C) hangs up and
lets the report be made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiortc.mediastreams import MediaStreamError

from agents import report
from agents.agent import Agent, Invitation
from agents.call import HUNG_UP, LEFT_ALONE, Call
from agents.clip import Clip
from agents.errors import AgentError, AnsweredElsewhere
from agents.play import Player
from agents.record import Recorder
from agents.report import ACCEPTED, CallReport, Heard
from agents.seats import Participant, ParticipantTrack

AFTER_CLIP_S: Final = 0.5
"""A caller whose clip is over stays this long, so that its end arrives."""
GOOD_ENDS: Final = (HUNG_UP, LEFT_ALONE)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the session is to do."""

    url: str
    user: str
    password: str | None = None
    token: str | None = None
    call: str | None = None
    """Whom to call; None: answer."""
    clip: Clip | None = None
    loop: bool = False
    record: Path | None = None
    duration_s: float | None = None
    """Of the call for a caller, of the whole session for one who answers."""


@dataclass(slots=True)
class Session:
    """One run.  `report` is what has become of the last call."""

    plan: Plan
    say: Say
    report: CallReport = field(default_factory=CallReport)
    calls: int = 0
    heard: list[Heard] = field(default_factory=list)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _names: dict[str, str] = field(default_factory=dict)
    _recordings: int = 0

    def stop(self) -> None:
        """Hang up and come to an end."""
        self._stop.set()

    async def run(self) -> None:
        """To the end; AgentError when the call did not come about, with `report` made all the same."""
        plan = self.plan
        try:
            async with Agent(plan.url, user=plan.user, password=plan.password, token=plan.token) as agent:
                self.say(f"signed in as {plan.user}")
                self._names = await agent.names()
                await (self._call(agent, plan.call) if plan.call is not None else self._answer_all(agent))
        except AgentError as error:
            self.report = CallReport.failed(error)
            raise

    # Calling.

    async def _call(self, agent: Agent, to: str) -> None:
        self.say(f"calling {to}")
        calling = asyncio.create_task(agent.call(to, player=self._player()))
        await self._or_stop(calling)
        if not calling.done():
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)
            self.report = CallReport(result="cancelled", reason="stopped before anybody answered")
            return
        call = calling.result()
        self.say(f"{to} answered after {(call.answer_ms or 0) / 1000:.1f} s")
        await self._attend(call, self._length(call))

    def _length(self, call: Call) -> Coroutine[Any, Any, object]:
        """What ends a caller's call if nobody hangs up: the time given, else the end of the clip."""
        if self.plan.duration_s is not None:
            return asyncio.sleep(self.plan.duration_s)
        if call.player is not None and not self.plan.loop:
            return self._clip_over(call.player)
        return asyncio.Event().wait()

    async def _clip_over(self, player: Player) -> None:
        await player.finished()
        await asyncio.sleep(AFTER_CLIP_S)

    # Answering.

    async def _answer_all(self, agent: Agent) -> None:
        self.say("waiting for calls")
        async with asyncio.TaskGroup() as tasks:
            answering = tasks.create_task(self._answer_each(agent, tasks))
            try:
                async with asyncio.timeout(self.plan.duration_s):
                    await self._stop.wait()
            except TimeoutError:
                self._stop.set()
            answering.cancel()

    async def _answer_each(self, agent: Agent, tasks: asyncio.TaskGroup) -> None:
        while True:
            invitation = await agent.next_invitation()
            tasks.create_task(self._answer(invitation))

    async def _answer(self, invitation: Invitation) -> None:
        """One call; whatever goes wrong with it is told and harms no other."""
        who = self._names.get(invitation.caller, invitation.caller)
        self.say(f"{who} calls")
        try:
            call = await invitation.answer(player=self._player())
        except AnsweredElsewhere:
            self.say(f"{who} gave up, or another device answered")
            return
        except AgentError as error:
            self.report = CallReport.failed(error)
            self.say(f"the call with {who} failed: {error}")
            return
        await self._attend(call, asyncio.Event().wait())

    # In a call.

    async def _attend(self, call: Call, length: Coroutine[Any, Any, object]) -> None:
        """Watch everybody until the call ends, its time is up, or we are stopped; then report."""
        started = asyncio.get_running_loop().time()
        heard: list[Heard] = []
        watching = asyncio.create_task(self._watch_all(call, heard))
        await self._or_stop(asyncio.create_task(call.ended()), asyncio.create_task(_none(length)))
        seconds = asyncio.get_running_loop().time() - started
        packets = await call.sent_packets()
        await call.hang_up()
        await watching
        self.calls += 1
        reason = call.end_reason or HUNG_UP
        self.report = CallReport(
            result=ACCEPTED if reason in GOOD_ENDS else "lost",
            reason=reason,
            room=call.room,
            ring_ms=call.ring_ms,
            answer_ms=call.answer_ms,
            seconds=seconds,
            sent=report.sent(call.player, packets),
            received=self._by_name(heard),
        )
        self.heard = heard
        self.say(f"the call is over after {seconds:.1f} s: {reason}")

    async def _watch_all(self, call: Call, heard: list[Heard]) -> None:
        async with asyncio.TaskGroup() as tasks:
            while (participant := await call.next_participant()) is not None:
                now = asyncio.get_running_loop().time()
                # The first to come is who we waited for since the acceptance; later ones count from their coming.
                since = call.accepted_at if call.accepted_at is not None and not heard else now
                name = self._names.get(participant.user, participant.user)
                heard.append(Heard(name, participant.user, since))
                self.heard = heard
                self.say(f"{name} is in the call")
                tasks.create_task(self._watch(participant, heard[-1]))

    async def _watch(self, participant: Participant, heard: Heard) -> None:
        recorder = self._recorder(heard.name)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch_track(participant.video, heard, recorder))
                tasks.create_task(self._watch_track(participant.audio, heard, recorder))
        finally:
            if recorder is not None:
                await asyncio.to_thread(recorder.close)
                self.say(f"recorded {recorder.path}" + (f" ({recorder.note})" if recorder.note else ""))

    async def _watch_track(self, track: ParticipantTrack, heard: Heard, recorder: Recorder | None) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                frame: Any = await track.recv()
            except MediaStreamError:
                return
            at = loop.time()
            if track.kind == "video":
                heard.verifier.see_picture(frame, track.tap, at)
            else:
                heard.verifier.see_sound(frame, track.tap)
            if recorder is not None:
                recorder.put(frame, track.tap, at)

    # Small things.

    def _player(self) -> Player | None:
        return Player(self.plan.clip, loop=self.plan.loop) if self.plan.clip is not None else None

    def _recorder(self, name: str) -> Recorder | None:
        """The first participant goes into the file named; each further one into a file beside it."""
        if self.plan.record is None:
            return None
        self._recordings += 1
        if self._recordings == 1:
            return Recorder(self.plan.record)
        safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in name)
        return Recorder(self.plan.record.with_suffix(f".{self._recordings}-{safe}{self.plan.record.suffix}"))

    def _by_name(self, heard: list[Heard]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for one in heard:
            number = 2
            key = one.name
            while key in told:  # several devices of one user
                key, number = f"{one.name} ({number})", number + 1
            told[key] = report.received(one)
        return told

    async def _or_stop(self, *tasks: asyncio.Task[Any]) -> None:
        """Until one of the tasks is done or the session is stopped; those not done that are ours to end are ended."""
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, *(tasks if len(tasks) > 1 else ())):
            task.cancel()


async def _none(work: Coroutine[Any, Any, object]) -> None:
    await work
