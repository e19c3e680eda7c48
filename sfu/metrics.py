"""What a node counts, for Prometheus: read at `/metrics`.

sampling (every look), core (counters) -> **metrics** -> app

Distributions are over peers and time: each look puts one value of each peer into its bucket.  There are no labels of
rooms or peers: a node has thousands, and they come and go.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

MS: Final = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 300.0, 600.0, 1_000.0)
SHARES: Final = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.2, 0.5)
KBPS: Final = (100.0, 200.0, 400.0, 800.0, 1_500.0, 3_000.0, 6_000.0, 12_000.0)
OCTETS: Final = ("octets_in", "octets_out")
"""Of the core's counters, those that are metrics of their own."""
SCORES: Final = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.25, 4.5, 5.0)


class Carrying(Protocol):
    """The core, as far as it counts."""

    def counters(self) -> dict[str, int]:
        """Totals since the start."""


class Buckets:
    """How often values fell where."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def put(self, value: float | None) -> None:
        """One more; None is none."""
        if value is not None:
            self._counts[bisect_left(self._bounds, value)] += 1
            self._sum += value

    def family(self, name: str, text: str) -> HistogramMetricFamily:
        """As Prometheus has it: each bucket holds the lower ones as well."""
        total, buckets = 0, list[tuple[str, float]]()
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, total))
        return HistogramMetricFamily(f"tertulia_node_{name}", text, buckets=buckets, sum_value=self._sum)


@dataclass(slots=True)
class Standing:
    """What the last look found."""

    peers: int = 0
    paused: int = 0
    """Seats whose pictures the path does not carry."""
    layers: dict[int, int] = field(default_factory=dict)
    """Seats that show a layer of this number."""


class NodeMetrics(Collector):
    """The numbers of one node."""

    def __init__(self, core: Carrying) -> None:
        # Given to us.
        self._core = core
        # Ours.
        self.rtt_ms = Buckets(MS)
        self.jitter_ms = Buckets(MS)
        self.queue_ms = Buckets(MS)
        self.loss = Buckets(SHARES)
        self.estimate_kbps = Buckets(KBPS)
        self.sent_kbps = Buckets(KBPS)
        self.received_kbps = Buckets(KBPS)
        self.score = Buckets(SCORES)
        self.freezes = 0
        self.standing = Standing()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """What is told when somebody asks."""
        yield self.rtt_ms.family("rtt_ms", "Round trip to a peer.")
        yield self.jitter_ms.family("jitter_ms", "The most that a receiver reports of what it gets.")
        yield self.queue_ms.family("queue_ms", "Estimated wait in the queue of a peer's path.")
        yield self.loss.family("loss", "The largest share lost that a receiver reports of what it gets.")
        yield self.estimate_kbps.family("estimate_kbps", "What the path to a peer is thought to carry.")
        yield self.sent_kbps.family("sent_kbps", "What is sent to a peer.")
        yield self.received_kbps.family("received_kbps", "Media that comes from a peer.")
        yield self.score.family("score", "How good what a peer hears and sees is, 1 to 5.")
        yield _counter("freezes", "Pauses in what publishers sent.", self.freezes)
        yield _gauge("peers", "Peers whose media is connected.", self.standing.peers)
        yield _gauge("paused_seats", "Seats whose pictures the path does not carry.", self.standing.paused)
        layers = GaugeMetricFamily("tertulia_node_layers_shown", "Seats by the layer that they show.", labels=["layer"])
        for layer, seats in sorted(self.standing.layers.items()):
            layers.add_metric([str(layer)], seats)
        yield layers
        counters = self._core.counters()
        yield _counter("received_bytes", "Octets of UDP payload received.", counters["octets_in"])
        yield _counter("sent_bytes", "Octets of UDP payload that the kernel took.", counters["octets_out"])
        yield _counters({what: counted for what, counted in counters.items() if what not in OCTETS})


def _counter(name: str, text: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(f"tertulia_node_{name}", text, value=value)


def _gauge(name: str, text: str, value: int) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"tertulia_node_{name}", text, value=value)


def _counters(counters: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily("tertulia_node_core", "What the packet path counts.", labels=["what"])
    for name, value in counters.items():
        family.add_metric([name], value)
    return family
