"""Who hears what of an invitation: the others in the room of a blind transfer, and the call history of every end."""

from __future__ import annotations

import pytest

from signaling.qss import history, rules
from signaling.qss.effects import Conclude, Record, Tell
from signaling.qss.frames import MediaTypes, wire
from signaling.qss.history import CallRecord, CandidateRecord
from signaling.qss.identifiers import DeviceId, DeviceRef, Instant, RequestId, UserId
from signaling.qss.invitations import Kind
from signaling.qss.membership import Standing
from signaling.qss.offer import Offer
from signaling.qss.room import MEDIA_SERVER_LOST, Change, Member, Room
from signaling.qss.telling import never_rung
from tests.signaling.qss.virtual import ALICE, BOB, CAROL, ROOM, bobs, event, fresh_room

# Bob calls: by name he stands between those who hear of it.
BOBS = bobs("tab")
DAVE = UserId("d" * 24)
PHONE, LAPTOP, TABLET = (DeviceRef(DAVE, DeviceId(name)) for name in ("phone", "laptop", "tablet"))
RUNG = (PHONE, LAPTOP, TABLET)
NOW, LATER, LATEST = Instant(10.5), Instant(20.25), Instant(40.5)
RING = RequestId("ring1")


def offer(kind: Kind = Kind.INVITATION, *, audio: bool = True, video: bool = False) -> Offer:
    return Offer(
        kind=kind,
        request_id=RequestId("r1"),
        inviter=BOBS,
        to=DAVE,
        users=(DAVE,),
        mediatypes=MediaTypes(audio=audio, video=video),
        context={},
    )


def talk(*users: UserId) -> Room:
    """They are in the room, Bob among them."""
    members = tuple(Member(user, serial, Standing.MEMBER) for serial, user in enumerate(users, start=1))
    return fresh_room(members=members, next_serial=len(users) + 1, keep_until=LATEST)


def opened(kind: Kind, room: Room) -> Change:
    return rules.invite(room, offer(kind), ring_id=RING, now=NOW, expires_at=LATEST)


def kept(change: Change) -> Room:
    assert change.room is not None
    return change.room


def rung(kind: Kind = Kind.INVITATION, room: Room | None = None) -> Change:
    return rules.granted(kept(opened(kind, room or talk(ALICE, BOB, CAROL))), RING, RUNG, NOW)


def answered(room: Room, device: DeviceRef, error: int | None = None) -> Change:
    as_received = DeviceRef(UserId("".join(list(device.user))), DeviceId("".join(list(device.device))))
    return rules.answer(room, RING, as_received, error, LATEST, LATER)


def transfers(change: Change) -> list[Tell]:
    return [e for e in change.effects if isinstance(e, Tell) and e.event.payload.event_name == "transfer"]


def told(state: str, **error: int) -> list[Tell]:
    said = event("transfer", roomId=ROOM, userId=BOB, kind="blind", to=DAVE, state=state, **error)
    return [Tell((ALICE, CAROL), said)]


def recorded(change: Change) -> CallRecord:
    (record,) = [e.call for e in change.effects if isinstance(e, Record) and isinstance(e.call, CallRecord)]
    return record


def results(change: Change) -> list[dict[str, object]]:
    return [wire(e.result) for e in change.effects if isinstance(e, Conclude)]


# --- a blind transfer, to the others in the room ---------------------------------------------------------------------


def test_the_others_hear_of_a_blind_transfer_that_starts_rings_and_fails_with_the_code() -> None:
    assert transfers(opened(Kind.BLIND_TRANSFER, talk(ALICE, BOB, CAROL))) == told("started")
    ringing = rung(Kind.BLIND_TRANSFER)
    assert transfers(ringing) == told("ringing")
    assert transfers(rules.leave(kept(ringing), PHONE, LATEST, LATER)) == told("failed", error=603)


def test_the_others_and_who_took_the_place_hear_of_a_blind_transfer_that_is_complete() -> None:
    (heard,) = transfers(answered(kept(rung(Kind.BLIND_TRANSFER)), PHONE))
    assert heard.users == (ALICE, CAROL, DAVE)
    assert heard.event == event("transfer", roomId=ROOM, userId=BOB, kind="blind", to=DAVE, state="completed")


def test_nobody_is_told_of_a_transfer_where_nobody_else_is_or_none_is_made() -> None:
    assert opened(Kind.BLIND_TRANSFER, talk(BOB)).effects == ()
    assert transfers(opened(Kind.INVITATION, talk(ALICE, BOB))) == transfers(rung()) == []


def test_a_device_that_declines_among_others_changes_nothing_for_the_room() -> None:
    assert answered(kept(rung(Kind.BLIND_TRANSFER)), PHONE, 603).effects == ()


# --- the call history ------------------------------------------------------------------------------------------------


