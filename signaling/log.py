"""Log lines as an event name and fields, so that they can be read by people and by programs."""

from __future__ import annotations

import logging


class FieldLog:
    """A logger whose keywords become `key=value` fields behind the event's name."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: object) -> None:
        """Say what only a developer asks for."""
        self._say(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Say what happened."""
        self._say(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Say what an operator should look at."""
        self._say(logging.WARNING, event, fields)

    def fault(self, event: str, **fields: object) -> None:
        """Say what is our fault, with the exception being handled."""
        self._logger.error("%s %s", event, _joined(fields), exc_info=True)

    def _say(self, level: int, event: str, fields: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s %s", event, _joined(fields))


def _joined(fields: dict[str, object]) -> str:
    return " ".join(f"{key}={value!r}" for key, value in fields.items())
