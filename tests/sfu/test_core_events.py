"""What one peer cannot take is no loss to the others of the batch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest

from sfu._core import ConsentExpired, Core, TrackActive
from sfu.core_events import CoreEvents, PeerEvents
from tests.support.eventually import until


class Batch:
    """A core with events that wait."""

    def __init__(self, *events: object) -> None:
        self.waiting = list(events)
        self.readable, self._written = os.pipe()
        os.write(self._written, b"!")

    def fileno(self) -> int:
        return self.readable

    def events(self) -> list[object]:
        os.read(self.readable, 1)
        taken, self.waiting = self.waiting, []
        return taken

    def close(self) -> None:
        os.close(self.readable)
        os.close(self._written)


class Owner:
    """Of a peer; one that is ill fails at everything."""

    def __init__(self, *, ill: bool) -> None:
        self.ill = ill
        self.expired = 0

    def track_active(self, _mid: str, _codec_key: str) -> None:
        self.consent_expired()

    def consent_expired(self) -> None:
        self.expired += 1
        if self.ill:
            raise RuntimeError("the worker did not answer")


@contextmanager
def handed_over(batch: Batch, *owners: Owner) -> Iterator[None]:
    """The events of a batch, to these owners of the peers 0, 1, ..."""
    events = CoreEvents(cast("Core", batch))
    for peer, owner in enumerate(owners):
        events.add(peer, cast("PeerEvents", owner))
    yield
    events.close()
    batch.close()


async def test_who_fails_at_an_event_loses_no_other_and_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    ill, well = Owner(ill=True), Owner(ill=False)
    with handed_over(Batch(ConsentExpired(0), TrackActive(0, "1", "VP8"), ConsentExpired(1)), ill, well):
        await until(lambda: well.expired == 1, "the last event of the batch is handed over")
    assert ill.expired == 2
    told = [record.message for record in caplog.records if record.name == "sfu.core_events"]
    assert [line.split(" ", 1)[0] for line in told] == ["event_failed"] * 2
    assert all("the worker did not answer" in line for line in told)
