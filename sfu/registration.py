"""What the node tells signaling of itself: what it is, what it carries, how busy it is.

node, core -> **registration** -> link -> signaling
"""

from collections.abc import Mapping
from importlib import metadata

import msgspec
import psutil

from sfu._core import Core
from sfu.config import NodeConfig
from sfu.node import Node
from sfu.room.grants import Grant
from sfu.room.room import Room

MAX_PART_BYTES = 40 * 1024
"""Rooms of one `register` frame; signaling closes a connection that sends more than 64 KiB at once."""


class Card:
    """One run of a node, as signaling is told it."""

    def __init__(self, config: NodeConfig, core: Core, node: Node, *, instance: str, http_port: int) -> None:
        self._config = config
        self._core = core
        self._node = node
        self._instance = instance
        self._server = config.server(http_port)
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call only sets the start

    def registration(self) -> list[dict[str, object]]:
        """All that the node carries, in parts that fit signaling's frames; the last one completes it."""
        head: dict[str, object] = {
            "node": self._config.name,
            "instance": self._instance,
            "server": self._server,
            "workers": len(self._core.ports),
            "capacity": {"peers": self._config.max_peers},
            "version": _version(),
            "load": self.load(),
        }
        batches = _batched([_room(room, self._node) for room in self._node.rooms()], MAX_PART_BYTES)
        return [head | {"rooms": rooms, "more": number < len(batches)} for number, rooms in enumerate(batches, start=1)]

    def load(self) -> dict[str, object]:
        """What the node is doing, for placing rooms."""
        counters = self._core.counters()
        return {
            "peers": self._node.peers,
            "rooms": sum(1 for _ in self._node.rooms()),
            "cpu": round(self._process.cpu_percent() / 100, 3),  # cores in use
            "packets_in": counters.get("rtp_in", 0),
            "packets_out": counters.get("rtp_out", 0),
        }


def _batched(rooms: list[dict[str, object]], size: int) -> list[list[dict[str, object]]]:
    """The rooms in as few lists as fit `size` bytes of JSON each, in order; one list at least."""
    batches: list[list[dict[str, object]]] = [[]]
    filled = 0
    for room in rooms:
        length = len(msgspec.json.encode(room))
        if batches[-1] and filled + length > size:
            batches.append([])
            filled = 0
        batches[-1].append(room)
        filled += length
    return batches


def _room(room: Room, node: Node) -> dict[str, object]:
    return {
        "room": room.id,
        "record": dict(room.record),
        "grants": [_grant(grant) for grant in room.grants],
        "peers": [{"peer": peer.id, "user": peer.participant} for peer in node.joined_peers(room.id)],
    }


def _grant(grant: Grant) -> Mapping[str, object]:
    rights = {"publish": grant.rights.publish, "receive": grant.rights.receive}
    return {"user": grant.user, "serial": grant.serial, "digest": grant.digest, "rights": rights}


def _version() -> str:
    try:
        return metadata.version("tertulia")
    except metadata.PackageNotFoundError:
        return "unknown"  # a checkout that was not installed
