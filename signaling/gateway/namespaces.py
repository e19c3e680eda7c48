"""What a namespace of Socket.IO is served by, and how the library sees it.

sockets -> **namespaces** -> socketio (devices), nodes
"""

from __future__ import annotations

from typing import Any, Protocol

import socketio

from common.log import FieldLog

log = FieldLog(__name__)


class Namespace(Protocol):
    """What a namespace is served by."""

    takes_text: bool
    """Whether it parses what an event carries by itself: then it is given the JSON text."""

    async def connected(self, sid: str, auth: object) -> None:
        """A connection asks to be let in; raise `refused(...)` to keep it out."""

    async def disconnected(self, sid: str) -> None:
        """A connection that was let in is gone."""

    async def malformed(self, sid: str, problem: str) -> None:
        """A connection that was let in sent what is no event."""

    async def happened(self, sid: str, event: str, data: object) -> object:
        """An event with its first argument; gives the acknowledgement (None: an empty one) or the future of it."""


def refused(code: str, message: str | None = None) -> Exception:
    """The refusal of a connection: its code where Socket.IO clients look for it (`data.code`), and beside it."""
    make: Any = socketio.exceptions.ConnectionRefusedError
    refusal: Exception = make(code)
    refusal.error_args = {"message": message or code, "code": code, "data": {"code": code}}  # type: ignore[attr-defined]
    return refusal


async def _admit(namespace: Namespace, sid: str, auth: object) -> None:
    try:
        await namespace.connected(sid, auth)
    except socketio.exceptions.ConnectionRefusedError:
        raise
    except Exception:
        log.fault("connect_failed", socket=sid)
        raise refused("internal") from None


def adapter(server: Any, name: str, namespace: Namespace) -> Any:  # noqa: ANN401 - the library has no types
    """The library's view of a namespace."""
    base: Any = socketio.AsyncNamespace

    class Adapter(base):  # type: ignore[misc]
        async def trigger_event(self, event: str, sid: str, *args: object) -> object:
            if event == "connect":
                environ = args[0] if args else None
                if isinstance(environ, dict) and "aiohttp.request" in environ:
                    await _admit(namespace, sid, args[1] if len(args) > 1 else None)
                return None
            if event == "disconnect":
                if not server.manager.is_connected(sid, name):
                    await namespace.disconnected(sid)
                return None
            return None  # events do not come this way (packets.py)

    return Adapter(name)
