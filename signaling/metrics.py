"""What a process counts, for Prometheus: one registry of our own, read at `/metrics`.

gateway, outbox, history, sapi -> **metrics** -> sapi/health

Labels have few values by construction: names of frames, operations and reasons that are in the code, never texts of
peers.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Histogram(
            "tertulia_sapi_request_seconds",
            "How long requests of SAPI took.",
            ("operation", "status"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._rings = Histogram(
            "tertulia_ring_seconds",
            "From the arrival of an invitation until its rings are on their way, or it is refused.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._frames = self._counter("frames", "Well-formed frames of devices.", "name")
        self._invitations = self._counter("invitations", "Invitations that are over.", "result")
        self._refused = self._counter("sign_ins_refused", "Sign-ins that failed.", "reason")
        self._nodes = self._gauge("nodes", "Nodes of this deployment.", "presence")
        self._rooms = self._gauge("rooms", "Rooms that live.")
        self._state = self._gauge("state_up", "Whether the short-lived state answers.")

    def request_took(self, operation: str, status: int, seconds: float) -> None:
        """A request of SAPI was answered."""
        self._requests.labels(operation, str(status)).observe(seconds)

    def frame(self, name: str) -> None:
        """A well-formed frame of a device came."""
        self._frames.labels(name).inc()

    def rang(self, seconds: float) -> None:
        """The rings of an invitation are on their way, or it is refused."""
        self._rings.observe(seconds)

    def invitation_over(self, result: str) -> None:
        """An invitation is over."""
        self._invitations.labels(result).inc()

    def sign_in_refused(self, reason: str) -> None:
        """Somebody was not let in."""
        self._refused.labels(reason).inc()

    def standing(self, *, present: int, away: int, rooms: int) -> None:
        """How many nodes and rooms there are, as the state says now."""
        self._nodes.labels("present").set(present)
        self._nodes.labels("away").set(away)
        self._rooms.set(rooms)

    def state_is(self, *, there: bool) -> None:
        """Whether the state answered; the numbers of `standing` are old when it did not."""
        self._state.set(there)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A number that is read when somebody asks."""
        self._gauge(name, text).set_function(read)

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"tertulia_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"tertulia_{name}", text, labels, registry=self.registry)
