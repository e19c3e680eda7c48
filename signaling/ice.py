"""The ICE servers a device is given: STUN as configured, TURN with credentials that die by themselves.

TURN credentials follow coturn's REST scheme (draft-uberti-behave-turn-rest-00 §2.2): the username is the time of
expiry and the user, the password is its HMAC under a secret shared with the TURN server.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass

from .qss.frames import IceServer
from .qss.identifiers import UserId

TURN_TTL_S = 300  # long enough to connect; a leaked credential is soon worthless


@dataclass(frozen=True, slots=True)
class IceServers:
    """Makes the `ice` list of one user."""

    stun: tuple[str, ...] = ()
    turn: tuple[str, ...] = ()
    turn_secret: str = ""

    def for_user(self, user: UserId, now: float) -> tuple[IceServer, ...]:
        """The servers `user` may use; `now` in epoch seconds."""
        plain = tuple(IceServer(urls=url) for url in self.stun)
        if not self.turn:
            return plain
        username = f"{int(now) + TURN_TTL_S}:{user}"
        credential = base64.b64encode(hmac.digest(self.turn_secret.encode(), username.encode(), "sha1")).decode()
        return plain + tuple(IceServer(urls=url, username=username, credential=credential) for url in self.turn)
