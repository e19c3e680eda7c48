"""All that a process needs to deal with nodes, made and put together.

app -> **parts** -> link, reports, absences, rescue, nodes, connections
"""

from __future__ import annotations

from ..config import SignalingConfig
from ..gateway.sockets import Sockets
from ..keeper import Keeper
from ..state import State
from ..tokens import RoomTokens
from .absences import Absences
from .connections import Connections
from .link import NodeLink
from .nodes import Nodes
from .reports import Reports
from .rescue import Rescue


class NodeParts:
    """`link` is to be served at `/nodes`; `absences` and `rescue` want to be closed."""

    def __init__(
        self, *, config: SignalingConfig, tokens: RoomTokens, state: State, keeper: Keeper, sockets: Sockets
    ) -> None:
        self.connections = Connections(sockets, state.nodes)
        self.nodes = Nodes(config=config, tokens=tokens, state=state, connections=self.connections)
        self.rescue = Rescue(config=config, directory=state.nodes, keeper=keeper, nodes=self.nodes)
        self.absences = Absences(
            config=config, state=state, keeper=keeper, connections=self.connections, rescue=self.rescue
        )
        reports = Reports(
            config=config,
            tokens=tokens,
            directory=state.nodes,
            keeper=keeper,
            connections=self.connections,
            absences=self.absences,
            rescue=self.rescue,
        )
        self.link = NodeLink(
            config=config, sockets=sockets, connections=self.connections, absences=self.absences, reports=reports
        )  # fmt: skip
