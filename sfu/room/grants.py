"""Who may enter a room: the digests of the tokens that signaling gave out.

signaling -> link -> **grants** <- control (a client's token)

The node never sees a token before its client shows it; it keeps SHA-256 digests only and compares them in constant
time.
"""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from sfu.errors import BadRequest, NotAdmitted

MAX_GRANTS = 2_000
"""Users of one room."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a user may do in a room."""

    publish: bool = True
    receive: bool = True


@dataclass(frozen=True, slots=True)
class Grant:
    """One user's admission to one room."""

    user: str
    serial: int | str
    digest: str
    """SHA-256 of the token's text, 64 lower-case hex digits."""
    rights: Rights


class Grants:
    """The admissions of one room, one a user; a newer one replaces the older."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}

    def __iter__(self) -> Iterator[Grant]:
        return iter(self._grants.values())

    def put(self, grant: Grant) -> None:
        """Admit `grant.user` with this token and no other."""
        if grant.user not in self._grants and len(self._grants) >= MAX_GRANTS:
            raise BadRequest(f"more than {MAX_GRANTS} grants in one room")
        self._grants[grant.user] = grant

    def forget(self, user: str) -> None:
        """The user's token opens nothing any more."""
        self._grants.pop(user, None)

    def admitted(self, token: str) -> Grant:
        """Whose token this is; every digest is compared, so time tells nothing."""
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
        found = None
        for grant in self._grants.values():
            if hmac.compare_digest(grant.digest, digest):
                found = grant
        if found is None:
            raise NotAdmitted
        return found

    def rights(self, user: str) -> Rights:
        """What the user may do; nothing without a grant."""
        grant = self._grants.get(user)
        return grant.rights if grant else Rights(publish=False, receive=False)
