"""Why a connection of a device is ended, and whether the device is meant to come back.

devices, state -> **endings** -> sockets, websocket
"""

from __future__ import annotations

from enum import Enum


class Ending(Enum):
    """The reason (also the text of the close), the WebSocket close code, and whether it is for good.

    After an ending for good Socket.IO clients do not come back by themselves.
    """

    REPLACED = ("the same device has connected again", 4409, True)
    SESSION_OVER = ("the session is over", 4401, True)
    DOES_NOT_READ = ("too many frames are unread", 1013, False)
    STOPPING = ("this process stops; connect again", 1001, False)

    def __init__(self, reason: str, code: int, for_good: bool) -> None:
        self.reason = reason
        self.code = code
        self.for_good = for_good
