"""Who speaks, and who of them leads the talk, out of smoothed audio levels.

core levels (20 a second) -> **speakers** -> `speakers` events, who deserves a seat, whose picture matters most

Levels are RFC 6464's: -dBov, 0 loudest, 127 silence.  They are judged over three spans, as by Volfin and Cohen
("Dominant speaker identification for multipoint videoconferencing", 2013), by thresholds in place of likelihoods:

* *at once*: a level is speech where it stands out from the peer's noise, the quietest that was heard of him for
  seconds.  So a fan is no speech, and he who shouts over it is heard.
* *at once, softly*: what stands out as clearly but is not loud enough for that may be speech too, of somebody far from
  his microphone.  It makes nobody a speaker; where few are heard, it is heard before silence (`voices.py`).
* *a quarter of a second*: speech that goes on makes a speaker; a click or a short cough is over by then.  A little
  later a speaker becomes the *dominant* one, if the one before him has fallen silent for longer than a breath.
* *a second*: where two talk at once, the dominant one stays it unless the other is clearly louder.

A speaker is one until he has been silent for longer than between two words.  The dominant one stays it, silent or not,
until another follows.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import compress

from sfu.room.tracks import PeerId

# How loud.
START_DBOV = 45
"""Speech is at this level or louder; room noise is at 55 to 70."""
STOP_DBOV = 55
"""What has been speech is so down to here, and what becomes it rises from here."""
QUIET_DBOV = 63
"""At this level and below there is nothing to be looked at."""
ABOVE_NOISE_DB = 8
"""Speech is that much louder than the noise; a fan goes up and down by less."""
QUIETER_DB_A_S = 10.0
"""What a peer was quieter by counts for so much less with time: meters rise within 0.2 s, and fall within one."""
LOUDEST_NOISE_DBOV = 40
"""What is 8 dB louder than this is speech, even without a pause."""
NOISE_S = 2.0
"""Noise is the quietest of so long, or up to twice that; who speaks takes a breath in it."""
SETTLE_S = 0.3
"""Whoever is heard for the first time may sit beside a fan: while the meter rises, his loudest is taken for his noise.
What is louder than any noise is speech all the same."""
RISE_S = 0.15
"""So long the core's meter rises from silence, at the first packets of whoever has just come."""
FALLEN_DB = 4
"""So far below its peak a sound is over: the core's meter falls that far in 40 ms."""
FADE_DB_A_S = 5.0
"""A peak counts for so much less with time."""

# How long; looks are 0.05 s apart.
SPEECH_S = 0.24
"""Speech that goes on for five more looks makes a speaker: a sound of 0.2 s is over by then, with the meter's fall."""
LEAD_S = 0.34
"""Speech that goes on for two more may make the dominant one: a cough is shorter."""
HOLD_S = 0.6
"""Silence shorter than this is a pause, not an end."""
BREATH_S = 0.15
"""The dominant speaker who is silent for longer may be followed by whoever speaks."""
OVERRIDE_S, OVERRIDE_DB = 1.0, 6.0
"""Speech of so long, louder by so much, outdoes a dominant speaker who speaks on."""
STRENGTH_S = 0.5
"""Loudness is compared over about so long."""
REIGN_S = 0.2
"""A dominant speaker is one for so long at least."""

