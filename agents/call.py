"""One call: a room, our peer in it, and the others.

agent → **call** → node_client (negotiation) and peer (media) → seats → participants' tracks

A call is made by `Agent.call` or `Invitation.answer` and lasts until `hang_up`, until the last of the others has
gone, or until the room or our place in it is lost.  `ended` says why, in words.  It owns its node link and its peer
and closes both; the agent's link to signaling is lent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from aiortc import MediaStreamTrack

from agents.errors import AgentError, MediaError, ProtocolError
from agents.link import within
from agents.node_client import UNHEARD, Answer, NodeClient
from agents.peer import FIRST_SEATS, MAX_SEATS, MORE_SEATS, Peer
from agents.play import Player
from agents.qss_client import Frame, QssClient
from agents.seats import Participant, SeatTable
from agents.taken import read_layers

SETTLE_S: Final = 0.15
"""From the first participant's coming to the clip's start: by then both ways are shown."""
SUCCESSOR_WITHIN_S: Final = 15.0
"""To whom a call was handed over joins within this, as do the others after a move, or we are alone."""
REFUSED_FOR_S: Final = 5.0
"""A node that does not know us any more may have crashed: so long signaling has to say where the room goes on."""
PARTING_S: Final = 3.0
"""What telling node and signaling that we leave may take."""

HUNG_UP = "hung up"
HANDED_OVER = "handed over"
TRANSFERRED = "transferred"  # signaling's reason for who is out because another took his place
LEFT_ALONE = "the other side hung up"


@dataclass(frozen=True, slots=True)
class Place:
    """A room and our way into it."""

    room: str
    token: str
    node: str
    """Socket.IO address of the node."""
    ice: tuple[dict[str, Any], ...]

    @classmethod
    def read(cls, payload: object) -> Place:
        """From a room's description (docs/protocol.md, Rooms) or an invitation's payload."""
        try:
            room: Any = payload
            return cls(
                str(room["room"]), str(room["token"]), str(room["server"]["https"]), tuple(room.get("ice") or ())
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ProtocolError(f"signaling described a room without {error}") from None

    def moved(self, told: Frame) -> Place:
        """The same room, where `room-moved` says that it goes on."""
        try:
            return replace(self, token=str(told["token"]), node=str(told["server"]["https"]))
        except (KeyError, TypeError) as error:
            raise ProtocolError(f"signaling said that a room has moved without {error}") from None


class Call:
    """A call that we are in."""

    def __init__(
        self,
        qss: QssClient,
        place: Place,
        *,
        player: Player | None = None,
        tracks: Sequence[MediaStreamTrack] = (),
        seats: int = FIRST_SEATS,
    ) -> None:
        self.player = player
        self.ring_ms: float | None = None
        """From our invitation to the first ringing device."""
        self.answer_ms: float | None = None
        """From our invitation to its acceptance."""
        self.accepted_at: float | None = None
        """Loop time of the acceptance, ours or theirs: what `first_frame_ms` counts from."""
        self.participants: dict[str, Participant] = {}
        """The others, by peer id."""
        self.held: set[str] = set()
        """Users who are on hold."""
        self.speakers: list[dict[str, Any]] = []
        """Who speaks now, as the node last said."""
        # Given to us.
        self._qss = qss
        self._tracks = (*(player.tracks if player is not None else ()), *tracks)
        self._seat_count = seats
        # Ours; `hang_up` ends them.
        self._enter(place)
        self._successor_due = False
        self._offering = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._newcomers: asyncio.Queue[Participant | None] = asyncio.Queue()
        self._closing: asyncio.Task[None] | None = None

    def _enter(self, place: Place) -> None:
        """A connection to the room's node, not made yet."""
        self.place = place

        def heard(name: str, data: object) -> None:
            if self._node is node:  # a room that we have moved away from has nothing to say
                self._node_event(name, data)

        self._node = node = NodeClient(place.node, room=place.room, token=place.token, on_event=heard)
        self._peer = Peer(self._tracks, seats=self._seat_count, ice=place.ice, on_lost=self._media_lost)
        self._seats = SeatTable()

    async def join(self) -> None:
        """Connect to the node; MediaError says why it failed, and nothing is left behind then."""
        try:
            # The offer takes as long as the link, so they are made together.
            _, sdp = await asyncio.gather(self._node.connect(), self._peer.offer())
            await self._applied(await self._node.join(sdp))
            await self._peer.connected()
            self._start_when_met()
        except BaseException:
            await self._close()
            raise

    @property
    def room(self) -> str:
        """The room's id."""
        return self.place.room

    async def move(self, place: Place) -> None:
        """Go on in another room (an attended transfer), sending the same; MediaError ends the call."""
        self.held.clear()
        await self._go_to(place)

    async def follow(self, place: Place) -> None:
        """Go on in the same room at another node, where the others come as well; MediaError ends the call."""
        was_alone = not self.participants
        await self._go_to(place)
        if not was_alone:
            asyncio.get_running_loop().call_later(SUCCESSOR_WITHIN_S, self._end_if_alone)

    async def _go_to(self, place: Place) -> None:
        node, peer = self._node, self._peer
        self._enter(place)
        peer.let_go()
        await within(PARTING_S, node.leave())
        await asyncio.gather(peer.close(), node.close())
        for participant in self.participants.values():
            participant.stop()
        self.participants.clear()
        await self.join()

    async def hold(self) -> None:
        """Neither send nor receive for a while; our place stays."""
        await self._qss.hold(self.room, held=True)

    async def unhold(self) -> None:
        """Go on."""
        await self._qss.hold(self.room, held=False)

    async def transfer(self, to: str) -> None:
        """Hand our place to somebody: we are out once they accept; CallError says why they do not."""
        await self._qss.transfer(self.room, to)
        self._end(HANDED_OVER)

    @property
    def peer(self) -> str | None:
        """Our own peer's id."""
        return self._node.peer

    async def ended(self) -> str:
        """Wait for the end, whoever makes it; why, in words."""
        return await asyncio.shield(self._ended)

    @property
    def end_reason(self) -> str | None:
        """Why it ended; None while it lasts."""
        return self._ended.result() if self._ended.done() else None

    async def next_participant(self) -> Participant | None:
        """Whoever comes next, each once; None when the call has ended."""
        return await self._newcomers.get()

    async def hang_up(self) -> None:
        """Leave the room and close everything; again is harmless."""
        self._end(HUNG_UP)
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._leave())
        await asyncio.shield(self._closing)

    async def sent_packets(self) -> dict[str, int]:
        """RTP packets sent so far, by kind."""
        return await self._peer.sent()

    # Inside: negotiation.

    async def _applied(self, answer: Answer) -> None:
        """Apply an answer and note its seats; then the node may fill them."""
        await self._peer.apply(answer.sdp)
        for seat, mids in answer.seats.items():
            audio, video = self._peer.relay(mids.audio), self._peer.relay(mids.video)
            if seat not in self._seats and audio is not None and video is not None:
                self._seats.add(seat, audio, video)
        self._meet(answer.body.get("participants") or [], [])
        self._seats.apply(self.participants)

    async def _more_seats(self) -> None:
        """Re-offer until everybody who is there can sit; one offer at a time."""
        async with self._offering:
            while len(self._seats) < min(len(self.participants), MAX_SEATS) and not self._ended.done():
                before = len(self._seats)
                self._peer.add_seats(MORE_SEATS)
                try:
                    await self._applied(await self._node.offer(await self._peer.offer()))
                    await self._node.tracks(self._peer.labels())
                except AgentError:
                    return  # the seats there are go on
                if len(self._seats) == before:
                    return

    # Inside: what the node says.

    def _node_event(self, name: str, data: Any) -> None:  # noqa: ANN401 - the event's own shape
        match name:
            case "seats" if isinstance(data, dict):
                self._seats.sit(data)
                self._seats.apply(self.participants)
            case "participants" if isinstance(data, dict):
                self._meet(data.get("joined") or [], data.get("left") or [])
            case "resumed" if isinstance(data, dict):
                self._resumed(data)
            case "layers":
                self._peer.take_layers(read_layers(data))
            case _ if name == UNHEARD:
                self._peer.take_layers(None)
            case "speakers" if isinstance(data, list):
                self.speakers = data
            case "expelled":
                self.expelled(_reason(data))
            case "error":
                self._end(f"the node ended the call: {_reason(data)}")
            case "refused":
                reason = f"the node ended the call: {_reason(data)}"
                asyncio.get_running_loop().call_later(REFUSED_FOR_S, self._end_if_refused, self._node, reason)

    def _resumed(self, state: dict[str, Any]) -> None:
        """After a broken link: who is there now, and who went meanwhile."""
        there = [entry for entry in state.get("participants") or [] if isinstance(entry, dict)]
        peers = {str(entry.get("peer")) for entry in there}
        gone = [{"participant": p.user, "peer": p.peer} for p in self.participants.values() if p.peer not in peers]
        self._meet(there, gone)

    def _meet(self, joined: list[Any], left: list[Any]) -> None:
        for entry in joined:
            peer = str(entry["peer"])
            if peer not in self.participants and peer != self.peer:
                self.participants[peer] = newcomer = Participant(str(entry["participant"]), peer)
                self._newcomers.put_nowait(newcomer)
        for entry in left:
            if (gone := self.participants.pop(str(entry["peer"]), None)) is not None:
                gone.stop()
        self._seats.apply(self.participants)
        if left and not self.participants:
            self._left_alone()
        self._start_when_met()
        if len(self.participants) > len(self._seats) > 0 and not self._offering.locked():
            self._spawn(self._more_seats())

    def handing_over(self, *, open_: bool) -> None:
        """One of the others is handing his place to somebody, who joins a little after he has left."""
        self._successor_due = open_

    def _left_alone(self) -> None:
        if not self._successor_due:
            self._end(LEFT_ALONE)
            return
        asyncio.get_running_loop().call_later(SUCCESSOR_WITHIN_S, self._end_if_alone)

    def _end_if_alone(self) -> None:
        if not self.participants:
            self._end(LEFT_ALONE)

    def _end_if_refused(self, node: NodeClient, reason: str) -> None:
        if self._node is node and not node.is_up:
            self._end(reason)

    def _start_when_met(self) -> None:
        """The clip begins when our media and somebody else's are connected."""
        if self.player is not None and self.participants and self._peer.state == "connected":
            asyncio.get_running_loop().call_later(SETTLE_S, self.player.start)

    # Inside: the end.

    def expelled(self, reason: str) -> None:
        """Node or signaling has put us out; who took our place over is said in one word."""
        self._end(HANDED_OVER if reason == TRANSFERRED else f"removed from the room: {reason}")

    def room_destroyed(self, reason: str) -> None:
        """Signaling says that the room is no more."""
        self._end(f"the room was closed: {reason}")

    def lose(self, reason: str) -> None:
        """The agent knows that we have no place here any more."""
        self._end(reason)

    def _media_lost(self) -> None:
        self._end("the media connection was lost")

    def _end(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)

    async def _leave(self) -> None:
        await within(PARTING_S, self._part())
        await self._close()

    async def _part(self) -> None:
        await self._node.leave()
        await self._qss.leave_room(self.room)

    async def _close(self) -> None:
        self._end("it could not be made")
        for task in self._tasks:
            task.cancel()
        await self._peer.close()
        await self._node.close()
        for participant in self.participants.values():
            participant.stop()
        self._newcomers.put_nowait(None)

    def _spawn(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _reason(data: object) -> str:
    if isinstance(data, dict):
        return str(data.get("reason") or data.get("message") or data.get("code") or "no reason given")
    return str(data)


__all__ = ["HUNG_UP", "LEFT_ALONE", "Call", "Frame", "MediaError", "Place"]
