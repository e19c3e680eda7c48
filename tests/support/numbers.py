"""What the core tells of peers, made by hand for tests of the rules that read it."""

from dataclasses import dataclass, field


@dataclass(kw_only=True)
class LayerOf:
    """One encoding of a track: a lively one."""

    rid: str | None = None
    kbps: float = 500.0
    spatial_kbps: tuple[float, ...] = ()
    height: int | None = 360
    active: bool = True
    taken: bool = True
    freezes: int = 0
    frozen_ms: float = 0.0
    standing_ms: float = 0.0


@dataclass(kw_only=True)
class TrackOf:
    """One published source."""

    mid: str = "1"
    packets: int = 0
    lost: int = 0
    jitter_ms: float = 0.0
    layers: list[LayerOf] = field(default_factory=lambda: [LayerOf()])


@dataclass(kw_only=True)
class SenderOf:
    """One m-line of a seat: one that shows its track's first layer, without fault."""

    mid: str = "3"
    layer: int | None = 0
    temporal: int | None = None
    spatial: int | None = None
    paused: bool = False
    kbps: float = 500.0
    fraction_lost: float = 0.0
    jitter_ms: float = 0.0
    nacks_received: int = 0
    retransmitted: int = 0
    switches: int = 0


@dataclass(kw_only=True)
class PeerOf:
    """One peer, near by."""

    rtt_ms: float | None = 0.0
    estimate_kbps: float | None = None
    sending_kbps: float = 1_000.0
    queue_ms: float = 0.0
    silent_ms: float = 0.0
    tracks: list[TrackOf] = field(default_factory=list)
    senders: list[SenderOf] = field(default_factory=list)
