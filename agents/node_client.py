"""Media negotiation with a node: offers out, answers and seats in.

call → **node_client** → link → node

Once joined, a lost link resumes the same peer (the node keeps its media for 15 s): the credentials then name it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from agents.errors import MediaError, ProtocolError
from agents.link import Connecting, Link, Refused, within

ANSWER_WITHIN_S: Final = 10.0
LEAVE_WITHIN_S: Final = 2.0
UNHEARD: Final = "unheard"
"""No event of the node's: its link is down, and what it says now is lost."""

Event = Callable[[str, Any], None]


@dataclass(frozen=True, slots=True)
class SeatMids:
    """The two m-lines of one seat."""

    audio: str
    video: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the node said to an offer."""

    sdp: str
    seats: dict[str, SeatMids]
    """By seat number, as text: so events name them."""
    body: dict[str, Any]


class NodeClient:
    """One peer's control connection."""

    def __init__(self, url: str, *, room: str, token: str, on_event: Event, connecting: Connecting = Link) -> None:
        self._room, self._token = room, token
        self._on_event = on_event
        self._peer: str | None = None
        self._link = connecting(url, self._credentials, self)

    @property
    def peer(self) -> str | None:
        """Our peer's id at the node, once joined."""
        return self._peer

    @property
    def is_up(self) -> bool:
        """Whether the node can be told something now."""
        return self._link.connected

    async def connect(self) -> None:
        """Present the token."""
        try:
            await self._link.open()
        except Refused as refused:
            raise MediaError(f"the node refuses the connection: {refused}") from None

    async def join(self, sdp: str) -> Answer:
        """The first offer."""
        answer = _answer(await self._ask("join", {"sdp": sdp}))
        self._peer = str(answer.body.get("peer"))
        return answer

    async def offer(self, sdp: str) -> Answer:
        """Any later offer."""
        return _answer(await self._ask("offer", {"sdp": sdp}))

    async def tracks(self, labels: dict[str, dict[str, object]]) -> None:
        """Say what each m-line we send is; after a re-offer this also says that its answer is applied."""
        await self._ask("tracks", labels)

    async def leave(self) -> None:
        """End our peer, if the node can still be told."""
        if self._peer is not None and self._link.connected:
            await within(LEAVE_WITHIN_S, self._link.ask("leave", {}, timeout_s=LEAVE_WITHIN_S))
        self._peer = None

    async def close(self) -> None:
        """End the link; again is harmless."""
        await self._link.close()

    async def _ask(self, event: str, data: object) -> dict[str, Any]:
        try:
            answer = await self._link.ask(event, data, timeout_s=ANSWER_WITHIN_S)
        except TimeoutError as error:
            raise MediaError(str(error)) from None
        if not isinstance(answer, dict):
            raise ProtocolError(f"the node answered {event} with {answer!r}")
        if "error" in answer:
            raise MediaError(f"the node refuses {event}: {answer.get('message')} ({answer['error']})")
        return answer

    async def _credentials(self) -> dict[str, Any]:
        known = {"room": self._room, "token": self._token}
        return known if self._peer is None else known | {"peer": self._peer}

    # What the link says.

    def link_up(self) -> None:
        """On a reconnect the node sends `resumed` by itself."""

    def link_down(self) -> None:
        """Media goes on; seats and layers are told again when the link is back."""
        if self._peer is not None:
            self._on_event(UNHEARD, None)

    def link_refused(self, data: object) -> None:
        """Our token does not open the room any more."""
        if self._peer is not None:
            self._on_event("refused", data)

    def link_event(self, name: str, data: object) -> None:
        """Hand on what the node says."""
        self._on_event(name, data)


def _answer(body: dict[str, Any]) -> Answer:
    try:
        seats = {str(s["seat"]): SeatMids(str(s["mids"]["audio"]), str(s["mids"]["video"])) for s in body["seats"]}
        return Answer(str(body["sdp"]), seats, body)
    except (KeyError, TypeError) as error:
        raise ProtocolError(f"the node's answer lacks {error}") from None
