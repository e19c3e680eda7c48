"""Packets come before bookkeeping.

app -> **yielding** -> the kernel's scheduler

The core's threads and Python's want the same processor where a node has as many workers as there are processors.  What
Python does there, a join or what everybody is told once a second, can wait some milliseconds; a packet cannot, and
those that come meanwhile find the socket full.
"""

import os

NICENESS = 5
"""More than the core's threads, which get three times as much of a processor that both want (sched(7), nice(2)).

With 10 they got ten times as much, and signaling on the same processor waited in vain for rooms to be opened.
"""
LEAST = 19


def yield_to_core() -> None:
    """The calling thread, and those that it starts from now on, come after the threads of a core that runs already."""
    # Linux: of the thread, not of the process.
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, min(LEAST, niceness + NICENESS))
