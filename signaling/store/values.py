"""What the rest of signaling sees of lasting state: frozen values, never rows."""

from __future__ import annotations

from dataclasses import dataclass

from ..qss.identifiers import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who can be called."""

    id: UserId
    name: str
    domain: str
    display_name: str
    receives_calls: bool
    """Whether he is rung at all: not disabled, and his own word, else his domain's, else yes."""
    receive_calls: bool | None = None
    """His own word; None: as his domain says."""
    admin: bool = False
    disabled: bool = False
    """Cannot sign in and is not rung."""
    created_ms: int = 0

    @property
    def username(self) -> str:
        """`name@domain`."""
        return f"{self.name}@{self.domain}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A tenant.  `receive_calls` is its users' default; None is enabled."""

    id: str
    name: str
    receive_calls: bool | None = None
    created_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Users who are called together."""

    id: str
    name: str
    domain: str
    display_name: str
    members: tuple[UserId, ...] = ()
    created_ms: int = 0


@dataclass(frozen=True, slots=True)
class Called:
    """Whom a reference means: one user, or the members of a group."""

    id: str
    users: tuple[User, ...]
    is_group: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in of a user: every token of it carries its id."""

    id: str
    user: UserId
    device_name: str
    created_ms: int
    seen_ms: int
    expires_ms: int
    revoked_ms: int | None
    serial: int
    """Number of the one refresh token that is good."""
