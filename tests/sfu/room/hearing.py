"""People who talk, cough and sit beside fans, as the core's meter hears them, looked at in virtual time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sfu.room.speakers import Speaker, Speakers

STEP_MS, PACKET_MS, PUBLISH_MS, LOOK_MS = 10, 20, 20, 50
ATTACK, RELEASE, SILENCE, FORGET_MS = 0.3, 0.08, 127, 600  # sfu/core/src/level.rs
ROOM_NOISE = 65

Sound = Callable[[int], int | None]
"""The level in -dBov at a millisecond; None: nothing is sent."""


@dataclass
class Meter:
    """The core's: quick to rise, slow to fall."""

    smoothed: float | None = None
    heard_ms: int = 0

    def hear(self, level: int | None, now_ms: int) -> None:
        """A packet, or none."""
        if level is None:
            return
        before = SILENCE if self.smoothed is None else self.smoothed
        self.smoothed = before + (level - before) * (ATTACK if level < before else RELEASE)
        self.heard_ms = now_ms

    def level(self, now_ms: int) -> int | None:
        """As it is published."""
        if self.smoothed is None:
            return None
        return SILENCE if now_ms - self.heard_ms > FORGET_MS else round(self.smoothed)


@dataclass
class Heard:
    """What the rules said, and when."""

    told: list[tuple[int, tuple[Speaker, ...]]] = field(default_factory=list)
    leaders: list[tuple[int, str | None]] = field(default_factory=list)
    """From when on who was dominant."""
    loud: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    soft: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)

    def told_at(self, peer: str, *, first: bool = False) -> int | None:
        """When all were told that `peer` speaks (`first`: before all others)."""
        for now_ms, speakers in self.told:
            names = [speaker.peer for speaker in speakers]
            if peer in (names[:1] if first else names):
                return now_ms
        return None

    @property
    def reigned(self) -> list[str | None]:
        """Who was dominant, one after the other."""
        return [peer for _, peer in self.leaders]


def listen(people: Mapping[str, Sound], *, until_ms: int, published: int = 0, looked: int = 0) -> Heard:
    """Let time pass; levels are published and looked at so many ms after each multiple of their intervals."""
    meters, shown = {peer: Meter() for peer in people}, dict[str, int]()
    speakers, heard = Speakers(), Heard()
    for now_ms in range(PACKET_MS, until_ms + 1, STEP_MS):
        for peer, sound in people.items() if now_ms % PACKET_MS == 0 else ():
            meters[peer].hear(sound(now_ms - PACKET_MS), now_ms)
        if now_ms % PUBLISH_MS == published:
            levels = {peer: meter.level(now_ms) for peer, meter in meters.items()}
            shown = {peer: level for peer, level in levels.items() if level is not None}
        if now_ms % LOOK_MS == looked:
            look(speakers, heard, shown, now_ms)
    return heard


def look(speakers: Speakers, heard: Heard, levels: Mapping[str, int], now_ms: int) -> None:
    """One look, and what came of it."""
    told = speakers.update(dict(levels), now_ms / 1000)
    if told is not None and (not heard.told or told != heard.told[-1][1]):
        heard.told.append((now_ms, told))
    if not heard.leaders or heard.leaders[-1][1] != speakers.dominant:
        heard.leaders.append((now_ms, speakers.dominant))
    heard.loud.append((now_ms, tuple(speakers.loud)))
    heard.soft.append((now_ms, tuple(speakers.soft)))


def talk(*turns: tuple[int, int], level: int = 30, noise: int | None = ROOM_NOISE) -> Sound:
    """Somebody who talks from the first to the second of each pair (ms), and is silent otherwise."""
    return lambda now_ms: level if any(begin <= now_ms < end for begin, end in turns) else noise


def fan(level: int) -> Sound:
    """Noise that goes up and down a little."""
    return lambda now_ms: level + (now_ms // PACKET_MS * 7) % 5 - 2
