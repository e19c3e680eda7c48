"""Media in a room: who is connected at the node, as the node reports it.

nodes -> **media** -> departing, inviting, moving
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from .admitting import stepped
from .departing import left_event, settled, transfer_over, vacated
from .effects import Revoke, Tell
from .events import ParticipantJoined, event
from .figures import Figures
from .identifiers import Instant, PeerId, UserId
from .inviting import cancel_all
from .membership import Passage, after
from .moving import put_right, redirects
from .room import GOOD, LOST, Change, Held, Peer, Rating, Room
from .transfers import Step


def joined(room: Room, user: UserId, peer: PeerId, now: Instant) -> Change:
    """The node reports that a user's media is connected; a transfer that waited for him is complete."""
    arrived = Peer(user, peer)
    if after(room.standing(user), Passage.ARRIVE) is None:
        return Change(room, (Revoke(room.node, room.uuid, user, "not in the ACL"),), refused=True)
    if arrived in room.peers:
        return Change(room)
    following = stepped(replace(room, peers=room.peers | {arrived}), user, Passage.ARRIVE)
    told = event(ParticipantJoined(room_id=room.uuid, user_id=user, peer=peer))
    return Change(following, (Tell(following.present, told),)).then(lambda r: transfer_over(r, user, Step.ARRIVE))


def left(room: Room, user: UserId, peer: PeerId, reason: str, keep_until: Instant, now: Instant) -> Change:
    """The node reports that a user's media is gone; `keep_until` is how long the room waits if nobody is left.

    Whoever leaves cleanly with open invitations has nobody to be called to any more: they are cancelled.
    """
    gone = Peer(user, peer)
    if gone not in room.peers:
        return Change(room, refused=True)
    following = replace(room, peers=room.peers - {gone})
    change = Change(following, (left_event(following, user, peer, reason),))
    if reason != LOST and not following.peers_of(user):
        change = cancel_all(change, user, now, own=None)
    return settled(vacated(change, room, keep_until), now)


def rated(room: Room, ratings: Mapping[UserId, str], figures: Mapping[UserId, Figures]) -> Change:
    """The node reports whose media does not travel well, and figures; of who is not here it is not kept."""
    told = {peer.user for peer in room.peers} & (ratings.keys() | figures.keys())
    all_told = (Rating(user, ratings.get(user, GOOD), figures.get(user)) for user in sorted(told))
    return Change(replace(room, rated=tuple(all_told)))


def reconciled(room: Room, held: Held, keep_until: Instant, now: Instant) -> Change:
    """The room's node is back and says whom it has: its view of the media wins, ours of the ACL."""
    here = replace(room, server=held.server)
    change = Change(here, tuple(redirects(here)) if held.server != room.server else ())
    for gone in sorted(room.peers - held.peers):
        change = change.then(lambda r, p=gone: left(r, p.user, p.peer, LOST, keep_until, now))  # type: ignore[misc]
    for come in sorted(held.peers - room.peers):
        change = change.then(lambda r, p=come: joined(r, p.user, p.peer, now))  # type: ignore[misc]
    if change.room is None:
        return change
    return replace(change, effects=(*change.effects, *put_right(room, held.grants)))
