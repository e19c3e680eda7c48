"""A room as it is shown to one user: the ROOM of an answer, and the ring that a device gets."""

from __future__ import annotations

from .frames import IceServer, Ringing, RingPayload, RoomReply
from .invitations import Invitation
from .rooms import Room

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
    )


def ring(room: Room, invitation: Invitation, token: str, ice: tuple[IceServer, ...]) -> Ringing:
    """The invitation as every device of the invited user gets it."""
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
    )
    return Ringing(
        request_id=invitation.ring_id,
        to=invitation.invitee,
        from_=invitation.inviter.user,
        mediatypes=invitation.mediatypes,
        context=invitation.context,
        system_from=invitation.inviter.user,
        payload=payload,
    )
