"""One failure is one: it is told, and what follows goes on.

watch (a look, a room), core_events (an event) -> **guarded** -> log
"""

from collections.abc import Iterator
from contextlib import contextmanager

from common.log import FieldLog


@contextmanager
def guarded(log: FieldLog, event: str, **fields: object) -> Iterator[None]:
    """Whatever goes wrong inside ends there, as a line of the log; being cancelled is nothing that goes wrong."""
    try:
        yield
    except Exception as error:  # whatever it is: one room's or one peer's failure is nobody else's
        log.fault(event, error=error, **fields)
