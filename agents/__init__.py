"""Headless participants: they sign in, call or answer, play a clip, and measure what they get.

agent → qss_client (signaling) and node_client (media negotiation) → aiortc → play, seats → verify, record

`docs/agents.md` shows a program of ten lines.  The names below are loaded on first use, because aiortc and its
codecs take half a second that `tertulia --help` should not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.agent import Agent, Call, Invitation, Participant
    from agents.errors import AgentError

__all__ = ["Agent", "AgentError", "Call", "Invitation", "Participant"]

_HOME = {"AgentError": "agents.errors"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the module protocol's own signature
    if name not in __all__:
        raise AttributeError(f"module 'agents' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME.get(name, "agents.agent")), name)
