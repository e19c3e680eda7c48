"""A participant's device at signaling: connected, ringing, accepting.

front_door -> **device** -> agents.qss_client
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from agents.errors import ProtocolError, SignInError
from agents.link import Connecting
from agents.load.told import Ear, Told
from agents.load.users import LoadUser
from agents.qss_client import Frame, QssClient, raise_error

RING_WITHIN_S = 15.0


class LoadDevice:
    """One device.  Owns its connection."""

    def __init__(self, url: str, user: LoadUser, *, path: str, connecting: Connecting, told: Told) -> None:
        self.user = user
        self._told = told
        self._ear = Ear()
        self._device = {"id": secrets.token_hex(8), "name": "load", "kind": "agent"}
        self._ring: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self.qss = QssClient(url, self._credentials, self, path=path, connecting=connecting)

    async def connect(self) -> None:
        """Go online."""
        await self.qss.connect()

    async def ring(self, answer: asyncio.Future[Frame]) -> Frame:
        """Wait until it rings; an answer to the inviter that comes before says why it does not."""
        await asyncio.wait({self._ring, answer}, timeout=RING_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        if self._ring.done():
            return self._ring.result()
        if answer.done():
            raise_error(answer.result())
        raise ProtocolError(f"the invitation did not ring within {RING_WITHIN_S:g} s")

    async def accept(self, ring: Frame, answer: asyncio.Future[Frame]) -> None:
        """Accept, and wait until the inviter is told."""
        await self.qss.answer(ring)
        try:
            async with asyncio.timeout(RING_WITHIN_S):
                raise_error(await answer)
        except TimeoutError:
            raise ProtocolError(f"the inviter was not told of the answer within {RING_WITHIN_S:g} s") from None

    async def close(self) -> None:
        """Go offline."""
        await self.qss.close()

    async def _credentials(self) -> dict[str, Any]:
        if not self.user.token:
            raise SignInError(f"{self.user.name} has no access token")
        return {"token": self.user.token, "device": self._device}

    # What signaling says.

    def invited(self, frame: Frame) -> None:
        """It rings."""
        if not self._ring.done():
            self._ring.set_result(frame)

    def cancelled(self, frame: Frame) -> None:
        """An invitation is over: the inviter's answer says why."""

    def rings_only(self, requests: frozenset[str]) -> None:
        """After a reconnection; ours do not come back."""

    def event(self, name: str, payload: Frame) -> None:
        """Who came and went: that it was told is what counts."""
        self._told.hear(name, payload, self._ear)
