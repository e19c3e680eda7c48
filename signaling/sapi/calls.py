"""`/sapi/calls`: history.  Everybody has his own; administrators that of their domain and of its users.

Which of his devices refused or were busy is told to a user about his own devices; of the others' he learns what the
frames of the call told him; how good the call was, of its parties and not of others who were in the room.
Administrators see all of it.
"""

from __future__ import annotations

import enum
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from ..errors import Malformed, NotAllowed, NotFound
from ..store import User
from ..store.history import Call as HistoryCall
from ..store.history import CallFilter, Place, Quality
from .operations import Call, Operation, Operations
from .parts import Parts
from .rights import acts_on, need_self_or_admin
from .wire import Cursor, DomainName, EpochMs, Limit, Reference, Score, Wire, behind, given


class CallReason(enum.Enum):
    """How an invitation ended."""

    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    DECLINED_BY_CREATOR = "DECLINED_BY_CREATOR"
    DECLINED_BY_TIMEOUT = "DECLINED_BY_TIMEOUT"
    NOBODY_REACHABLE = "NOBODY_REACHABLE"
    MEDIA_SERVER_LOST = "MEDIA_SERVER_LOST"


class CallQuery(Wire, frozen=True, kw_only=True):
    """Which calls: one's own, unless a user or a domain is named."""

    user: Reference | UnsetType = UNSET
    """Whose, for administrators."""
    domain: DomainName | UnsetType = UNSET
    """Those of everybody in a domain, for administrators."""
    peer: Reference | UnsetType = UNSET
    """Only those with this other user."""
    direction: Literal["in", "out"] | UnsetType = UNSET
    missed: bool | UnsetType = UNSET
    reason: CallReason | UnsetType = UNSET
    since: EpochMs | UnsetType = UNSET
    """Begun at this time or later."""
    until: EpochMs | UnsetType = UNSET
    """Begun before this time."""
    min_score: Score | UnsetType = UNSET
    """Only calls with a score, of at least this."""
    max_score: Score | UnsetType = UNSET
    """Only calls with a score, of at most this."""
    after: Annotated[str, Meta(pattern=r"^([0-9]{1,16}\.[^\x00-\x1f\x7f]{1,64})?$")] = ""
    limit: Limit = 100


class CandidateView(Wire, frozen=True, kw_only=True):
    """What became of one ringing device."""

    user: str
    device: str
    reason: str


class QualityView(Wire, frozen=True, kw_only=True):
    """How good a call was for one participant.  Scores are 1.0 (of no use) to 5.0 (nothing to wish for)."""

    user: str
    score: float
    worst: float
    """Of the worst 10 s."""
    audio_score: float | None
    video_score: float | None
    seconds: float
    """In which there was something to hear or to see."""


class CallView(Wire, frozen=True, kw_only=True):
    """One invitation that is over, and how the talk ended that came of it."""

    id: str
    room: str
    inviter: str = field(name="from")
    to: str
    """A user or a group."""
    invitees: tuple[str, ...]
    accepted_by: str | None
    media: tuple[str, ...]
    created_at: EpochMs
    decided_at: EpochMs
    ended_at: EpochMs | None
    end_reason: str | None
    reason: str
    code: int | None
    missed_by: tuple[str, ...]
    candidates: tuple[CandidateView, ...]
    score: float | None
    """The mean of the participants', by how long they were there."""
    quality: tuple[QualityView, ...]
    """Of those who have left; who is no administrator is told of the call's parties."""


class CallList(Wire, frozen=True, kw_only=True):
    """Calls, the newest first; `next` is the `after` of the next page."""

    calls: tuple[CallView, ...]
    next: Cursor | UnsetType = UNSET


