"""Who may enter a room: the digests of the tokens that signaling gave out.

signaling -> link -> **grants** <- control (a client's token)

The node never sees a token before its client shows it, and keeps SHA-256 digests only.  A token is looked up by its
digest, so how long that takes tells nothing of the tokens that there are.
"""

import hashlib
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
        self._digests: dict[str, Grant] = {}

    def __contains__(self, user: str) -> bool:
        return user in self._grants

    def __iter__(self) -> Iterator[Grant]:
        return iter(self._grants.values())

    def put(self, grant: Grant) -> None:
        """Admit `grant.user` with this token and no other."""
        if grant.user not in self._grants and len(self._grants) >= MAX_GRANTS:
            raise BadRequest(f"more than {MAX_GRANTS} grants in one room")
        self.forget(grant.user)
        self._grants[grant.user] = self._digests[grant.digest] = grant

    def forget(self, user: str) -> None:
        """The user's token opens nothing any more."""
        grant = self._grants.pop(user, None)
        if grant is not None:
            self._digests.pop(grant.digest, None)

    def admitted(self, token: str) -> Grant:
        """Whose token this is; NotAdmitted if it is nobody's."""
        found = self._digests.get(hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest())
        if found is None:
            raise NotAdmitted
        return found

    def rights(self, user: str) -> Rights:
        """What the user may do; nothing without a grant."""
        grant = self._grants.get(user)
        return grant.rights if grant else Rights(publish=False, receive=False)
