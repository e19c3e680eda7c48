"""What may happen in a town, each drawn by a few bytes: a byte for what, a byte for who, a byte for which.

A step that the rules refuse is as good as one that they allow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from signaling.qss import rules
from signaling.qss.identifiers import DeviceId, DeviceRef, Instant, RequestId, RoomId, UserId
from signaling.qss.invitations import Kind
from signaling.qss.room import LOST, MEDIA_SERVER_LOST
from tests.signaling.qss.invariants import check
from tests.signaling.qss.town import CALLED, DEVICES, JOIN_WITHIN_S, ROOMS, USERS, Town

Happening = Callable[[Town, DeviceRef, int], None]
Asking = Callable[[Town, DeviceRef, int, RequestId], None]

BYTES_A_STEP = 3
TARGETS: Final = tuple(CALLED)


def play(town: Town, script: bytes) -> None:
    """Play a script and hold after every step what must always hold."""
    for at in range(0, len(script) - BYTES_A_STEP + 1, BYTES_A_STEP):
        what, who, which = script[at : at + BYTES_A_STEP]
        HAPPENINGS[what % len(HAPPENINGS)](town, _as_received(DEVICES[who % len(DEVICES)]), which)
        town.steps += 1
        check(town)


def _as_received(device: DeviceRef) -> DeviceRef:
    """Names that come in a frame equal those that are known, but are not the same object."""
    return DeviceRef(UserId("".join(device.user)), DeviceId("".join(device.device)))


def _room(which: int) -> RoomId:
    return ROOMS[which % 2]


def _request(ask: Asking) -> Happening:
    """What a device asks for, with a requestID."""

    def request(town: Town, device: DeviceRef, which: int) -> None:
        name = town.name()
        town.serve((device, name), partial(ask, town, device, which, name))

    return request


def _again(town: Town, _: DeviceRef, which: int) -> None:
    """A device sends a request again, the last or one of long ago, whatever has happened meanwhile."""
    if town.served:
        town.serve_again(*town.served[-1 - which % len(town.served)])


def _invite(town: Town, device: DeviceRef, which: int, name: RequestId) -> None:
    _ask(town, device, which, name, Kind.INVITATION)


def _transfer(town: Town, device: DeviceRef, which: int, name: RequestId) -> None:
    _ask(town, device, which, name, Kind.BLIND_TRANSFER)


def _ask(town: Town, device: DeviceRef, which: int, name: RequestId, kind: Kind) -> None:
    room = town.rooms.get(_room(which))
    offer = town.offer(device, name, TARGETS[which // 2 % len(TARGETS)], kind, room)
    if room is not None and offer is not None and town.ask(room.uuid, offer) and which & 0x20:
        town.granted(town.granting[-1])


def _ask_to_be_invited(town: Town, device: DeviceRef, which: int, name: RequestId) -> None:
    offer = town.offer(device, name, TARGETS[which % len(TARGETS)], Kind.INVITE_REQUEST, None)
    if offer is None or device.user in offer.users or len(town.rooms) > 4:
        return
    lobby = RoomId(f"{town.name()}.".ljust(64, "0"))
    town.open_lobby(lobby, device.user)
    if town.ask(lobby, offer):
        town.granted(town.granting[-1])


def _grant_request(town: Town, device: DeviceRef, which: int, name: RequestId) -> None:
    """Invite who asked, from a device that was asked."""
    for lobby in [room for room in town.rooms.values() if room.is_lobby]:
        asked = lobby.invitation(lambda i: device in i.ringing(town.instant))
        room = town.rooms.get(_room(which))
        offer = town.offer(device, name, asked.inviter.user, Kind.INVITATION, room) if asked else None
        if asked is None or room is None or offer is None:
            continue
        if town.grant_request(lobby.uuid, asked.ring_id, device):
            town.ask(room.uuid, offer)
        return


def _node_answers(town: Town, _: DeviceRef, which: int) -> None:
    if town.granting:
        granting = town.granting[which % len(town.granting)]
        [town.granted, town.grant_taken, town.granted, town.not_granted][which // 8 % 4](granting)


def _answers(error: int | None) -> Happening:
    def answer(town: Town, device: DeviceRef, which: int) -> None:
        """A device answers what rings at it, or a ring of others or of long ago; maybe twice."""
        own = [ring for ring, devices in town.rings.items() if device in devices]
        rings = own if own and which & 0x80 else list(town.asked.values())
        if rings:
            ring = rings[-1 - which % len(rings)]
            counted = town.answer(device, ring, error)
            if which & 0x40:
                assert error is not None or town.answer(device, ring, error) == counted, "again is the same"

    return answer


def _cancel(town: Town, _: DeviceRef, which: int) -> None:
    """An inviter takes something back: the last, or long ago; maybe twice."""
    requests = list(town.asked)[-4:]
    if requests:
        device, request_id = requests[-1 - which % len(requests)]
        for room in list(town.rooms):
            first = town.apply(room, lambda r: rules.cancel(r, device, request_id, town.instant))
            again = town.apply(room, lambda r: rules.cancel(r, device, request_id, town.instant))
            assert again is None or again.refused, "a cancel counts once"
            assert first is None or first.refused or (device, request_id) in town.asked


def _close(town: Town, device: DeviceRef, _: int, _name: RequestId) -> None:
    for room in list(town.rooms):
        town.apply(room, lambda r: rules.close_calls(r, device, town.instant))


def _connect(town: Town, device: DeviceRef, _: int) -> None:
    town.connect(device)


def _disconnect(town: Town, device: DeviceRef, _: int) -> None:
    if device in town.online:
        town.disconnect(device)


def _permission(town: Town, device: DeviceRef, _: int) -> None:
    town.blocked ^= {device.user}


def _add(town: Town, device: DeviceRef, which: int, _name: RequestId) -> None:
    users = [USERS[which // 2 % 4], USERS[which // 8 % 4]]
    town.apply(_room(which), lambda r: rules.add(r, device.user, users), frozenset(users))


def _remove(town: Town, device: DeviceRef, which: int, _name: RequestId) -> None:
    users = [USERS[which // 2 % 4]]
    town.apply(_room(which), lambda r: rules.expel(r, device.user, users, town.instant, town.instant))


def _hold(town: Town, device: DeviceRef, which: int, _name: RequestId) -> None:
    town.apply(_room(which), lambda r: (rules.hold if which & 2 else rules.unhold)(r, device.user))


def _lock(town: Town, device: DeviceRef, which: int, _name: RequestId) -> None:
    town.apply(_room(which), lambda r: (rules.lock if which & 6 == 6 else rules.unlock)(r, device.user))


def _leave(town: Town, device: DeviceRef, which: int, _name: RequestId) -> None:
    town.apply(_room(which), lambda r: rules.leave(r, device, town.instant, town.instant))


def _attended(town: Town, device: DeviceRef, which: int, name: RequestId) -> None:
    source, target, user = _room(which), _room(which + 1), USERS[which // 2 % 4]
    known = town.rooms.get(source)
    if known is None or device.user not in known.present or user not in known.present:
        return
    until = Instant(town.now + JOIN_WITHIN_S)
    moving = town.apply(
        target,
        lambda r: rules.expect(r, by=device, request_id=name, user=user, source=source, expires_at=until),
        frozenset({user}),
    )
    if moving is not None:
        town.asked[device, name] = RequestId(f"move {name}")
        town.apply(source, lambda r: rules.announced(r, device.user, user))


def _media(town: Town, device: DeviceRef, which: int) -> None:
    town.media_joined(device.user, _room(which), f"{device.device}-{which // 2 % 2}")


def _media_ends(town: Town, device: DeviceRef, which: int) -> None:
    reason = LOST if which & 4 else "left"
    town.media_left(device.user, _room(which), f"{device.device}-{which // 2 % 2}", reason)


def _node_back(town: Town, device: DeviceRef, which: int) -> None:
    town.node_back(_room(which), device.user if which & 2 else None)


def _node_lost(town: Town, _: DeviceRef, which: int) -> None:
    """The node of a room is lost; two may begin to take it, one after the other."""
    if which >= 128:
        return  # not too often: much needs a node
    town.node_lost(_room(which))
    if which & 2:
        town.move_begins(_room(which), which // 4)
    if which & 0x40:
        town.move_begins(_room(which), which // 8)


def _move(town: Town, _: DeviceRef, which: int) -> None:
    if town.moves and which & 1:
        town.move_ends(town.moves[which // 2 % len(town.moves)])
    else:
        town.move_begins(_room(which // 2), which // 4)


def _restart(town: Town, _: DeviceRef, which: int) -> None:
    """Seldom, as it ends so much: signaling dies and starts again."""
    if which < 32:
        town.restart()


def _room_ends(town: Town, device: DeviceRef, which: int) -> None:
    """Seldom, as it ends so much: the node is lost, or a participant destroys the room."""
    if which < 32:
        town.apply(_room(which), lambda r: rules.destroy(r, MEDIA_SERVER_LOST, town.instant))
    elif which < 48:
        town.apply(_room(which), lambda r: rules.demolish(r, device, town.instant))


def _time(town: Town, _: DeviceRef, which: int) -> None:
    town.wait((0.1, 1, 4, 11)[which % 4])


def _nothing(_town: Town, _device: DeviceRef, _which: int) -> None:
    """What a failing script shrinks to, where it does not matter."""


# What is often tried is listed more than once.
REQUESTS: Final[tuple[Asking, ...]] = (
    *(_invite, _invite, _transfer, _ask_to_be_invited, _grant_request, _close),
    *(_add, _remove, _hold, _lock, _leave, _attended, _attended),
)
HAPPENINGS: Final[tuple[Happening, ...]] = (
    _nothing,
    *map(_request, REQUESTS),
    *(_again, _again, _node_answers, _node_answers),
    *(_answers(None), _answers(None), _answers(None), _answers(603), _answers(603), _answers(486)),
    *(_cancel, _connect, _connect, _disconnect, _disconnect, _permission),
    *(_node_back, _node_lost, _move, _move, _room_ends, _restart),
    *(_media, _media, _media, _media_ends, _time, _time),
)
