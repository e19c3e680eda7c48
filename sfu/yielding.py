"""Packets come before bookkeeping.

app -> **yielding** -> the kernel's scheduler, Python's garbage collector

The core's threads and Python's want the same processor where a node has as many workers as there are processors.  What
Python does there, a join or what everybody is told once a second, can wait some milliseconds; a packet cannot, and
those that come meanwhile find the socket full.
"""

import gc
import os

NICENESS = 5
"""More than the core's threads, which get three times as much of a processor that both want (sched(7), nice(2)).

With 10 they got ten times as much, and signaling on the same processor waited in vain for rooms to be opened.
"""
LEAST = 19


LOOKED_FOR = (50_000, 20, 20)
"""Objects made and not freed after which cycles are looked for, and how much more seldom among the older ones.

A look at the statistics of thousands of peers makes tens of thousands at once, all of which are freed without that; by
Python's own 700 their cycles were looked for dozens of times in each, and took more than the look itself.
"""


def yield_to_core() -> None:
    """The calling thread, and those that it starts from now on, come after the threads of a core that runs already."""
    gc.set_threshold(*LOOKED_FOR)
    # Linux: of the thread, not of the process.
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, min(LEAST, niceness + NICENESS))
