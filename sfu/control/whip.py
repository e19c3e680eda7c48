"""Publishing and watching with plain HTTP: WHIP (RFC 9725) at `/whip/{room}`, WHEP at `/whep/{room}`.

client -> **whip** -> node

The room token is the bearer.  POST an offer, get 201 with the answer and the session's own address, which takes DELETE
and PATCH.  These peers have no control connection: they live until they are deleted or fall silent.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from sfu.config import NodeConfig
from sfu.errors import BadRequest, NotAdmitted, NotSignedIn, Refused
from sfu.hosted import Admission
from sfu.node import Node
from sfu.sdp.lines import MAX_SDP_BYTES

SDP_TYPE = "application/sdp"
FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"
MAX_FRAGMENT_BYTES = 16 * 1024

CORS_HEADERS = {
    "Access-Control-Allow-Methods": "POST, DELETE, PATCH, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Expose-Headers": "Location, ETag, Link",
    "Access-Control-Max-Age": "600",
}

Handler = Callable[[web.Request], Awaitable[web.Response]]


class WhipFront:
    """The WHIP and WHEP endpoints.  Owns nothing."""

    def __init__(self, node: Node, config: NodeConfig) -> None:
        self._node = node
        self._origins = config.cors_origins

    def attach(self, app: web.Application) -> None:
        """Serve on the application."""
        for kind in ("whip", "whep"):
            app.router.add_post(f"/{kind}/{{room}}", self._guarded(self._publish))
            app.router.add_delete(f"/{kind}/{{room}}/{{peer}}", self._guarded(self._delete))
            app.router.add_patch(f"/{kind}/{{room}}/{{peer}}", self._guarded(self._trickle))
            app.router.add_options(f"/{kind}/{{room}}", self._guarded(_preflight))
            app.router.add_options(f"/{kind}/{{room}}/{{peer}}", self._guarded(_preflight))

    async def _publish(self, request: web.Request) -> web.Response:
        admission = self._admit(request)
        _check_type(request, SDP_TYPE)
        offer = await _body(request, MAX_SDP_BYTES)
        session, answer = self._node.join(admission, offer, None)
        location = f"{request.path.rstrip('/')}/{session.id}"
        headers = {"Location": location, "ETag": f'"{session.id}"'}
        return web.Response(status=201, text=str(answer["sdp"]), content_type=SDP_TYPE, headers=headers)

    async def _delete(self, request: web.Request) -> web.Response:
        session = self._node.find(self._admit(request), request.match_info["peer"])
        session.close("left")
        return web.Response(status=200)

    async def _trickle(self, request: web.Request) -> web.Response:
        """The client's candidates; an ICE-lite node has no use for them (RFC 9725 §4.3.2)."""
        self._node.find(self._admit(request), request.match_info["peer"])
        _check_type(request, FRAGMENT_TYPE)
        await _body(request, MAX_FRAGMENT_BYTES)
        return web.Response(status=204)

    def _admit(self, request: web.Request) -> Admission:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise NotSignedIn("give the room token as bearer token")
        return self._node.admit(request.match_info["room"], token.strip())

    def _guarded(self, handler: Handler) -> Handler:
        """The same handler with refusals as JSON, and with the headers a page on another origin needs."""

        async def guarded(request: web.Request) -> web.Response:
            try:
                response = await handler(request)
            except Refused as refusal:
                response = _refusal(refusal)
            origin = self._allowed_origin(request)
            if origin:
                response.headers.update({"Access-Control-Allow-Origin": origin, "Vary": "Origin", **CORS_HEADERS})
            return response

        return guarded

    def _allowed_origin(self, request: web.Request) -> str | None:
        if self._origins == "*":
            return "*"
        origin = request.headers.get("Origin")
        return origin if origin is not None and origin in self._origins else None


async def _preflight(_request: web.Request) -> web.Response:
    return web.Response(status=204, headers={"Accept-Post": SDP_TYPE})


def _refusal(refusal: Refused) -> web.Response:
    status = 503 if refusal.code == 486 else refusal.code  # 486 is SIP's; HTTP has no such code
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(refusal, NotSignedIn | NotAdmitted) else {}
    return web.json_response(refusal.wire, status=status, headers=headers)


def _check_type(request: web.Request, wanted: str) -> None:
    if request.content_type != wanted:
        raise web.HTTPUnsupportedMediaType(text=f"Content-Type has to be {wanted}\n")


async def _body(request: web.Request, limit: int) -> str:
    """The body as text, refusing a longer one without reading it all."""
    data = bytearray()
    async for chunk in request.content.iter_any():
        data += chunk
        if len(data) > limit:
            raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=len(data))
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise BadRequest("the body is not UTF-8") from None
