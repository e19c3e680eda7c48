"""What a run is to do: one frozen value, made of flags and checked before anything starts.

cli -> **plan** -> doors (who joins), tester (when), report (what was asked for)
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from agents.errors import ConfigError

Carrier = Literal["ws", "socketio"]
"""What carries signaling's frames."""
What = Literal["rooms", "participants"]
"""What a search for the capacity makes more of."""

MOST_PARTICIPANTS: Final = 100_000
"""Of a whole run."""
FEW_SEATS: Final = 4
"""As many as a client of ours starts with, where the flags say nothing."""
MOST_SEATS: Final = 64
DEFAULT_PARTICIPANTS: Final = 4


@dataclass(frozen=True, slots=True)
class Member:
    """One participant's part in each room."""

    sends: bool
    receives: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """One run.  Every field is a flag of `tertulia load`; its text is that flag's help."""

    url: str | None = None
    """Address of signaling: participants go through the whole front door."""
    whip: str | None = None
    """WHIP address of any server, with `{room}` and `{n}`."""
    whep: str | None = None
    """WHEP address of any server, with `{room}` and `{n}`."""
    carrier: Carrier = "ws"
    rooms: int = 1
    participants: int | None = None
    """Of each room; they all receive, and all or `publishers` of them send."""
    publishers: int | None = None
    """Of each room: how many send."""
    receivers: int | None = None
    """Of each room: so many who only receive, beside publishers who only send."""
    seats: int | None = None
    kbps: int = 500
    audio: bool = True
    video: bool = True
    simulcast: bool = False
    ramp: float = 20.0
    """Joins a second."""
    duration_s: float = 15.0
    runs: int = 1
    """Measured parts of `duration_s` each, one after the other, with the same participants."""
    warm_up_s: float = 3.0
    churn: float = 0.0
    """Participants a second who leave and join anew."""
    speakers: int | None = None
    """Of each room: how many are heard at a time; None: all of them."""
    spurt_s: float = 4.0
    """Mean length of a talk spurt."""
    loss: float = 0.0
    """Share of packets that every endpoint's emulated link loses, each way."""
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    check_every: int = 16
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        self._check_doors()
        self._check_people()
        self._check_numbers()

    def _check_doors(self) -> None:
        if (self.url is None) == (self.whip is None and self.whep is None):
            raise ConfigError("give either --url of signaling, or --whip and --whep")
        for flag, url in (("--url", self.url), ("--whip", self.whip), ("--whep", self.whep)):
            if url is not None and not url.startswith(("http://", "https://")):
                raise ConfigError(f"{flag} must begin with http:// or https://, not {url[:60]!r}")

    def _check_people(self) -> None:
        if self.participants is not None and self.receivers is not None:
            raise ConfigError("give either --participants or --receivers: receivers come beside the publishers")
        if self.receivers is not None and self.publishers is None:
            raise ConfigError("--receivers needs --publishers")
        if self.participants is not None and self.publishers is not None and self.publishers > self.participants:
            raise ConfigError(f"--publishers {self.publishers} is more than --participants {self.participants}")
        for flag, value in (("rooms", self.rooms), ("participants", self.participants), ("threads", self.threads)):
            _at_least(flag, value, 1)
        _at_least("publishers", self.publishers, 0)
        _at_least("receivers", self.receivers, 0)
        if self.total > MOST_PARTICIPANTS:
            raise ConfigError(f"--rooms × --participants is {self.total}, and at most {MOST_PARTICIPANTS}")
        if not self.members:
            raise ConfigError("--publishers and --receivers are both 0: nobody would join")
        self._check_both_ways()

    def _check_both_ways(self) -> None:
        if self.url is not None:
            return
        if self.whip is None and any(member.sends for member in self.members):
            raise ConfigError("--publishers need --whip; with --whep alone give --publishers 0 --receivers N")
        if self.whep is None and any(member.receives for member in self.members):
            raise ConfigError("receivers need --whep; with --whip alone give --publishers N --receivers 0")

    def _check_numbers(self) -> None:
        if not (self.audio or self.video):
            raise ConfigError("--audio-only and --video-only exclude each other")
        if self.simulcast and not self.video:
            raise ConfigError("--simulcast needs video, so not --audio-only")
        _between("seats", self.seats, 1, MOST_SEATS)
        _between("kbps", self.kbps, 30, 50_000)
        _between("ramp", self.ramp, 0.01, 10_000)
        _between("duration", self.duration_s, 0.1, 7 * 86_400)
        _between("runs", self.runs, 1, 1_000)
        _between("warm-up", self.warm_up_s, 0, 3_600)
        _between("churn", self.churn, 0, 10_000)
        _between("speakers", self.speakers, 0, MOST_PARTICIPANTS)
        _between("talk-spurts", self.spurt_s, 0.2, 3_600)
        _between("loss", self.loss * 100, 0, 90)
        _between("delay-ms", self.delay_ms, 0, 10_000)
        _between("jitter-ms", self.jitter_ms, 0, 10_000)
        _between("check-every", self.check_every, 1, 1_000_000)
        _between("threads", self.threads, 1, 256)

    @property
    def members(self) -> tuple[Member, ...]:
        """The parts in each room; who sends comes first."""
        if self.receivers is not None:
            return (Member(True, False),) * (self.publishers or 0) + (Member(False, True),) * self.receivers
        everybody = self.participants if self.participants is not None else DEFAULT_PARTICIPANTS
        senders = everybody if self.publishers is None else min(self.publishers, everybody)
        return (Member(True, True),) * senders + (Member(False, True),) * (everybody - senders)

    @property
    def total(self) -> int:
        """Participants of the whole run."""
        return self.rooms * len(self.members)

    @property
    def senders(self) -> int:
        """Participants of each room who send."""
        return sum(member.sends for member in self.members)

    def seats_of(self, member: Member) -> int:
        """How many others a participant asks to see at a time."""
        if not member.receives:
            return 0
        others = self.senders - member.sends
        return self.seats if self.seats is not None else max(1, min(FEW_SEATS, others))

    def as_object(self) -> dict[str, Any]:
        """As the report quotes it."""
        people = {"members": len(self.members), "senders": self.senders}
        return asdict(self) | people | {"seats": max(map(self.seats_of, self.members))}


def _at_least(flag: str, value: int | None, least: int) -> None:
    if value is not None and value < least:
        raise ConfigError(f"--{flag} must be at least {least}, not {value}")


def _between(flag: str, value: float | None, least: float, most: float) -> None:
    if value is not None and not (math.isfinite(value) and least <= value <= most):
        raise ConfigError(f"--{flag} must be from {least:g} to {most:g}, not {value:g}")