class CallsResource:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def operations(self) -> Operations:
        """Their rows."""
        return (
            Operation(
                method="GET",
                path="/sapi/calls",
                id="listCalls",
                summary="Call history, the newest first: one's own, or for administrators their domain's.",
                serve=self._list,
                query=CallQuery,
                answer=CallList,
                problems=(403, 404),
            ),
            Operation(
                method="GET",
                path="/sapi/calls/{id}",
                id="getCall",
                summary="One call of history.",
                serve=self._get,
                answer=CallView,
            ),
        )

    async def _list(self, call: Call[None, CallQuery]) -> CallList:
        asked = call.query
        sought, place = await self._filter(asked, call.user), _place(asked.after)
        found = await self._parts.store.calls.list(sought, after=place, limit=asked.limit)
        everything = sought.user != call.user.id
        return CallList(
            calls=tuple(_view(each, None if everything else call.user) for each in found),
            next=behind(found, asked.limit, _cursor),
        )

    async def _filter(self, asked: CallQuery, asker: User) -> CallFilter:
        user, domain, peer = asker.id if asked.domain is UNSET else None, given(asked.domain), given(asked.peer)
        if not isinstance(asked.user, UnsetType):
            found = await self._parts.user(asked.user, asker)
            need_self_or_admin(asker, found)
            user = found.id
        if domain is not None and not acts_on(asker, domain):
            raise NotAllowed("only administrators of the domain may")
        if peer is not None:
            peer = (await self._parts.user(peer, asker)).id
        return CallFilter(
            user=user,
            domain=domain,
            peer=peer,
            direction=given(asked.direction),
            missed=given(asked.missed),
            reason=reason.value if (reason := given(asked.reason)) else None,
            since_ms=given(asked.since),
            until_ms=given(asked.until),
            min_score=given(asked.min_score),
            max_score=given(asked.max_score),
        )

    async def _get(self, call: Call[None, None]) -> CallView:
        found = await self._parts.store.calls.by_id(call.path["id"])
        if found is not None:
            parties = {found.record.inviter, *found.record.invitees}
            if await self._administrates(call.user, parties):
                return _view(found, None)
            if call.user.id in parties:
                return _view(found, call.user)
        raise NotFound("no such call")

    async def _administrates(self, asker: User, parties: set[str]) -> bool:
        if not asker.admin:
            return False
        found = [await self._parts.store.users.by_id(party) for party in parties]
        return any(user is not None and acts_on(asker, user.domain) for user in found)


def _cursor(call: HistoryCall) -> str:
    return f"{call.place.created_ms}.{call.place.id}"


def _place(after: str) -> Place | None:
    if not after:
        return None
    created, _, call = after.partition(".")
    if int(created) >= 2**63:
        raise Malformed("after is no cursor of ours")
    return Place(int(created), call)


def _view(call: HistoryCall, asker: User | None) -> CallView:
    """A call as `asker` may see it; None: all of it.

    Who was not reached is not told to who called him: unknown, blocked and offline look the same.
    """
    record, end = call.record, call.end
    unknown = asker is not None and asker.id == record.inviter and record.reason == CallReason.NOBODY_REACHABLE.value
    invitees = () if unknown else record.invitees
    parties = {record.inviter, record.accepted_by, *invitees}
    return CallView(
        id=record.id,
        room=record.room,
        inviter=record.inviter,
        to=record.to,
        invitees=invitees,
        accepted_by=record.accepted_by,
        media=record.media,
        created_at=record.created_ms,
        decided_at=record.decided_ms,
        ended_at=end.ended_ms if end else None,
        end_reason=end.reason if end else None,
        reason=record.reason,
        code=record.code,
        missed_by=() if unknown else call.missed_by,
        candidates=tuple(
            CandidateView(user=each.user, device=each.device, reason=each.reason)
            for each in record.candidates
            if asker is None or each.user == asker.id
        ),
        score=_rounded(call.score),
        quality=tuple(_quality(each) for each in call.quality if asker is None or each.user in parties),
    )


def _quality(quality: Quality) -> QualityView:
    return QualityView(
        user=quality.user,
        score=round(quality.score, 2),
        worst=round(quality.worst, 2),
        audio_score=_rounded(quality.audio_score),
        video_score=_rounded(quality.video_score),
        seconds=round(quality.lasted_ms / 1000, 1),
    )


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 2)
