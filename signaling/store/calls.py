"""Call history: written once an invitation is over, read newest first.

rules -> state's history consumer -> **calls** -> SAPI, `tertulia call history`

Everything may be written twice and in any order: a call is known by its id, and the end of a talk and the stays of who
was there lie beside the calls until their call is there (`history.py` finds them).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Table, bindparam, delete, select

from ..qss.history import CallEnded, CallRecord, CandidateRecord, Entry, StayRecord
from .database import AnyRow, Database
from .history import Call, CallFilter, End, Ends, Place, Stays
from .history_query import wanted
from .missed import missed_by
from .tables import call_ends, call_parties, call_stays, calls, users
from .texts import fit

ID: Final = 64  # characters of ids, ours and devices'
FORGET_AT_ONCE: Final = 1000  # calls: a longer transaction would keep others from writing


class Calls:
    """The call history of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Made once, not for every batch.
        domain = select(users.c.domain_id).where(users.c.id == bindparam("party")).scalar_subquery()
        self._add_calls = database.insert(calls).on_conflict_do_nothing()
        self._add_parties = database.insert(call_parties).values(domain_id=domain).on_conflict_do_nothing()
        self._add_ends = database.insert(call_ends).on_conflict_do_nothing()
        self._add_stays = database.insert(call_stays).on_conflict_do_nothing()

    async def record(self, call: CallRecord) -> None:
        """An invitation is over."""
        await self.write((call,))

    async def ended(self, ended: CallEnded) -> None:
        """The talk that came of accepted calls is over."""
        await self.write((ended,))

    async def write(self, news: Sequence[Entry]) -> None:
        """Keep many at once, in one transaction: it costs little more than one."""
        over = [n for n in news if isinstance(n, CallRecord)]
        ends = [_end_columns(n) for n in news if isinstance(n, CallEnded)]
        stays = [_stay_columns(n) for n in news if isinstance(n, StayRecord)]
        parties = [party for call in over for party in _parties(call)]
        async with self._database.writing() as connection:
            if over:
                await connection.execute(self._add_calls, [_columns(call) for call in over])
                await connection.execute(self._add_parties, parties)
            if ends:
                await connection.execute(self._add_ends, ends)
            if stays:
                await connection.execute(self._add_stays, stays)

    async def by_id(self, call: str) -> Call | None:
        """One call."""
        found = await self._database.rows(select(calls).where(calls.c.id == fit(call, ID)))
        return next(iter(await self._whole(found)), None)

    async def list(self, sought: CallFilter, *, after: Place | None = None, limit: int = 50) -> tuple[Call, ...]:
        """The newest calls that fit, older than the last one of the page before."""
        return await self._whole(await self._database.rows(wanted(sought, after).limit(limit)))

    async def forget_before(self, ms: int) -> int:
        """Remove what is older; gives how many calls."""
        forgotten, batch = 0, FORGET_AT_ONCE
        old = select(calls.c.id).where(calls.c.created_ms < ms).limit(FORGET_AT_ONCE)
        while batch == FORGET_AT_ONCE:
            async with self._database.writing() as connection:
                batch = (await connection.execute(delete(calls).where(calls.c.id.in_(old)))).rowcount
                forgotten += batch
        async with self._database.writing() as connection:
            for beside in (call_ends, call_stays):
                await connection.execute(delete(beside).where(beside.c.ended_ms < ms))
        return forgotten

    async def _whole(self, rows: Sequence[AnyRow]) -> tuple[Call, ...]:
        """Calls with what lies beside them."""
        over = [_record(row) for row in rows]
        rooms = {call.room for call in over if call.accepted_by}
        ends, stays = Ends(await self._of(call_ends, rooms)), Stays(await self._of(call_stays, rooms))
        return tuple(_call(record, ends.of(record), stays) for record in over)

    async def _of(self, beside: Table, rooms: set[str]) -> Sequence[AnyRow]:
        query = select(beside).where(beside.c.room.in_(rooms)).order_by(beside.c.ended_ms)
        return await self._database.rows(query) if rooms else ()


def _call(record: CallRecord, end: End | None, stays: Stays) -> Call:
    return Call(record=record, end=end, missed_by=missed_by(record), quality=stays.of(record, end))


def _columns(call: CallRecord) -> dict[str, object]:
    return {
        "id": fit(call.id, ID),
        "room": fit(call.room, ID),
        "inviter": fit(call.inviter, ID),
        "inviter_device": fit(call.inviter_device, ID),
        "called": fit(call.to, ID),
        "invitees": [fit(user, ID) for user in call.invitees],
        "accepted_by": call.accepted_by and fit(call.accepted_by, ID),
        "media": list(call.media),
        "created_ms": call.created_ms,
        "decided_ms": call.decided_ms,
        "reason": fit(call.reason, 32),
        "code": call.code,
        "candidates": [[fit(text, ID) for text in (c.user, c.device, c.reason)] for c in call.candidates],
    }


def _parties(call: CallRecord) -> list[dict[str, object]]:
    missed = missed_by(call)
    outgoing = {call.inviter: True}  # who calls a group of his own is its caller only
    return [
        {
            "call_id": fit(call.id, ID),
            "user_id": fit(user, ID),
            "party": fit(user, ID),
            "created_ms": call.created_ms,
            "outgoing": is_inviter,
            "missed": user in missed and not is_inviter,
        }
        for user, is_inviter in (dict.fromkeys(call.invitees, False) | outgoing).items()
    ]


def _end_columns(ended: CallEnded) -> dict[str, object]:
    return {
        "room": fit(ended.room, ID),
        "user_id": fit(ended.user or "", ID),
        "ended_ms": ended.ended_ms,
        "reason": fit(ended.reason, ID),
    }


def _stay_columns(stay: StayRecord) -> dict[str, object]:
    return {
        "room": fit(stay.room, ID),
        "peer": fit(stay.peer, ID),
        "user_id": fit(stay.user, ID),
        "began_ms": stay.began_ms,
        "ended_ms": stay.ended_ms,
        "lasted_ms": stay.lasted_ms,
        "score": stay.score,
        "worst": stay.worst,
        "audio_score": stay.audio_score,
        "video_score": stay.video_score,
    }


def _record(row: AnyRow) -> CallRecord:
    return CallRecord(
        id=row.id,
        room=row.room,
        inviter=row.inviter,
        inviter_device=row.inviter_device,
        to=row.called,
        invitees=tuple(row.invitees),
        accepted_by=row.accepted_by,
        media=tuple(row.media),
        created_ms=row.created_ms,
        decided_ms=row.decided_ms,
        reason=row.reason,
        code=row.code,
        candidates=tuple(CandidateRecord(user=u, device=d, reason=r) for u, d, r in row.candidates),
    )
