"""Which of our layers somebody takes: what the node's `layers` events have said.

node_client (events) → **taken** → peer (senders), load/endpoint (engine)

A publisher sends what is taken, and begins with a keyframe when it is taken again.  What the node has said nothing of
is taken, and so is everything while it cannot be heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


def read_layers(data: object) -> dict[str, tuple[str, ...]]:
    """RIDs by m-line of a `layers` event's data, `{"<peer>:<mid>": [rid]}`; what has another shape is left out.

    The one layer of a track without simulcast has an empty RID.
    """
    if not isinstance(data, Mapping):
        return {}
    return {
        str(track).rpartition(":")[2]: tuple(rid for rid in rids if isinstance(rid, str))
        for track, rids in data.items()
        if isinstance(rids, list)
    }


class Publishing(Protocol):
    """One picture that we send, as one layer."""

    def take(self, *, taken: bool) -> None:
        """Whether somebody is shown it; once somebody is again, it goes on with a keyframe."""