def test_an_answered_call_is_recorded_with_everybody_it_rang() -> None:
    declined = kept(answered(kept(rung()), LAPTOP, 603))
    assert recorded(answered(declined, PHONE)) == CallRecord(
        id=RING,
        room=ROOM,
        inviter=BOB,
        inviter_device=BOBS.device,
        to=DAVE,
        invitees=(DAVE,),
        accepted_by=DAVE,
        media=("audio",),
        created_ms=10500,
        decided_ms=20250,
        reason=history.ACCEPTED,
        code=None,
        candidates=(
            CandidateRecord(user=DAVE, device="phone", reason=history.ACCEPTED),
            CandidateRecord(user=DAVE, device="tablet", reason=history.ANSWERED_ELSEWHERE),
            CandidateRecord(user=DAVE, device="laptop", reason=history.DECLINED),
        ),
    )


def ends(change: Change) -> dict[str, str]:
    return {candidate.device: candidate.reason for candidate in recorded(change).candidates}


def test_the_history_says_how_it_ended_for_each_device() -> None:
    room = kept(rules.device_gone(kept(answered(kept(rung()), PHONE, 486)), LAPTOP, NOW, NOW))
    assert ends(rules.on_time(room, LATEST)) == {
        "phone": history.BUSY,
        "laptop": history.DISCONNECTED,
        "tablet": history.TIMEOUT,
    }
    assert ends(rules.cancel(room, BOBS, RequestId("r1"), LATER))["tablet"] == history.CANCELLED
    assert ends(rules.destroy(room, MEDIA_SERVER_LOST, LATER))["tablet"] == history.LOST
    assert ends(rules.leave(room, TABLET, LATEST, LATER))["tablet"] == history.DECLINED
    assert ends(rules.expel(room, BOB, [DAVE], LATEST, LATER))["tablet"] == history.CANCELLED


def test_the_history_says_why_a_call_came_to_nothing_and_what_the_caller_was_told() -> None:
    ringing = kept(rung())
    preparing = kept(opened(Kind.INVITATION, talk(ALICE, BOB)))
    came_to = [
        (rules.on_time(ringing, LATEST), history.DECLINED_BY_TIMEOUT, 408),
        (rules.cancel(ringing, BOBS, RequestId("r1"), LATER), history.DECLINED_BY_CREATOR, 487),
        (rules.leave(ringing, PHONE, LATEST, LATER), history.DECLINED, 603),
        (rules.destroy(ringing, MEDIA_SERVER_LOST, LATER), history.MEDIA_SERVER_LOST, 503),
        (rules.failed(preparing, RING, LATER), history.MEDIA_SERVER_LOST, 503),
        (rules.granted(preparing, RING, [], LATER), history.NOBODY_REACHABLE, 404),
    ]
    for change, reason, code in came_to:
        record = recorded(change)
        assert (record.reason, record.code, record.accepted_by) == (reason, code, None)


def test_a_request_to_be_invited_is_no_call() -> None:
    lobby = fresh_room(members=(Member(BOB, 1, Standing.MEMBER),), node="")
    asked = rules.granted(kept(opened(Kind.INVITE_REQUEST, lobby)), RING, RUNG, NOW)
    assert not [e for e in answered(kept(asked), PHONE, 603).effects if isinstance(e, Record)]


@pytest.mark.parametrize(
    ("audio", "video", "media"),
    [(True, True, ("audio", "video")), (False, True, ("video",)), (False, False, ())],
)
def test_who_was_never_rung_is_in_the_history_as_unreachable_404(
    audio: bool, video: bool, media: tuple[str, ...]
) -> None:
    assert never_rung(offer(audio=audio, video=video), RING, ROOM, NOW) == CallRecord(
        id=RING,
        room=ROOM,
        inviter=BOB,
        inviter_device=BOBS.device,
        to=DAVE,
        invitees=(DAVE,),
        accepted_by=None,
        media=media,
        created_ms=10500,
        decided_ms=10500,
        reason=history.NOBODY_REACHABLE,
        code=404,
        candidates=(),
    )


# --- the inviter -----------------------------------------------------------------------------------------------------


def test_a_result_names_no_error_where_it_was_accepted_and_no_winner_where_it_was_not() -> None:
    accepted = {"answer": "invitation", "requestID": "r1", "from": BOB, "whoAccepted": DAVE}
    assert results(answered(kept(rung()), PHONE)) == [accepted]
    refused = {"answer": "invitation", "requestID": "r1", "from": BOB, "error": 603}
    assert results(rules.leave(kept(rung()), PHONE, LATEST, LATER)) == [refused]


def test_a_lost_media_server_is_named_to_the_inviter() -> None:
    (result,) = results(rules.destroy(kept(rung()), MEDIA_SERVER_LOST, LATER))
    assert (result["error"], result["message"]) == (503, MEDIA_SERVER_LOST)


def test_a_user_who_leaves_while_none_of_his_devices_rings_has_declined_not_been_busy() -> None:
    room = kept(rung())
    for device in RUNG:
        room = kept(rules.device_gone(room, device, NOW, NOW))
    assert [result["error"] for result in results(rules.leave(room, PHONE, LATEST, LATER))] == [603]


def test_an_invitation_whose_end_is_seen_late_is_over_all_the_same() -> None:
    (result,) = results(rules.on_time(kept(rung()), Instant(LATEST + 3)))
    assert result["error"] == 408
