"""What rings at the devices of this process: so that it can be ended where the state has lost the invitation.

inbox -> **rings** -> caretaker
"""

from __future__ import annotations

from collections import OrderedDict

from .qss import frames
from .qss.frames import CancelInvitation, Ringing, Sent
from .qss.identifiers import DeviceRef, RequestId

REMEMBERED = 20_000  # rings; the oldest are forgotten, and by then long over


class Rings:
    """Every ring that was sent and not cancelled; one that was answered stays until it is asked about or forgotten."""

    def __init__(self) -> None:
        self._rings: OrderedDict[tuple[RequestId, DeviceRef], str] = OrderedDict()

    def sent(self, device: DeviceRef, frame: Sent) -> None:
        """Note a frame that a device gets, if it begins or ends a ring."""
        plain = frames.wire(frame) if isinstance(frame, Ringing | CancelInvitation) else frame
        if not isinstance(plain, dict):
            return
        if plain.get("request") == "invitation":
            self._note((RequestId(plain["requestID"]), device), plain["from"])
        elif plain.get("cancel") == "invitation":
            self._rings.pop((RequestId(plain["requestID"]), device), None)

    def all(self) -> tuple[tuple[DeviceRef, CancelInvitation], ...]:
        """Every ring's device, and the frame that ends it."""
        return tuple(
            (device, CancelInvitation(error=408, request_id=ring_id, to=device.user, from_=inviter))
            for (ring_id, device), inviter in self._rings.items()
        )

    def _note(self, ring: tuple[RequestId, DeviceRef], inviter: str) -> None:
        self._rings[ring] = inviter
        self._rings.move_to_end(ring)
        if len(self._rings) > REMEMBERED:
            self._rings.popitem(last=False)
