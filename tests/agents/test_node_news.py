"""What a node tells that an agent has no use for does it no harm: it publishes one encoding, and draws no seats."""

from __future__ import annotations

from typing import Any

import pytest

from agents.call import Call, Place

NOWHERE = Place(room="room", token="token", node="ws://127.0.0.1:9/sfu1/socket.io", ice=())
NEWS: tuple[tuple[str, Any], ...] = (
    ("layers", {"p1:1": ["l"]}),
    ("layers", {"p1:1": []}),
    ("stats", {"rttMs": 20, "estimateKbps": 900, "seats": {"0": {"video": {"layer": "l", "paused": True}}}}),
    ("quality", {"bob": "poor"}),
    ("seats", {"0": {"participant": "b", "peer": "p2", "source": "camera", "track": {}, "paused": True}}),
    ("something-of-a-later-node", None),
)


@pytest.mark.parametrize(("name", "data"), NEWS, ids=[name for name, _ in NEWS])
async def test_news_that_an_agent_has_no_use_for_does_not_disturb_it(name: str, data: object) -> None:
    qss: Any = None  # signaling is not asked for anything
    call = Call(qss, NOWHERE)
    try:
        call._node.link_event(name, data)
        assert call.end_reason is None
    finally:
        await call._close()