# What is told.
LOUDNESS_STEP = 0.2
"""Smaller changes of loudness are not told,"""
LOUDNESS_S = 0.4
"""nor such as come sooner after what was told last."""
TOLD_A_SECOND = 5
TOLD_APART_S = 0.09
"""Not all five at once: whoever speaks next would have to wait for the rest of the second."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """One who speaks now; loudness 0 (silent) to 1."""

    peer: PeerId
    loudness: float


def loudness(level_dbov: int) -> float:
    """-60 dBov and below is 0, 0 dBov is 1."""
    return round(max(0.0, 1.0 - level_dbov / 60), 2)


@dataclass(slots=True)
class _Ear:
    """What has been heard of one peer."""

    since: float
    """When this span of `NOISE_S` began."""
    at: float
    """The last look."""
    settled_at: float
    """From when on the noise is known."""
    level: int = 127
    quietest: float = QUIET_DBOV
    """Of this span."""
    before: float = QUIET_DBOV
    """Of the span before."""
    strength: float = 127.0
    """The level of the last `STRENGTH_S`."""
    began: float | None = None
    """Since when sound stands out from the noise; None: it does not."""
    peak: float = 127.0
    """The loudest of that, the longer ago the less."""
    loud_at: float = float("-inf")
    """When it was loud enough to be speech, last."""
    speech_at: float | None = None
    """When a speaker was heard last; None: he is no speaker."""

    def hear(self, level: int, now: float) -> None:
        """The level of this look."""
        passed, self.level, self.at = now - self.at, level, now
        self.strength += (level - self.strength) * min(1.0, passed / STRENGTH_S)
        self._learn_noise(now)
        if level > self._softest(now):
            self._fall_silent(now)
            return
        if self.began is None:
            self.began, self.peak, self.strength = now, level, level
        self.peak = min(self.peak + FADE_DB_A_S * passed, level)
        if level <= min(START_DBOV, self.noise - ABOVE_NOISE_DB):
            self.loud_at = now
        if self.speech_at is not None or (self.is_loud and self._lasted >= SPEECH_S):
            self.speech_at = now

    @property
    def noise(self) -> float:
        """What is heard of the peer when he does not speak."""
        return max(self.quietest, self.before, LOUDEST_NOISE_DBOV)

    @property
    def is_soft(self) -> bool:
        """He is heard softly, or is a speaker who draws breath."""
        if self.loud_at == self.at:
            return False
        stands_out = self.at >= self.settled_at and self.level <= min(QUIET_DBOV, self.noise - ABOVE_NOISE_DB)
        return stands_out or self.speech_at is not None

    @property
    def is_loud(self) -> bool:
        """What is heard now may be speech, and is not the end of a sound."""
        return self.loud_at == self.at and self.level - self.peak < FALLEN_DB

    def has_spoken(self, seconds: float) -> bool:
        """A speaker has gone on for so long, and does."""
        return self.speech_at is not None and self.is_loud and self._lasted >= seconds

    @property
    def is_idle(self) -> bool:
        """There is nothing to remember of him."""
        return self.level > QUIET_DBOV and self.speech_at is None

    def _softest(self, now: float) -> float:
        """What is heard may be the begin of speech, or still be speech, up to this level."""
        above_noise = ABOVE_NOISE_DB if self.speech_at is None else ABOVE_NOISE_DB // 2
        return STOP_DBOV if now < self.settled_at else min(STOP_DBOV, self.noise - above_noise)

    @property
    def _lasted(self) -> float:
        return 0.0 if self.began is None else self.at - self.began

    def _fall_silent(self, now: float) -> None:
        if self.speech_at is not None and now - self.speech_at <= HOLD_S:
            return
        self.began = self.speech_at = None

    def _learn_noise(self, now: float) -> None:
        if now < self.settled_at:
            self.quietest = self.before = min(self.quietest, self.level)
        self.quietest = max(self.quietest, self.level)
        if now - self.since >= NOISE_S:
            self.before, self.quietest, self.since = self.quietest, self.level, now


class Speakers:
    """Who speaks in one room; the dominant speaker first, then the loudest."""

    def __init__(self) -> None:
        self.dominant: PeerId | None = None
        """Who leads the talk, or did last."""
        self.loud: list[PeerId] = []
        """Whose level was speech at the last look, however short; the loudest first."""
        self.soft: list[PeerId] = []
        """Of the others, whose level stood out from his noise, or who is a speaker still; the loudest first."""
        self._ears: dict[PeerId, _Ear] = {}
        """Of those who are not quiet."""
        self._quiet: dict[PeerId, float] = {}
        """How quiet those were a while ago who were there at the last look."""
        self._came: dict[PeerId, float] = {}
        """Since when they have been there."""
        self._looked_at: float | None = None
        self._since = float("-inf")
        """When the dominant speaker became it."""
        self._told: tuple[Speaker, ...] = ()
        self._led: PeerId | None = None
        """Who was dominant at the last look."""
        self._told_at: deque[float] = deque(maxlen=TOLD_A_SECOND)

    def __bool__(self) -> bool:
        """Somebody speaks, may do so, or is still said to."""
        return bool(self._ears or self._told)

    def update(self, levels: Mapping[PeerId, int], now: float) -> tuple[Speaker, ...] | None:
        """The speakers to be told, or those told last if no more than who is dominant has changed; None: nothing has.

        `now` is in seconds.
        """
        self._hear(levels, now)
        self._follow(now)
        speaking = [peer for peer, ear in self._ears.items() if ear.speech_at is not None]
        speaking.sort(key=lambda peer: (peer != self.dominant, self._ears[peer].level))
        speakers = tuple(Speaker(peer, loudness(self._ears[peer].level)) for peer in speaking)
        before, self._led = self._led, self.dominant
        if self._is_due(speakers, now):
            self._told = speakers
            self._told_at.append(now)
        elif before == self.dominant:
            return None
        return self._told

    def _hear(self, levels: Mapping[PeerId, int], now: float) -> None:
        for peer, level in levels.items():
            ear = self._ears.get(peer)
            if ear is None and level <= QUIET_DBOV:
                ear = self._ears[peer] = self._met(peer, now)
            if ear is not None:
                ear.hear(level, now)
        gone = [peer for peer, ear in self._ears.items() if ear.is_idle or peer not in levels]
        for peer in gone:
            del self._ears[peer]
        self._came = {peer: self._came.get(peer, now) for peer in levels}
        less = 0.0 if self._looked_at is None else QUIETER_DB_A_S * (now - self._looked_at)
        self._quiet = {peer: max(level, self._quiet.get(peer, level) - less) for peer, level in levels.items()}
        self._looked_at = now
        self.loud = self._loudest_first(ear.loud_at == now for ear in self._ears.values())
        self.soft = self._loudest_first(ear.is_soft for ear in self._ears.values())

    def _met(self, peer: PeerId, now: float) -> _Ear:
        """What is remembered of the peer from now on; how quiet he was, if he has been there for long enough."""
        came = self._came.get(peer, now)
        if now - came < RISE_S:
            return _Ear(now, now, came + SETTLE_S)
        return _Ear(now, now, now, quietest=QUIET_DBOV if now - came < SETTLE_S else max(self._quiet[peer], QUIET_DBOV))

    def _loudest_first(self, chosen: Iterable[bool]) -> list[PeerId]:
        return sorted(compress(self._ears, chosen), key=lambda peer: self._ears[peer].level)

    def _follow(self, now: float) -> None:
        """Who leads the talk from now on."""
        others = [peer for peer, ear in self._ears.items() if ear.has_spoken(LEAD_S) and peer != self.dominant]
        if not others or now - self._since < REIGN_S:
            return
        best = min(others, key=lambda peer: self._ears[peer].strength)
        leader = self._ears.get(self.dominant) if self.dominant else None
        if leader is None or now - leader.loud_at >= BREATH_S or self._outdoes(best, leader):
            self.dominant, self._since = best, now

    def _outdoes(self, peer: PeerId, leader: _Ear) -> bool:
        ear = self._ears[peer]
        return ear.has_spoken(OVERRIDE_S) and ear.strength <= leader.strength - OVERRIDE_DB

    def _is_due(self, speakers: tuple[Speaker, ...], now: float) -> bool:
        """There is something to tell, and not too soon after the last."""
        if len(self._told_at) == TOLD_A_SECOND and now - self._told_at[0] < 1.0:
            return False
        if self._told_at and now - self._told_at[-1] < TOLD_APART_S:
            return False
        before = {speaker.peer: speaker.loudness for speaker in self._told}
        after = {speaker.peer: speaker.loudness for speaker in speakers}
        leads = self.dominant in after and self._told[:1] and self._told[0].peer != self.dominant
        if leads or before.keys() != after.keys():
            return True
        rested = not self._told_at or now - self._told_at[-1] >= LOUDNESS_S
        return rested and any(abs(after[peer] - before[peer]) >= LOUDNESS_STEP for peer in after)
