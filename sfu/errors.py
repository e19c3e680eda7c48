"""What can go wrong in a node, as one tree.

NodeError
├── ConfigError        a setting is wrong: said in one line before anything starts
├── PortTaken          somebody else has our port
├── DtlsFailed         a peer's handshake did not end in keys
├── LinkRefused        signaling does not want this node
└── Refused            the client's fault; goes over the wire as {"error": code, "message"}
    ├── BadRequest       400   ├── MalformedSdp names the line
    ├── NotSignedIn      401
    ├── NotAdmitted      403
    ├── NotFound         404
    ├── AlreadyJoined    409
    ├── TooFast          429
    ├── RoomFull         486
    └── NodeFull         503
"""

from typing import ClassVar


class NodeError(Exception):
    """Root of everything this package raises on purpose."""


class ConfigError(NodeError, ValueError):
    """A setting that cannot be used."""

    def __init__(self, name: str, problem: str, *, got: object) -> None:
        super().__init__(f"{name} {problem} (got {got!r})")


class PortTaken(NodeError):
    """The node cannot listen where it was told to; the text names the address."""


class DtlsFailed(NodeError):
    """A DTLS handshake that ended without SRTP keys."""


class LinkRefused(NodeError):
    """Signaling refused this node: wrong secret or an unusable registration."""


class Refused(NodeError):
    """A client's request is not carried out.  Codes are stable, texts are for people."""

    code: ClassVar[int] = 400

    @property
    def wire(self) -> dict[str, object]:
        """As it is answered to the client."""
        return {"error": self.code, "message": str(self)}


class BadRequest(Refused):
    """A frame or an offer that breaks its format."""

    code = 400


class MalformedSdp(BadRequest):
    """An offer that breaks SDP (RFC 8866) or WebRTC's use of it (RFC 8829)."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"sdp line {line}: {problem}")
        self.line = line


class NotSignedIn(Refused):
    """No token at all."""

    code = 401


class NotAdmitted(Refused):
    """Wrong or revoked token, unknown room: one answer, so that rooms cannot be probed."""

    code = 403

    def __init__(self) -> None:
        super().__init__("user not included into ACL")


class NotFound(Refused):
    """No such peer, or a request we do not know."""

    code = 404


class AlreadyJoined(Refused):
    """This connection has a peer already."""

    code = 409


class TooFast(Refused):
    """More requests than one client may send."""

    code = 429

    def __init__(self) -> None:
        super().__init__("too many requests")


class RoomFull(Refused):
    """The room's participants limit is reached."""

    code = 486

    def __init__(self, limit: int) -> None:
        super().__init__(f"the room is full ({limit} participants)")


class NodeFull(Refused):
    """The node carries as many peers as it may."""

    code = 503

    def __init__(self, limit: int) -> None:
        super().__init__(f"the node is full ({limit} peers)")
