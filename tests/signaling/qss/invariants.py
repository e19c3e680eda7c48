"""What must hold in a town: after every step (`check`), and when everybody has gone (`wind_down`).

Some is held where it happens (`town.py`): nobody attends but whom the step is about, a locked room admits nobody,
an offline or blocked user's device is not rung, a repeated request changes nothing and is answered the same.
"""

from __future__ import annotations

from signaling.qss.frames import InvitationResult
from signaling.qss.identifiers import RequestId
from signaling.qss.membership import Standing
from signaling.qss.room import LOST, Room
from tests.signaling.qss.town import Request, Town


def check(town: Town) -> None:
    """What holds after every step."""
    open_now: set[Request] = set()
    for room in town.rooms.values():
        if room.uuid in town.touched:  # of the others it has been seen
            _check_room(town, room)
        open_now |= {(i.inviter, i.request_id) for i in room.invitations}
        open_now |= {(t.by, t.request_id) for t in room.transfers}
    for request, ring_id in town.asked.items():
        _check_request(town, request, ring_id, is_open=request in open_now)
    at_home = {(room.node, room.uuid) for room in town.rooms.values()}
    about_to = {(move.node, move.before.uuid) for move in town.moves}
    assert town.grants.keys() <= at_home | about_to, "a node has no room that is over, or lives elsewhere"
    town.touched.clear()


def wind_down(town: Town) -> None:
    """Everybody goes, time passes, and nothing is left."""
    for granting in list(town.granting):
        town.granted(granting)
    for move in list(town.moves):
        town.move_ends(move)
    for room in list(town.rooms.values()):
        for peer in sorted(room.peers):
            town.media_left(peer.user, room.uuid, peer.peer, LOST)
    town.wait(200)
    check(town)
    assert not town.rooms, "no timer and no room is left behind"
    assert not town.grants
    assert all(town.results[request] for request, _ in town.served), "every request has got its answer"


def _check_room(town: Town, room: Room) -> None:
    acl = set(room.participants)
    assert len(acl) == len(room.members) <= room.participants_limit, "participants are the ACL, each once"
    assert {peer.user for peer in room.peers} <= acl, "media of nobody who is not in the ACL"
    assert all(invitation.is_open for invitation in room.invitations)
    assert {invitation.inviter.user for invitation in room.invitations} <= set(room.present), "who calls is there"
    invited = [user for invitation in room.invitations for user in invitation.invitees]
    assert len(invited) == len(set(invited)), "a user is invited to a room once"
    rung = {m.user for m in room.members if m.standing is Standing.INVITED}
    assert set(invited) == rung or room.is_lobby, "whoever is invited is in the ACL as that"
    if room.is_lobby:
        assert room.invitations, "a lobby lasts as long as what waits in it"
        return
    unsure = {m.user for granting in town.granting if granting.room == room.uuid for m in granting.members}
    given = {user: grant for user, grant in town.grants.get((room.node, room.uuid), {}).items() if user not in unsure}
    expected = {m.user: (m.serial, m.rights) for m in room.members if m.user not in unsure}
    carried = (room.node, room.uuid) in town.grants and not _in_motion(town, room)
    assert given == expected or not carried, "live tokens are those of the ACL, with the rights of each"
    assert room.peers or room.deadline() is not None, "an empty room has a deadline"
    assert all(transfer.user in acl for transfer in room.transfers)


def _in_motion(town: Town, room: Room) -> bool:
    """Whether its own node is taking it anew, and may have been told of an ACL that is old: the end puts it right."""
    return any(move.node == room.node and move.before.uuid == room.uuid for move in town.moves)


def _check_request(town: Town, request: Request, ring_id: RequestId, *, is_open: bool) -> None:
    results, winners = town.results[request], town.winners[ring_id]
    assert len(results) == (0 if is_open else 1), "one final result, when it is over"
    assert len(winners) <= 1, "at most one device wins"
    if not is_open:
        assert town.rings[ring_id] <= winners, "after the end nobody rings but the winner"
        named = results[0].who_accepted if isinstance(results[0], InvitationResult) else None
        assert not winners or named in {winner.user for winner in winners}, "the inviter is told who won"
    recorded = len(town.records[ring_id])
    assert recorded == (0 if is_open or ring_id not in town.recorded_kinds else 1), "history has each call once"
