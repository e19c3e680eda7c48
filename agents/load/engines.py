"""The engines of a run: threads of the core that own sockets and packets, one a `--threads`.

endpoint -> **engines** -> `_core.LoadEngine` -> events -> endpoint
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, assert_never

from agents.errors import ConfigError
from agents.load.clips import Clips
from agents.load.errors import ConnectError
from agents.load.media import EndpointMedia
from agents.load.totals import Totals
from agents.load.tracks import ClipHandles
from sfu import _core
from sfu.dtls import SrtpKeys
from sfu.sdp.values import IceCredentials


class Listener(Protocol):
    """Who hears of an endpoint.  Called on the event loop; must not wait.  Times are seconds on the monotonic clock."""

    def connected(self, at: float) -> None:
        """A connectivity check was answered."""

    def dtls(self, datagrams: list[bytes]) -> None:
        """Datagrams from the server."""

    def first_media(self, mid: str, at: float) -> None:
        """An m-line's first packet."""

    def lost(self) -> None:
        """The server has fallen silent."""


@dataclass(frozen=True, slots=True)
class EmulatedLink:
    """What an endpoint's way to the server is like."""

    loss: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0


class Wire:
    """One endpoint as its engine knows it."""

    def __init__(self, engine: Engine, handle: int) -> None:
        self._engine = engine.core
        self._pool = engine
        self.handle = handle
        self._closed = False

    def send_dtls(self, datagram: bytes) -> None:
        """One datagram to the server."""
        self._engine.send_dtls(self.handle, datagram)

    def set_keys(self, keys: SrtpKeys) -> None:
        """Media may flow."""
        self._engine.set_keys(
            self.handle, keys.profile, keys.remote_key, keys.remote_salt, keys.local_key, keys.local_salt
        )

    def set_media(self, media: EndpointMedia) -> None:
        """What is sent and received; ConnectError if the server's numbers cannot be."""
        try:
            self._engine.set_media(self.handle, media)
        except ValueError as error:
            raise ConnectError(f"the server's answer cannot be used: {error}") from None

    def set_sending(self, mid: str, *, sending: bool) -> None:
        """Pause or go on with one m-line."""
        self._engine.set_sending(self.handle, mid, sending)

    def set_layers(self, mid: str, rids: Sequence[str]) -> None:
        """Send these layers of one m-line alone."""
        self._engine.set_layers(self.handle, mid, list(rids))

    def close(self) -> None:
        """Forget it; again is harmless."""
        if not self._closed:
            self._closed = True
            self._pool.forget(self.handle)


class Engine:
    """One thread, and who listens to its endpoints."""

    def __init__(self, clips: Clips, *, seed: int, check_every: int, cpu: int | None) -> None:
        self.core = _core.LoadEngine(seed=seed, check_every=check_every, cpu=cpu)
        try:
            self.clips = _handles(self.core, clips)
        except ValueError as error:
            self.core.close()
            raise ConfigError(f"--media cannot be sent: {error}") from None
        self._listeners: dict[int, Listener] = {}
        self._loop = asyncio.get_running_loop()
        self._fd = self.core.fileno()
        self._loop.add_reader(self._fd, self._read)

    def add(
        self, listener: Listener, local: IceCredentials, remote: IceCredentials, at: tuple[str, int], link: EmulatedLink
    ) -> Wire:
        """A new endpoint, which begins to check connectivity; ConnectError if there is no socket for it."""
        try:
            handle = self.core.add_endpoint(
                local_ufrag=local.ufrag,
                local_password=local.password,
                remote_ufrag=remote.ufrag,
                remote_password=remote.password,
                remote=at,
                loss=link.loss,
                delay_ms=link.delay_ms,
                jitter_ms=link.jitter_ms,
            )
        except (OSError, ValueError) as error:
            raise ConnectError(f"no socket towards {at[0]}:{at[1]}: {error}") from None
        self._listeners[handle] = listener
        return Wire(self, handle)

    def forget(self, handle: int) -> None:
        """End an endpoint."""
        if self._listeners.pop(handle, None) is not None:
            self.core.remove_endpoint(handle)

    def close(self) -> None:
        """Stop the thread; again is harmless."""
        self._loop.remove_reader(self._fd)
        self._listeners.clear()
        self.core.close()

    @property
    def load(self) -> int:
        """Endpoints on it."""
        return len(self._listeners)

    def _read(self) -> None:
        for event in self.core.events():
            self._hand_on(event)

    def _hand_on(self, event: _core.LoadEvent) -> None:
        listener = self._listeners.get(event.endpoint)
        if listener is None:
            return
        match event:
            case _core.EndpointConnected(_, at_ns):
                listener.connected(at_ns / 1e9)
            case _core.EndpointDtls(_, datagrams):
                listener.dtls(datagrams)
            case _core.FirstMedia(_, mid, at_ns):
                listener.first_media(mid, at_ns / 1e9)
            case _core.EndpointLost(_):
                listener.lost()
            case _:
                assert_never(event)


def _handles(core: _core.LoadEngine, clips: Clips) -> ClipHandles:
    """The clips as an engine numbers them: in the same order on every engine, whose endpoints meet each other."""
    return ClipHandles(
        audio=core.add_clip(clips.audio) if clips.audio is not None else 0,
        video=tuple(core.add_clip(clip) for clip in clips.video),
        length_ms=clips.length_ms,
    )


class Engines:
    """All of a run.  Owns them."""

    def __init__(self, clips: Clips, *, threads: int, seed: int, check_every: int, cpus: Sequence[int]) -> None:
        self._engines = [
            Engine(clips, seed=seed + number, check_every=check_every, cpu=cpus[number % len(cpus)] if cpus else None)
            for number in range(threads)
        ]

    def least_loaded(self) -> Engine:
        """Where the next endpoint goes."""
        return min(self._engines, key=lambda engine: engine.load)

    def reset(self) -> None:
        """Counts begin anew."""
        for engine in self._engines:
            engine.core.reset()

    def totals(self) -> Totals:
        """What all of them have counted."""
        return Totals.of([engine.core.snapshot() for engine in self._engines])

    def close(self) -> None:
        """End them; again is harmless."""
        for engine in self._engines:
            engine.close()
