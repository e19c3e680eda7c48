"""Into any server that speaks WHIP (RFC 9725) and WHEP: publishers POST their offers to one, receivers to the other.

tester -> **whip** -> HTTP -> endpoint

Who sends and receives has two connections, as these protocols want it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp

from agents.errors import MediaError
from agents.load.addresses import Address, Bearers
from agents.load.doors import Chair
from agents.load.endpoint import Endpoint, Studio
from agents.load.joining import JoinTimes

TIMEOUT: Final = aiohttp.ClientTimeout(total=15)
SDP_TYPE: Final = "application/sdp"
MOST_OCTETS: Final = 512 * 1024
QUOTED: Final = 200
"""Characters of a refusal that are worth showing."""


@dataclass(slots=True)
class Session:
    """One connection and the address at which it is ended."""

    endpoint: Endpoint
    location: str | None


@dataclass(slots=True)
class Watcher:
    """A participant.  Owns his connections."""

    http: aiohttp.ClientSession
    headers: dict[str, str]
    sessions: list[Session]

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """One or two."""
        return [session.endpoint for session in self.sessions]

    async def leave(self) -> None:
        """DELETE what was opened; what the server says to it does not matter."""
        await asyncio.gather(*map(self._end, self.sessions))

    async def dismiss(self) -> None:
        """The same: these protocols know no rooms that could be ended at once."""
        await self.leave()

    async def _end(self, session: Session) -> None:
        session.endpoint.close()
        if session.location is None:
            return
        try:
            async with self.http.delete(session.location, headers=self.headers, timeout=TIMEOUT):
                pass
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return


class WhipDoor:
    """A server's WHIP and WHEP.  Owns nothing."""

    def __init__(
        self, http: aiohttp.ClientSession, whip: Address | None, whep: Address | None, bearers: Bearers
    ) -> None:
        self._http = http
        self._whip = whip
        self._whep = whep
        self._bearers = bearers

    async def open(self, count: int) -> None:
        """Nothing has to be made before."""

    async def close(self) -> None:
        """Nothing was made."""

    def forget_rooms(self) -> None:
        """Rooms are the server's."""

    async def join(self, studio: Studio, chair: Chair, times: JoinTimes) -> Watcher:
        """Open one participant's connections."""
        member, watcher = chair.member, Watcher(self._http, self._bearers.headers(chair.number), [])
        try:
            if member.sends and self._whip is not None:
                sending = Endpoint(studio, sends=True, seats=0, times=times)
                await self._open(watcher, self._whip.of(chair.room, chair.number), sending)
            if member.receives and self._whep is not None:
                seeing = Endpoint(studio, sends=False, seats=studio.plan.seats_of(member), times=times)
                await self._open(watcher, self._whep.of(chair.room, chair.number), seeing)
        except BaseException:
            await watcher.leave()
            raise
        return watcher

    async def _open(self, watcher: Watcher, url: str, endpoint: Endpoint) -> None:
        session = Session(endpoint, None)
        watcher.sessions.append(session)
        answer, session.location = await self._post(url, watcher.headers, endpoint.offer())
        await endpoint.connect(answer, urlsplit(url).hostname or "")

    async def _post(self, url: str, headers: dict[str, str], offer: str) -> tuple[str, str | None]:
        """The answer, and where the session is."""
        told = headers | {"Content-Type": SDP_TYPE}
        try:
            async with self._http.post(url, data=offer.encode(), headers=told, timeout=TIMEOUT) as response:
                body = await _text(response)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise MediaError(f"{url} cannot be reached: {str(error) or type(error).__name__}") from None
        if response.status != 201:
            raise MediaError(f"{url} answered {response.status}: {body[:QUOTED].strip()}")
        location = response.headers.get("Location")
        return body, urljoin(url, location) if location else None


async def _text(response: aiohttp.ClientResponse) -> str:
    data = await response.content.read(MOST_OCTETS)
    return data.decode(errors="replace")
