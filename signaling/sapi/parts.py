"""What the resources of SAPI are made of: the parts of the process that they ask, and the two things all of them do.

app -> **parts** -> resources
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from common.log import FieldLog

from ..config import SignalingConfig
from ..errors import NotFound
from ..metrics import Metrics
from ..nodes.book import Node
from ..qss.identifiers import UserId
from ..state import State
from ..store import Domain, Group, Store, User
from ..tokens import AccessTokens
from .operations import Call
from .rights import sees

log = FieldLog(__name__)

EndSessions = Callable[[UserId, str | None, str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Given to us; closed by whoever made them."""

    config: SignalingConfig
    store: Store
    state: State
    access: AccessTokens
    metrics: Metrics
    nodes: Callable[[], Awaitable[tuple[Node, ...]]]
    is_stopping: Callable[[], bool]
    """Whether this process takes no new connections any more."""
    end_sessions: EndSessions
    """Disconnect the devices of a user's session, or of all his sessions, at every process."""

    async def user(self, reference: str, asker: User) -> User:
        """The user whom a path names, if `asker` may know of him; raises NotFound."""
        found = await self.store.users.resolve(reference, asker.domain)
        if found is None or not sees(asker, found.domain):
            raise NotFound("no such user")
        return found

    async def group(self, reference: str, asker: User) -> Group:
        """The group that a path names; raises NotFound."""
        groups = self.store.groups
        found = await groups.by_id(reference) or await groups.by_name(reference, asker.domain)
        if found is None or not sees(asker, found.domain):
            raise NotFound("no such group")
        return found

    async def domain(self, reference: str, asker: User) -> Domain:
        """The domain that a path names; raises NotFound."""
        domains = self.store.domains
        found = await domains.by_id(reference) or await domains.by_name(reference)
        if found is None or not sees(asker, found.name):
            raise NotFound("no such domain")
        return found

    async def note(self, call: Call[Any, Any], action: str, target: str, domain: str, **detail: object) -> None:
        """Keep in the audit log what somebody did."""
        actor = call.signed_in.user.id if call.signed_in else ""
        log.info("audit", action=action, actor=actor, target=target, address=call.address)
        await self.store.audit.add(
            at_ms=call.now_ms,
            actor=actor,
            action=action,
            target=target,
            detail=detail,
            address=call.address,
            domain=domain,
        )

    async def sign_out(self, user: User, reason: str, *, but: str | None = None) -> None:
        """End the sessions of a user, all or all but one, and disconnect their devices."""
        for session in await self.store.sessions.revoke_all(user.id, but=but):
            await self.end_sessions(user.id, session, reason)
