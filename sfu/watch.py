"""What is looked at now and then: who speaks, how well peers are connected, who is busy.

core (levels, stats) ─▶ **watch** ─▶ room (rules), sampling ─▶ effects ─▶ node ─▶ clients

The rest of a node follows events.  Levels and statistics are polled, and put to the rules of each room that has peers.
A look that fails is told, and is not the last; in a room, it is that room's alone.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from common.log import FieldLog
from sfu._core import Core, PeerStats
from sfu.config import NodeConfig
from sfu.guarded import guarded
from sfu.metrics import NodeMetrics
from sfu.placement import Placement
from sfu.room.room import Room
from sfu.room.speakers import Speakers
from sfu.room.tracks import PeerId
from sfu.room.voices import Voices
from sfu.sampling import Sampling
from sfu.session import Session, State

log = FieldLog(__name__)

RESTS: Final = 64
"""A look at the statistics is followed by so many times as long without one: it is worth that share of a processor."""
LONGEST_REST_S: Final = 8.0
"""Less than what one look may stand for (`sfu.sampling.LONGEST_S`)."""


class Watched(Protocol):
    """The node, as far as it is looked at."""

    placement: Placement

    @property
    def sessions(self) -> Collection[Session]:
        """Every peer."""

    def session_of(self, handle: int) -> Session | None:
        """The peer that the core knows by this handle."""

    def room(self, room: str) -> Room | None:
        """The rules of a room."""

    def settle(self, room: str) -> None:
        """Carry out what a room's rules decided."""


@dataclass(slots=True)
class _Seen:
    """What is remembered of a room between two looks."""

    voices: Voices
    speakers: Speakers = field(default_factory=Speakers)


class Watch:
    """Polls levels and stats until cancelled."""

    def __init__(self, config: NodeConfig, core: Core, node: Watched, metrics: NodeMetrics) -> None:
        # Given to us.
        self._config = config
        self._core = core
        self._node = node
        # Ours; a room without peers is forgotten.
        self._seen: dict[str, _Seen] = {}
        self._sampling = Sampling(metrics)

    async def run(self) -> None:
        """Look, and look again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_levels())
            group.create_task(self._watch_stats())

    async def _watch_levels(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._config.level_interval_s)
            with guarded(log, "look_failed", at="levels"):
                if self._node.sessions:
                    self._on_levels(self._core.levels(), loop.time())

    async def _watch_stats(self) -> None:
        loop, took_s = asyncio.get_running_loop(), 0.0
        while True:
            await asyncio.sleep(rest_s(self._config.stats_interval_s, took_s))
            with guarded(log, "look_failed", at="cpu"):
                self._node.placement.measured(self._core.cpu_ns(), loop.time())
            with guarded(log, "look_failed", at="stats"):
                took_s = await self._look_at_stats() if self._node.sessions else self._on_stats((), loop.time())
            self._forget_empty_rooms()

    async def _look_at_stats(self) -> float:
        """The workers take their time over it, while they are busy; calls need not wait for that."""
        try:
            stats = await asyncio.to_thread(self._core.stats)
        except RuntimeError as error:  # a worker so busy that it did not answer: the next look may find it better
            log.warning("stats_missed", error=error)
            return 0.0
        return self._on_stats(stats, asyncio.get_running_loop().time())

    def _forget_empty_rooms(self) -> None:
        for room in self._seen.keys() - {session.room for session in self._node.sessions}:
            del self._seen[room]

    def _on_levels(self, levels: Iterable[tuple[int, str, int]], now: float) -> None:
        """Of rooms with a voice, or with one that may have fallen silent; the others cost nothing."""
        by_room: dict[str, dict[PeerId, int]] = {
            name: {} for name, seen in self._seen.items() if seen.speakers or seen.voices
        }
        for handle, mid, level in levels:
            session = self._node.session_of(handle)
            if session and self._is_voice(session, mid):
                by_room.setdefault(session.room, {})[session.id] = level
        for name, voices in by_room.items():
            room = self._node.room(name)
            if room is not None:
                with guarded(log, "look_failed", at="levels", room=name):
                    self._listen(room, voices, now)
                    self._node.settle(name)

    def _listen(self, room: Room, levels: Mapping[PeerId, int], now: float) -> None:
        seen = self._seen_of(room.id)
        speakers = seen.speakers.update(levels, now)
        silenced = seen.voices.update(levels, seen.speakers.loud, seen.speakers.soft)
        if silenced is not None:
            room.silence(silenced)
        if speakers is not None:
            room.speak(speakers, seen.speakers.dominant, now)
        room.on_time(now)

    def _is_voice(self, session: Session, mid: str) -> bool:
        room = self._node.room(session.room)
        member = room.members.get(session.id) if room else None
        track = member.tracks.get(mid) if member and member.connected else None
        return track is not None and track.source == "microphone" and not track.muted

    def _on_stats(self, stats: Iterable[PeerStats], now: float) -> float:
        """Seconds of this processor that it took."""
        began = time.thread_time()
        by_room: dict[str, dict[PeerId, PeerStats]] = {}
        sessions: dict[PeerId, Session] = {}
        for peer in stats:
            session = self._node.session_of(peer.peer)
            if session and session.state is State.CONNECTED:
                sessions[session.id] = session
                by_room.setdefault(session.room, {})[session.id] = peer
        self._sampling.look(self._node, by_room, sessions, now)
        return time.thread_time() - began

    def _seen_of(self, room: str) -> _Seen:
        seen = self._seen.get(room)
        if seen is None:
            seen = self._seen[room] = _Seen(Voices(self._config.most_voices))
        return seen


def rest_s(interval_s: float, took_s: float) -> float:
    """From a look that took so long to the next."""
    return max(interval_s, min(RESTS * took_s, LONGEST_REST_S))
