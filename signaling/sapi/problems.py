"""Errors as problem+json (RFC 9457), for everything below `/sapi`."""

from __future__ import annotations

import http
import json
from typing import TypeVar

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from common.log import FieldLog

from ..errors import Malformed, SignalingError

T = TypeVar("T")

log = FieldLog(__name__)


def problem(status: int, detail: str) -> web.Response:
    """One problem."""
    body = {"type": "about:blank", "title": http.HTTPStatus(status).phrase, "status": status, "detail": detail}
    headers = {"WWW-Authenticate": "Bearer"} if status == http.HTTPStatus.UNAUTHORIZED else {}
    return web.Response(
        text=json.dumps(body), status=status, content_type="application/problem+json", headers=headers
    )  # fmt: skip


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what a handler of `/sapi` raises into a problem."""
    if not request.path.startswith("/sapi"):
        return await handler(request)
    try:
        return await handler(request)
    except SignalingError as error:
        return problem(error.code, error.message)
    except web.HTTPException as error:
        return problem(error.status, error.text or error.reason)
    except Exception:
        log.fault("sapi_failed", path=request.path)
        return problem(500, "internal error")


async def body_of(request: web.Request, kind: type[T]) -> T:
    """The typed JSON body of a request; raises Malformed."""
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from None
