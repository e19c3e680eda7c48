"""The protocol document and the code say the same names and codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from signaling.errors import SignalingError
from signaling.nodes.contract import PeerEvent, RatedRoom, Register, StayQuality
from signaling.qss.frames import RingPayload, RoomReply
from signaling.qss.parse import ANSWERS, CANCELS, REQUESTS, WAC

DOCUMENT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted({*REQUESTS, *ANSWERS, *CANCELS, *WAC}))
def test_every_frame_that_is_served_is_described(name: str) -> None:
    assert f"`{name}`" in DOCUMENT or f'"{name}"' in DOCUMENT


@pytest.mark.parametrize("code", sorted({kind.code for kind in SignalingError.__subclasses__()} | {408, 487, 603}))
def test_every_code_is_described(code: int) -> None:
    assert f"{code} " in DOCUMENT


@pytest.mark.parametrize("frame", [RoomReply, RingPayload, Register, PeerEvent, StayQuality, RatedRoom])
def test_every_field_is_described(
    frame: type[RoomReply | RingPayload | Register | PeerEvent | StayQuality | RatedRoom],
) -> None:
    for field in frame.__struct_encode_fields__:
        assert field in DOCUMENT
