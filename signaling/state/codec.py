"""How rooms, devices, deliveries and index keys are written in Redis: MessagePack, for JSON has no infinity."""

from __future__ import annotations

from typing import Any, assert_never

import msgspec

from ..qss.devices import Device
from ..qss.identifiers import DeviceRef, RequestId
from ..qss.outgoing import Wire
from ..qss.room import Room
from .deliveries import Ask, Delivery, Replaced, Reply, Result, SignOut, ToDevice, ToHistory, ToNode, ToRoom, ToUsers
from .keys import ByInvitee, ByInviter, ByMember, ByNode, ByNumber, ByRequest, ByRing, Key

encode = msgspec.msgpack.encode
_rooms = msgspec.msgpack.Decoder(Room)
_devices = msgspec.msgpack.Decoder(Device)
_deliveries = msgspec.msgpack.Decoder(Delivery)
_frames = msgspec.msgpack.Decoder(dict[str, Any])


def room_of(data: bytes) -> Room:
    """A room that `encode` wrote."""
    return _rooms.decode(data)


def delivery_of(data: bytes) -> Delivery:
    """A delivery that `encode` wrote; its frame is plain now."""
    delivery: Delivery = _deliveries.decode(data)
    return delivery


def frame_of(data: bytes) -> Wire:
    """A frame that `encode` wrote."""
    return _frames.decode(data)


def record_of(device: Device) -> bytes:
    """A device, with what the scripts have to read of it in front."""
    return f"{device.process}|{device.socket}|".encode() + encode(device)


def device_of(record: bytes) -> Device:
    """The device of a record."""
    return _devices.decode(record.split(b"|", 2)[2])


def text(data: bytes) -> msgspec.Raw:
    """Bytes as the only kind of text that a script can unpack (MessagePack str 32, whatever the bytes are)."""
    return msgspec.Raw(b"\xdb" + len(data).to_bytes(4, "big") + data)


def device_name(device: DeviceRef) -> str:
    """How a device is called in keys."""
    return f"{device.user} {device.device}"


def request_name(device: DeviceRef, request: RequestId) -> str:
    """How a request is called in keys."""
    return f"{device.user} {device.device} {request}"


def key_name(key: Key) -> str:
    """How an index key is called."""
    match key:
        case ByNumber(number):
            return f"number:{number}"
        case ByNode(node):
            return f"node:{node}"
        case ByRing(ring_id):
            return f"ring:{ring_id}"
        case ByRequest(inviter, request_id):
            return f"request:{request_name(inviter, request_id)}"
        case ByInviter(inviter):
            return f"inviter:{device_name(inviter)}"
        case ByInvitee(invitee):
            return f"invitee:{invitee}"
        case ByMember(member):
            return f"member:{member}"
        case _:
            assert_never(key)


def addressed(delivery: Delivery, here: str) -> tuple[object, ...]:
    """A delivery as the scripts take it: whom it is for, then the delivery itself."""
    payload = text(encode(delivery))
    match delivery:
        case ToDevice(device):
            return ("device", device.user, device.device, payload)
        case ToUsers(users):
            return ("users", users, payload)
        case Result(device, request_id, frame):
            return ("result", device.user, device.device, request_id, text(encode(frame)), payload)
        case ToNode(node, closes=room):
            return ("node", node, payload, room or "")
        case Ask(node):
            return ("node", node, payload, "")
        case Reply(asker):
            return ("process", asker, payload)
        case ToRoom():
            return ("process", here, payload)
        case SignOut(user):
            return ("users", (user,), payload)
        case Replaced(_, _, process):
            return ("process", process, payload)
        case ToHistory():
            return ("history", payload)
        case _:
            assert_never(delivery)
