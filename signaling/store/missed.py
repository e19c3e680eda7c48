"""Who missed a call.

A call is missed by whoever was called, while nobody answered, and did not say no: it rang to its end, the caller
gave up, all his devices were busy, or none of them was there.
"""

from __future__ import annotations

from ..qss.history import ACCEPTED, DECLINED, CallRecord


def missed_by(call: CallRecord) -> tuple[str, ...]:
    """The users who missed it."""
    if call.reason == ACCEPTED:
        return ()
    refused = {candidate.user for candidate in call.candidates if candidate.reason == DECLINED}
    return tuple(user for user in call.invitees if user not in refused)
