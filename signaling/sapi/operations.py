"""What an operation of SAPI is: one row of the table that routes, checks and the OpenAPI document are made of.

resources (a row and its handler) -> **operations** -> dispatch (serves it), openapi (describes it)
"""

from __future__ import annotations

import enum
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..errors import NotSignedIn
from ..identities import SignedIn
from ..store import User
from .wire import Wire

B = TypeVar("B")
Q = TypeVar("Q")


class Auth(enum.Enum):
    """Who may call."""

    NOBODY = "nobody"  # needs to be signed in
    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[B, Q]):
    """One request, checked: what its handler is given."""

    body: B
    query: Q
    path: Mapping[str, str]
    address: str
    now_ms: int
    signed_in: SignedIn | None

    @property
    def user(self) -> User:
        """Who asks; raises NotSignedIn."""
        return self.known.user

    @property
    def known(self) -> SignedIn:
        """Who asks, and in which session; raises NotSignedIn."""
        if self.signed_in is None:
            raise NotSignedIn
        return self.signed_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[B, Q]):
    """One method of one path."""

    method: str
    path: str
    id: str
    summary: str
    serve: Callable[[Call[B, Q]], Awaitable[Wire | None]]
    auth: Auth = Auth.USER
    body: type[B] | None = None
    query: type[Q] | None = None
    answer: type[Wire] | None = None
    """None: it answers without a body."""
    status: int = 200
    problems: tuple[int, ...] = ()
    """Beside those that follow from the other fields."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def all_problems(self) -> tuple[int, ...]:
        """Every error it may answer with."""
        found = {429, 500, 503, *self.problems}
        if self.auth is not Auth.NOBODY:
            found.add(401)
        if self.auth is Auth.ADMIN:
            found.add(403)
        if self.body is not None:
            found |= {400, 413, 415}
        if self.query is not None:
            found.add(400)
        if self.parameters:
            found.add(404)
        return tuple(sorted(found))


Operations = tuple[Operation[Any, Any], ...]
