"""From settings to a report: one run, or as many as the search for the capacity takes.

cli -> **tester** -> clips, doors, engines -> run -> report

Owns the HTTP session, the door and the engines of each run.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp

from agents.load.addresses import Address, Bearers
from agents.load.capacity import CapacitySearch
from agents.load.clips import Clips, load_clips
from agents.load.doors import Door
from agents.load.dtls import ClientCertificate
from agents.load.endpoint import Studio
from agents.load.engines import Engines
from agents.load.errors import RunFailed
from agents.load.front_door import FrontDoor
from agents.load.plan import MOST_PARTICIPANTS, LoadPlan, What
from agents.load.report import Measured
from agents.load.require import Requirement
from agents.load.run import Run
from agents.load.server import ServerProcess
from agents.load.users import Admin, LoadUser, LoadUsers
from agents.load.whip import WhipDoor

SETTLE_S: Final = 2.0
"""Between two runs of a search: the server has let go of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a run needs beside its plan."""

    plan: LoadPlan
    media: Path | None = None
    users: tuple[LoadUser, ...] = ()
    """With their tokens; empty: made by `admin`."""
    admin: Admin = field(default_factory=Admin)
    keep_users: bool = False
    bearers: Bearers = field(default_factory=Bearers)
    requirements: tuple[Requirement, ...] = ()
    find: What | None = None
    most: int | None = None
    server: ServerProcess | None = None
    pin_tester: tuple[int, ...] = ()
    pin_server: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """Who is shown what goes on."""

    say: Callable[[str], None]
    row: Callable[[dict[str, Any]], None]


async def measure(settings: Settings, *, stop: asyncio.Event, view: View) -> dict[str, Any]:
    """The report; AgentError if nothing could be measured."""
    _pin(settings)
    _more_files()
    clips = await _clips(settings, view)
    async with _http() as http:
        door = _door(settings, http, view)
        try:
            tester = _Tester(settings, clips, door, stop, view)
            return await (tester.search(settings.find) if settings.find is not None else tester.once())
        finally:
            await door.close()


def _pin(settings: Settings) -> None:
    if settings.pin_tester:
        os.sched_setaffinity(0, settings.pin_tester)
    if settings.pin_server and settings.server is not None:
        settings.server.pin(settings.pin_server)


def _more_files() -> None:
    """As many open sockets as the system lets us have: a participant has two."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _clips(settings: Settings, view: View) -> Clips:
    plan = settings.plan
    view.say("encoding the clips")
    return await asyncio.to_thread(
        load_clips, settings.media, audio=plan.audio, video=plan.video, kbps=plan.kbps, simulcast=plan.simulcast
    )


@asynccontextmanager
async def _http() -> AsyncIterator[aiohttp.ClientSession]:
    """One for all participants, without a bound of its own on their connections."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        yield http


def _door(settings: Settings, http: aiohttp.ClientSession, view: View) -> Door:
    plan = settings.plan
    if plan.url is not None:
        users = settings.users or LoadUsers(http, plan.url, settings.admin, view.say)
        return FrontDoor(http, plan.url, carrier=plan.carrier, users=users, keep_users=settings.keep_users)
    whip = Address("--whip", plan.whip) if plan.whip is not None else None
    whep = Address("--whep", plan.whep) if plan.whep is not None else None
    return WhipDoor(http, whip, whep, settings.bearers)


class _Tester:
    """Runs with the same clips and the same door."""

    def __init__(self, settings: Settings, clips: Clips, door: Door, stop: asyncio.Event, view: View) -> None:
        self._settings = settings
        self._clips = clips
        self._door = door
        self._stop = stop
        self._view = view
        self._certificate = ClientCertificate()

    async def once(self) -> dict[str, Any]:
        """The plan as it is."""
        measured = await self._run(self._settings.plan)
        return measured.report(self._settings.requirements)

    async def search(self, what: What) -> dict[str, Any]:
        """The report of the largest load that held, with what became of all others."""
        first, most = self._bounds(what)
        search = CapacitySearch(first, most)
        trials: list[dict[str, Any]] = []
        best: tuple[int, dict[str, Any]] | None = None
        while (load := search.next) is not None and not self._stop.is_set():
            self._view.say(f"trying {load} {what}")
            report = await self._trial(sized(self._settings.plan, what, load))
            if report["interrupted"]:
                break
            trials.append(_trial_row(load, report))
            search.note(load, held=trials[-1]["holds"])
            if best is None or (trials[-1]["holds"] and load >= best[0]):
                best = load, report
        if best is None:
            raise RunFailed("stopped before the first load was measured")
        return best[1] | {"capacity": {"what": what, "largest": search.largest, "most": most, "trials": trials}}

    async def _trial(self, plan: LoadPlan) -> dict[str, Any]:
        """One run of a search; that nothing can be measured is an answer, too."""
        measured = await self._run(plan)
        await asyncio.sleep(SETTLE_S)
        return measured.report(self._settings.requirements)

    def _bounds(self, what: What) -> tuple[int, int]:
        """Where the search begins, and where it ends at the latest."""
        plan = self._settings.plan
        people = len(plan.members)
        first = plan.rooms if what == "rooms" else plan.receivers or people
        most = self._settings.most or MOST_PARTICIPANTS // (people if what == "rooms" else plan.rooms)
        if self._settings.users and plan.url is not None:
            most = min(most, len(self._settings.users) // (people if what == "rooms" else plan.rooms))
        return first, max(first, most)

    async def _run(self, plan: LoadPlan) -> Measured:
        if plan.url is not None:
            self._view.say(f"signing in {plan.total} users")
        await self._door.open(plan.total)
        engines = Engines(
            self._clips,
            threads=plan.threads,
            seed=plan.seed,
            check_every=plan.check_every,
            cpus=self._settings.pin_tester,
        )
        try:
            random = Random(plan.seed)  # noqa: S311 - a seeded run, no secret
            studio = Studio(plan=plan, engines=engines, certificate=self._certificate, random=random)
            server, watch = self._settings.server, self._view.row
            self._view.say(f"{plan.total} participants join")
            return await Run(studio, self._door, server=server, stop=self._stop, watch=watch).run()
        finally:
            engines.close()


def sized(plan: LoadPlan, what: What, load: int) -> LoadPlan:
    """The plan with another load: more rooms, or more people in each."""
    if what == "rooms":
        return replace(plan, rooms=load)
    return replace(plan, receivers=load) if plan.receivers is not None else replace(plan, participants=load)


def _trial_row(load: int, report: dict[str, Any]) -> dict[str, Any]:
    failed = [each["text"] for each in report["requirements"] if not each["holds"]]
    failed += ["everybody could join"] if report["joins"]["failed"] else []
    failed += ["something was received"] if not report["received"]["packets"] else []
    return {"load": load, "holds": not failed, "failed": failed, "bottleneck": report["tester"]["bottleneck"]}
