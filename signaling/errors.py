"""Everything that can go wrong in signaling, drawn as one tree.

SignalingError                the requester is told, with a code of QSS (docs/protocol.md)
├── Malformed            400  the frame breaks the format
├── NotSignedIn          401  no token, or one that is wrong or expired
├── NotLetIn             401  a connection is refused: its reason is told
├── NotInAcl             403  not admitted to the room
├── RoomLocked           403  nobody new is admitted to the room
├── NotAllowed           403  signed in, but without the right
├── NotFound             404
│   ├── UnknownRequest        no such request
│   ├── UnknownRoom           no such room
│   ├── UnknownInviteRequest  no open request to be invited that this could answer
│   └── NobodyReachable       unknown, offline or blocked: never said which
├── Already              409  joined or invited already
├── NodeTaken            409  another live node has this name
├── WrongMethod          405  the path knows other methods
├── WrongType            415  a body that is no JSON
├── TooFast              429  above the rate
├── RoomFull             486  no place in the room
├── ServerFault          500  our fault
├── SecretGone           500  the secret that a room's tokens are made with was taken away under it
├── NoNode               503  no node takes it, or the node did not answer
├── IssuerAway           503  the issuer's keys cannot be fetched
├── StateAway            503  the short-lived state cannot be reached
└── StoreAway            503  the database does not answer

ConfigError                   a setting is wrong: told at the start, on one line
StartError                    the machine refuses what the settings ask (a taken port)
StoreError                    lasting state refuses a change (a user that exists already)
"""

from __future__ import annotations

from typing import ClassVar


class SignalingError(Exception):
    """Something that the requester is told, with a stable code; texts may change."""

    code: ClassVar[int] = 500

    @property
    def message(self) -> str:
        """What is wrong, in words for a person."""
        return str(self)


class Malformed(SignalingError):
    """A frame breaks the format.  Carries what could be read of it, so that the answer can name it."""

    code = 400

    def __init__(self, message: str, *, name: str | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.request_id = request_id


class NotSignedIn(SignalingError):
    """No token, or one that is wrong or expired."""

    code = 401

    def __init__(self, message: str = "not signed in") -> None:
        super().__init__(message)


class NotLetIn(SignalingError):
    """A connection is refused.  Clients branch on the reason: `unauthorized`, `malformed`, `too_fast`, ..."""

    code = 401

    def __init__(self, reason: str, message: str | None = None) -> None:
        super().__init__(message or reason)
        self.reason = reason


class NotInAcl(SignalingError):
    """The user is not admitted to the room.  The text is the vendor's, kept literally."""

    code = 403

    def __init__(self) -> None:
        super().__init__("user not included into ACL")


class RoomLocked(SignalingError):
    """The room admits nobody new."""

    code = 403

    def __init__(self) -> None:
        super().__init__("room is locked")


class NotAllowed(SignalingError):
    """Whoever asks is known, and may not."""

    code = 403


class NotFound(SignalingError):
    """Whatever was named does not exist."""

    code = 404


class UnknownRequest(NotFound):
    """A request, answer or cancel whose name nobody serves."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown request {name[:64]!r}")


class UnknownRoom(NotFound):
    """No live room has this id."""

    def __init__(self, room: str) -> None:
        super().__init__(f"no room {room[:64]!r}")


class UnknownInviteRequest(NotFound):
    """Nobody waits to be invited in reply to this."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"no open inviteRequest {request_id[:64]!r}")


class NobodyReachable(NotFound):
    """Unknown, offline or blocked: one text for all, so that neither users nor blocking can be probed."""

    def __init__(self) -> None:
        super().__init__("nobody reachable")


class Already(SignalingError):
    """The user is in the room, or invited to it, already."""

    code = 409


class NodeTaken(SignalingError):
    """Another node with this name is connected."""

    code = 409

    def __init__(self, name: str) -> None:
        super().__init__(f"another node called {name!r} is connected; give each node its own --name")


class WrongMethod(SignalingError):
    """The path is served, but not with this method."""

    code = 405

    def __init__(self, method: str, path: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"{path} knows no {method}, but {', '.join(allowed)}")
        self.allowed = allowed


class WrongType(SignalingError):
    """The body is of a type that nobody reads here."""

    code = 415

    def __init__(self, given: str) -> None:
        super().__init__(f"the body must be application/json, not {given[:64]!r}")


class TooFast(SignalingError):
    """The device sends more than its rate, or has too much open at once."""

    code = 429

    def __init__(self, message: str = "too many requests", retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class IssuerAway(SignalingError):
    """The keys of the external issuer are not known, and cannot be fetched."""

    code = 503

    def __init__(self) -> None:
        super().__init__("the issuer's keys cannot be fetched; try again")


class RoomFull(SignalingError):
    """The ACL has reached the room's limit."""

    code = 486

    def __init__(self, limit: int) -> None:
        super().__init__(f"room is full ({limit} participants)")


class ServerFault(SignalingError):
    """Our fault; the log says more."""

    code = 500

    def __init__(self) -> None:
        super().__init__("internal error")


class NoNode(SignalingError):
    """No node takes the room, or the room's node did not answer in time."""

    code = 503

    def __init__(self, message: str = "no media server available") -> None:
        super().__init__(message)


class SecretGone(SignalingError):
    """The room's tokens are made with a secret that we no longer have."""

    code = 500

    def __init__(self) -> None:
        super().__init__("the secret of this room's tokens is gone")


class StateAway(SignalingError):
    """The short-lived state cannot be reached: nothing was done, or nobody can say whether it was."""

    code = 503

    def __init__(self) -> None:
        super().__init__("state is away; try again")


class StoreAway(SignalingError):
    """The database does not answer.  The requester is not told why; the log and the console are."""

    code = 503

    def __init__(self, reason: str) -> None:
        super().__init__("the database is away; try again")
        self.reason = reason


class ConfigError(ValueError):
    """A setting is wrong."""

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(f"{setting}: {problem}")
        self.setting = setting


class StartError(RuntimeError):
    """The machine refuses what the settings ask."""


class StoreError(RuntimeError):
    """Lasting state refuses a change."""
