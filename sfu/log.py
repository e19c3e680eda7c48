"""Log lines as an event name and fields, tied to what they are about."""

import logging


class FieldLog:
    """Adds the same fields to every line: `log.info("joined", peer=...)` -> `joined room=... peer=...`."""

    def __init__(self, name: str, **fields: object) -> None:
        self._logger = logging.getLogger(name)
        self._fields = fields

    def bind(self, **fields: object) -> "FieldLog":
        """The same log with more fields."""
        return FieldLog(self._logger.name, **self._fields, **fields)

    def debug(self, event: str, **fields: object) -> None:
        """What only a developer wants to see."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """What an operator may want to see."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """What an operator should see."""
        self._write(logging.WARNING, event, fields)

    def _write(self, level: int, event: str, fields: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            pairs = " ".join(f"{name}={value}" for name, value in (self._fields | fields).items())
            self._logger.log(level, "%s %s", event, pairs)
