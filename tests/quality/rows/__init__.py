"""The rows of the table, a family a file, in the order in which they are measured.

command -> **rows** -> loss, rate_step, …
"""

from tests.bench.family import Family
from tests.quality.rows import estimate, late_joiner, loss, rate_step, speaker, starved, switches, uplink

FAMILIES: tuple[Family, ...] = (
    loss.LITTLE,
    loss.MUCH,
    rate_step.FAMILY,
    uplink.FAMILY,
    starved.FAMILY,
    switches.FAMILY,
    estimate.FAMILY,
    late_joiner.FAMILY,
    speaker.FAMILY,
)
