"""One client's conversation with the node, whatever carries it.

Socket.IO, WebSocket -> **dialogue** -> node

A dialogue begins when a token has opened a room.  It has a peer from `join` (or a resume) to `leave`.  Every request
gets exactly one answer, and a wrong one harms nobody but who sent it.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from common.rate import TokenBucket
from sfu.config import NodeConfig
from sfu.control.requests import REQUESTS, Hello, Join, Label, Leave, Offer, Stats, View, labels, read
from sfu.errors import AlreadyJoined, NotFound, Refused, TooFast
from sfu.node import Node
from sfu.room.stats_feed import StatsFeed
from sfu.session import Client, Session, State

Answer = dict[str, object]
Handler = Callable[[object], Answer]

logger = logging.getLogger(__name__)


class Dialogue:
    """The requests of one client.  Owns nothing: the peer is the node's and outlives it for a while."""

    def __init__(
        self, node: Node, hello: Hello, client: Client, config: NodeConfig, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Check the token; NotAdmitted if it does not open the room."""
        self._admission = node.admit(hello.room, hello.token)
        self._resume = hello.peer
        self._node = node
        self._client = client
        self._clock = clock
        now = clock()
        self._requests = TokenBucket(rate_per_s=config.request_rate, burst=config.request_burst, now=now)
        self._offers = TokenBucket(rate_per_s=config.offer_rate, burst=config.offer_burst, now=now)
        self._session: Session | None = None
        self._handlers: Final[Mapping[str, Handler]] = {
            "join": self._join,
            "offer": self._offer,
            "tracks": self._tracks,
            "view": self._view,
            "stats": self._stats,
            "leave": self._leave,
        }

    @property
    def peer(self) -> str | None:
        """The peer this client speaks for now."""
        return self._session.id if self._session else None

    def begin(self) -> None:
        """Resume the peer that the client named, once events can reach it; say so if it is gone."""
        if self._resume is None:
            return
        try:
            self._session = self._node.resume(self._admission, self._resume, self._client)
        except Refused as refusal:
            self._client.send("error", {"code": refusal.code, "message": str(refusal)})

    def answer(self, event: object, data: object) -> Answer:
        """The answer to one request; never raises."""
        try:
            self._take(self._requests)
            return self._handler(event)(data)
        except Refused as refusal:
            return refusal.wire
        except Exception:
            logger.exception("request_failed event=%r", event)
            return {"error": 500, "message": "internal error"}

    def end(self) -> None:
        """The connection is gone; the peer stays for a while."""
        if self._session is not None:
            self._session.detach(self._client)

    def _handler(self, event: object) -> Handler:
        handler = self._handlers.get(event) if isinstance(event, str) else None
        if handler is None:
            raise NotFound(f"unknown request {str(event)[:64]!r}; there are {', '.join(REQUESTS)}")
        return handler

    def _join(self, data: object) -> Answer:
        request = read(data, Join, what="join")
        if self._live() is not None:
            raise AlreadyJoined("this connection has joined already")
        self._take(self._offers)
        self._session, answer = self._node.join(self._admission, request.sdp, self._client)
        return answer

    def _offer(self, data: object) -> Answer:
        request = read(data, Offer, what="offer")
        session = self._joined()
        self._take(self._offers)
        return self._node.reoffer(session, request.sdp)

    def _tracks(self, data: object) -> Answer:
        request = read(data, dict[str, Label], what="tracks")
        self._node.label(self._joined(), labels(request))
        return {}

    def _view(self, data: object) -> Answer:
        request = read(data, View, what="view")
        self._node.view(self._joined(), request.wishes(), request.looks())
        return {}

    def _stats(self, data: object) -> Answer:
        request = read(data, Stats, what="stats")
        self._joined().stats = StatsFeed(request.every_s) if request.every_s is not None else None
        return {}

    def _leave(self, data: object) -> Answer:
        read({} if data is None else data, Leave, what="leave")
        self._joined().close("left")
        self._session = None
        return {}

    def _take(self, bucket: TokenBucket) -> None:
        if not bucket.take(self._clock()):
            raise TooFast

    def _live(self) -> Session | None:
        return None if self._session is None or self._session.state is State.CLOSED else self._session

    def _joined(self) -> Session:
        session = self._live()
        if session is None:
            raise NotFound("this connection has no peer; join first")
        return session
