"""A room as it is shown to one user: the ROOM of an answer, and the ring that a device gets."""

from __future__ import annotations

from msgspec import UNSET

from .frames import IceServer, Ringing, RingingRequest, RingPayload, RoomReply
from .identifiers import UserId
from .invitations import Invitation, Kind
from .room import Room

OWNER = ""  # rooms of calls have none: everybody in the ACL has the same powers


def room_reply(room: Room, token: str, ice: tuple[IceServer, ...]) -> RoomReply:
    """ROOM with the token of whom it is for."""
    return RoomReply(
        id=room.id,
        uuid=room.uuid,
        room=room.uuid,
        owner=OWNER,
        record=room.record,
        number=room.number,
        sip_uri=room.sip_uri,
        bitrate=room.bitrate,
        server_uuid=room.node,
        server=room.server,
        timestamp=room.created_ms,
        participants_limit=room.participants_limit,
        ice=ice,
        token=token,
        participants=room.participants,
        held=room.held or UNSET,
        locked=True if room.locked else UNSET,
    )


def ring(
    room: Room, invitation: Invitation, user: UserId, token: str, ice: tuple[IceServer, ...]
) -> Ringing | RingingRequest:
    """What is asked, as every device of an invited user gets it."""
    group = invitation.to if invitation.is_group else UNSET
    inviter = invitation.inviter.user
    if invitation.kind is Kind.INVITE_REQUEST:
        return RingingRequest(
            request_id=invitation.ring_id,
            to=user,
            from_=inviter,
            mediatypes=invitation.mediatypes,
            context=invitation.context,
            system_from=inviter,
            group=group,
        )
    payload = RingPayload(
        uuid=room.uuid,
        sip_uri=room.sip_uri,
        owner=OWNER,
        timestamp=room.created_ms,
        server=room.server,
        bitrate=room.bitrate,
        record=room.record,
        ice=ice,
        room=room.uuid,
        token=token,
        participants=room.participants,
        in_reply_to=invitation.in_reply_to or UNSET,
    )
    return Ringing(
        request_id=invitation.ring_id,
        to=user,
        from_=inviter,
        mediatypes=invitation.mediatypes,
        context=invitation.context,
        system_from=inviter,
        group=group,
        payload=payload,
    )
