"""The rows of the table, a family a file, in the order in which they are measured.

command -> **rows** -> fanout, audio, meetings, …
"""

from tests.bench.family import Family
from tests.bench.rows import (
    audio,
    calls,
    delay,
    devices,
    failover,
    fanout,
    growth,
    joins,
    meetings,
    memory,
    node_joins,
    outage,
    packets,
    tester,
    workers,
)

FAMILIES: tuple[Family, ...] = (
    fanout.FAMILY,
    audio.FAMILY,
    meetings.FAMILY,
    growth.FAMILY,
    delay.FAMILY,
    memory.FAMILY,
    joins.FAMILY,
    node_joins.FAMILY,
    workers.FAMILY,
    tester.FAMILY,
    packets.FORWARDING,
    packets.IDLE,
    calls.FAMILY,
    devices.FAMILY,
    failover.FAMILY,
    outage.FAMILY,
)
