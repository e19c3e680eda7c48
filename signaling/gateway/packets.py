"""One packet of a peer, whatever carried it: taken, left to the library, or answered as malformed.

wire, polling -> **packets** -> sockets

Events and acknowledgements are almost all there is, and are read here; connecting and saying goodbye the library does.
There is nothing else: packets are text, so no attachments are collected for anybody.  What cannot be read is told to
the peer where it has signed in, and counts like any frame of his; before that it ends the connection.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

import engineio
import msgspec
import socketio

CLOSE, PONG, MESSAGE = (str(kind) for kind in (engineio.packet.CLOSE, engineio.packet.PONG, engineio.packet.MESSAGE))
CONNECT, DISCONNECT = str(socketio.packet.CONNECT), str(socketio.packet.DISCONNECT)
EVENT = str(socketio.packet.EVENT)

# An event or an acknowledgement without attachments: type, namespace, number, arguments.
PLAIN = re.compile(r"([23])(?:(/[^,?]*),)?(\d{0,10})(?=\[)")

NO_TEXT = "frames are text"
NO_PACKET = "no packet of Socket.IO"

_arguments = msgspec.json.Decoder(list[msgspec.Raw])


class Taker(Protocol):
    """What packets are given to.  `engine` is the id of the transport that they came over."""

    def event(self, engine: str, namespace: str, number: str, arguments: list[msgspec.Raw]) -> None:
        """An event; one with a number wants an acknowledgement."""

    def acknowledgement(self, engine: str, namespace: str, number: str, arguments: list[msgspec.Raw]) -> None:
        """The acknowledgement of an event of ours."""

    async def control(self, engine: str, text: str) -> None:
        """A connection to a namespace, or its end."""

    async def malformed(self, engine: str, problem: str) -> None:
        """What is no packet."""


class Packets:
    """Reads the packets of peers."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker

    async def receive(self, socket: Any, data: str | bytes) -> None:  # noqa: ANN401 - the library has no types
        """Take one packet of the library's `socket`."""
        if not isinstance(data, str):
            await self._taker.malformed(socket.sid, NO_TEXT)
        elif data.startswith(MESSAGE):
            await self._message(socket.sid, data[1:])
        elif data in (PONG, CLOSE):
            make: Any = engineio.packet.Packet
            await socket.receive(make(encoded_packet=data))
        else:
            await self._taker.malformed(socket.sid, NO_PACKET)

    async def _message(self, engine: str, text: str) -> None:
        if text.startswith((CONNECT, DISCONNECT)):
            await self._taker.control(engine, text)
        elif not self._plain(engine, text):
            await self._taker.malformed(engine, NO_PACKET)

    def _plain(self, engine: str, text: str) -> bool:
        head = PLAIN.match(text)
        if head is None:
            return False
        kind, namespace, number = head.groups()
        try:
            arguments = _arguments.decode(text[head.end() :])
        except (ValueError, RecursionError):
            return False
        take = self._taker.event if kind == EVENT else self._taker.acknowledgement
        take(engine, namespace or "/", number, arguments)
        return True


def event_of(arguments: list[msgspec.Raw], *, as_text: bool) -> tuple[str | None, object]:
    """An event's name, and its first argument: as JSON text, or as the value; a string is a string in any case."""
    try:
        event = msgspec.json.decode(arguments[0], type=str)
        if len(arguments) < 2:
            return event, None
        if as_text and not bytes(arguments[1]).startswith(b'"'):
            return event, bytes(arguments[1]).decode()
        return event, msgspec.json.decode(arguments[1])
    except (ValueError, IndexError, RecursionError):
        return None, None
