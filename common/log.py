"""Log lines as an event name and fields, readable by people and by programs.

Values are quoted as Python quotes them, so that nothing which a stranger chose can pass for a field or a line.
"""

from __future__ import annotations

import logging


class FieldLog:
    """A logger whose keywords become fields: `log.info("joined", peer="p")` -> `joined room='r' peer='p'`.

    `fields` are what every line is about.
    """

    def __init__(self, name: str, **fields: object) -> None:
        self._logger = logging.getLogger(name)
        self._fields = fields

    def bind(self, **fields: object) -> FieldLog:
        """The same log with more fields."""
        return FieldLog(self._logger.name, **self._fields, **fields)

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
        self._say(logging.ERROR, event, fields, exc_info=True)

    def _say(self, level: int, event: str, fields: dict[str, object], *, exc_info: bool = False) -> None:
        if self._logger.isEnabledFor(level):
            line = " ".join([event, *(f"{name}={value!r}" for name, value in (self._fields | fields).items())])
            self._logger.log(level, "%s", line, exc_info=exc_info)
