"""What stands before several signaling processes: a TCP port that leads to the first that takes the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.support.ports import free_tcp_port

AT_ONCE = 65536  # bytes


class Balancer:
    """Prefers the first of its ports, and goes down the list while they are closed."""

    def __init__(self, *ports: int) -> None:
        self.port = free_tcp_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._behind = ports

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        with suppress(OSError):
            behind_reader, behind_writer = await self._connected()
            pipes = (_pipe(reader, behind_writer), _pipe(behind_reader, writer))
            await asyncio.wait([asyncio.create_task(pipe) for pipe in pipes], return_when=asyncio.FIRST_COMPLETED)
            behind_writer.close()
        writer.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for port in self._behind[:-1]:
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        return await asyncio.open_connection("127.0.0.1", self._behind[-1])


@asynccontextmanager
async def balancing(*ports: int) -> AsyncIterator[Balancer]:
    """A balancer before processes of this machine."""
    balancer = Balancer(*ports)
    async with await asyncio.start_server(balancer.serve, "127.0.0.1", balancer.port):
        yield balancer


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(AT_ONCE):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()
