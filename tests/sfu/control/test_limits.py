"""What one client may cost: events by a bounded outbox."""

import asyncio

from sfu.control.outbox import Frame, Outbox, SlowClientError
from tests.support.eventually import until


class Carrier:
    """A connection that can be made slow."""

    def __init__(self, limit: int) -> None:
        self.delivered: list[Frame] = []
        self.ended = 0
        self.open = asyncio.Event()
        self.open.set()
        self.outbox = Outbox(limit, deliver=self._deliver, end=self._end)

    async def _deliver(self, frame: Frame) -> None:
        await self.open.wait()
        self.delivered.append(frame)

    async def _end(self) -> None:
        self.ended += 1


async def test_frames_leave_in_order_and_hanging_up_sends_what_is_queued() -> None:
    carrier = Carrier(8)
    carrier.outbox.start()
    for number in range(5):
        carrier.outbox.send("x", number)
    carrier.outbox.hang_up()
    carrier.outbox.send("late", None)
    await until(lambda: carrier.ended, "the carrier ends")
    assert [frame["data"] for frame in carrier.delivered] == [0, 1, 2, 3, 4]


async def test_a_slow_client_is_ended_and_its_queue_dropped() -> None:
    carrier = Carrier(3)
    carrier.open.clear()
    carrier.outbox.start()
    for number in range(100):
        carrier.outbox.send("x", number)
    carrier.open.set()
    await until(lambda: carrier.ended, "the carrier ends")
    assert len(carrier.delivered) <= 1


async def test_a_carrier_that_is_full_is_ended() -> None:
    async def deliver(_frame: Frame) -> None:
        raise SlowClientError

    carrier = Carrier(3)
    outbox = Outbox(3, deliver=deliver, end=carrier._end)
    outbox.start()
    outbox.send("x", 1)
    await until(lambda: carrier.ended, "the carrier ends")
