"""What the core tells of a peer, as far as the rules read it.

core (stats) -> **numbers** -> perceived, figures, stats_feed, sampling

`_core.PeerStats` and its parts are this; so is any value that has these attributes.  Rates are kbit/s over the last
full second, counts run since the start.
"""

from collections.abc import Sequence
from typing import Protocol


class LayerNumbers(Protocol):
    """One encoding of a track."""

    @property
    def rid(self) -> str | None:
        """Its name in a simulcast."""

    @property
    def kbps(self) -> float:
        """What comes in."""

    @property
    def spatial_kbps(self) -> Sequence[float]:
        """Of its spatial layers up to each; a stream that has fewer needs no more for the others."""

    @property
    def height(self) -> int | None:
        """Lines of picture."""

    @property
    def active(self) -> bool:
        """Media has come in the last second."""

    @property
    def taken(self) -> bool:
        """Some sender shows it."""

    @property
    def freezes(self) -> int:
        """Pauses in what came in that its timestamps do not explain."""

    @property
    def frozen_ms(self) -> float:
        """How long these were in all."""

    @property
    def standing_ms(self) -> float:
        """How long its picture has stood still by now, for 2 s at least; 0: it moves."""


class TrackNumbers(Protocol):
    """One published source."""

    @property
    def mid(self) -> str:
        """Its m-line."""

    @property
    def packets(self) -> int:
        """Received."""

    @property
    def lost(self) -> int:
        """Not received, after retransmission."""

    @property
    def jitter_ms(self) -> float:
        """Of what comes in."""

    @property
    def layers(self) -> Sequence[LayerNumbers]:
        """Low to high."""


class SenderNumbers(Protocol):
    """One m-line of a seat."""

    @property
    def mid(self) -> str:
        """The m-line."""

    @property
    def layer(self) -> int | None:
        """Index of the shown layer in its track; None: silent."""

    @property
    def temporal(self) -> int | None:
        """Highest temporal layer let through; None: all."""

    @property
    def spatial(self) -> int | None:
        """Highest spatial layer of its stream let through (SVC); None: all."""

    @property
    def paused(self) -> bool:
        """The path does not carry even the lowest layer."""

    @property
    def kbps(self) -> float:
        """What goes out."""

    @property
    def fraction_lost(self) -> float:
        """0 to 1, as the receiver last said."""

    @property
    def jitter_ms(self) -> float:
        """As the receiver last said."""

    @property
    def nacks_received(self) -> int:
        """Packets that the receiver asked for again."""

    @property
    def retransmitted(self) -> int:
        """Of these, packets sent again."""

    @property
    def switches(self) -> int:
        """Changes of layer or source."""


class PeerNumbers(Protocol):
    """One peer."""

    @property
    def rtt_ms(self) -> float | None:
        """To it and back."""

    @property
    def estimate_kbps(self) -> float | None:
        """What its path is thought to carry towards it; None: nothing has told."""

    @property
    def sending_kbps(self) -> float:
        """What is sent to it."""

    @property
    def queue_ms(self) -> float:
        """Estimated waiting time in its path's queue."""

    @property
    def silent_ms(self) -> float:
        """Since anything authentic came from it."""

    @property
    def tracks(self) -> Sequence[TrackNumbers]:
        """What it publishes."""

    @property
    def senders(self) -> Sequence[SenderNumbers]:
        """What it is shown."""
