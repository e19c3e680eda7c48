"""The query that searches call history: from the parties' index where a user is named, else from the calls'."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, tuple_

from .history import CallFilter, Place
from .tables import call_ends, call_parties, call_stays, calls, domains
from .texts import fit

own = call_parties
other = call_parties.alias("other")

# The end and the score of a call, as `history.py` finds them (`Ends`, `Stays`, `Call.score`).
NEVER_MS: Final = 2**62
end_ms: Final = (
    select(func.min(call_ends.c.ended_ms))
    .where(call_ends.c.room == calls.c.room, call_ends.c.ended_ms >= calls.c.decided_ms)
    .where(or_(call_ends.c.user_id == "", call_ends.c.user_id == calls.c.accepted_by))
    .correlate(calls)
    .scalar_subquery()
)
score: Final = (
    select(func.sum(call_stays.c.score * call_stays.c.lasted_ms) / func.sum(call_stays.c.lasted_ms))
    .where(call_stays.c.room == calls.c.room, calls.c.accepted_by.is_not(None))
    .where(call_stays.c.ended_ms > calls.c.decided_ms)
    .where(call_stays.c.began_ms < func.coalesce(end_ms, NEVER_MS))
    .correlate(calls)
    .scalar_subquery()
)


def wanted(sought: CallFilter, after: Place | None) -> Select[Any]:
    """The calls that fit, newest first."""
    query = select(calls)
    created, call = calls.c.created_ms, calls.c.id
    if sought.user is not None:
        query = query.join(own, own.c.call_id == calls.c.id).where(
            own.c.user_id == fit(sought.user, 64), *_part(sought)
        )
        created, call = own.c.created_ms, own.c.call_id
    elif part := _part(sought):
        query = query.where(exists().where(own.c.call_id == calls.c.id, *part))
    if sought.peer is not None:
        query = query.where(exists().where(other.c.call_id == calls.c.id, other.c.user_id == fit(sought.peer, 64)))
    if sought.domain is not None:
        query = query.where(_in_domain(sought.domain))
    if sought.reason is not None:
        query = query.where(calls.c.reason == fit(sought.reason, 64))
    if sought.since_ms is not None:
        query = query.where(created >= sought.since_ms)
    if sought.until_ms is not None:
        query = query.where(created < sought.until_ms)
    if sought.min_score is not None:
        query = query.where(score >= sought.min_score)
    if sought.max_score is not None:
        query = query.where(score <= sought.max_score)
    if after is not None:
        query = query.where(tuple_(created, call) < tuple_(after.created_ms, fit(after.id, 64)))
    return query.order_by(created.desc(), call.desc())


def _part(sought: CallFilter) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = []
    if sought.missed is not None:
        asked.append(own.c.missed == sought.missed)
    if sought.direction is not None:
        asked.append(own.c.outgoing == (sought.direction == "out"))
    return asked


def _in_domain(domain: str) -> ColumnElement[bool]:
    named = select(domains.c.id).where(domains.c.name == fit(domain.lower(), 190)).scalar_subquery()
    return exists().where(other.c.call_id == calls.c.id, other.c.domain_id == named)
