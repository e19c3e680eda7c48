"""Who may do what: rules about the asking user and the domain of what he asks about.  No I/O.

Everybody sees his own domain.  An administrator acts in his own domain; one of the default domain acts in all of them.
What is in a domain that one does not see does not exist for one: it is 404, never 403.
"""

from __future__ import annotations

from msgspec import UnsetType

from ..config import DEFAULT_DOMAIN
from ..errors import NotAllowed, NotFound
from ..store import User


def acts_on(asker: User, domain: str) -> bool:
    """Whether `asker` is an administrator of this domain."""
    return asker.admin and asker.domain in (domain, DEFAULT_DOMAIN)


def acts_everywhere(asker: User) -> bool:
    """Whether `asker` is an administrator of all domains."""
    return acts_on(asker, DEFAULT_DOMAIN)


def sees(asker: User, domain: str) -> bool:
    """Whether `asker` may know what is in this domain."""
    return asker.domain == domain or acts_on(asker, domain)


def need_admin(asker: User, domain: str) -> None:
    """Raise NotAllowed unless `asker` is an administrator of this domain."""
    if not acts_on(asker, domain):
        raise NotAllowed("only administrators of the domain may")


def need_self_or_admin(asker: User, user: User) -> None:
    """Raise NotAllowed unless it is about oneself, or `asker` is an administrator of the user's domain."""
    if asker.id != user.id:
        need_admin(asker, user.domain)


def need_operator(asker: User) -> None:
    """Raise NotAllowed unless `asker` is an administrator of all domains."""
    if not acts_everywhere(asker):
        raise NotAllowed(f"only administrators of the domain {DEFAULT_DOMAIN!r} may")


def domain_seen(asker: User, named: str | UnsetType) -> str:
    """The domain that is named, else one's own; raises NotFound if `asker` may not know of it."""
    domain = asker.domain if isinstance(named, UnsetType) else named
    if not sees(asker, domain):
        raise NotFound("no such domain")
    return domain


def domain_acted_on(asker: User, named: str | UnsetType) -> str:
    """The domain that is named, else one's own; raises NotFound unless `asker` is an administrator of it."""
    domain = asker.domain if isinstance(named, UnsetType) else named
    if not acts_on(asker, domain):
        raise NotFound("no such domain")
    return domain
