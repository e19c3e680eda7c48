"""Errors as problem+json (RFC 9457), for everything below `/sapi`."""

from __future__ import annotations

import http
import math

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from common.log import FieldLog

from ..errors import SignalingError, TooFast, WrongMethod
from .wire import Problem

MEDIA_TYPE = "application/problem+json"

log = FieldLog(__name__)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    """One problem."""
    body = Problem(title=http.HTTPStatus(status).phrase, status=status, detail=detail)
    return web.Response(body=msgspec.json.encode(body), status=status, content_type=MEDIA_TYPE, headers=headers)


def problem_of(error: SignalingError) -> web.Response:
    """The problem that an error of ours is."""
    status = error.code if error.code in set(http.HTTPStatus) else http.HTTPStatus.CONFLICT
    return problem(status, error.message, _headers(error))


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what a handler of `/sapi` raises into a problem."""
    if not request.path.startswith("/sapi"):
        return await handler(request)
    try:
        return await handler(request)
    except SignalingError as error:
        return problem_of(error)
    except web.HTTPException as error:
        return problem(error.status, error.text or error.reason)
    except Exception:
        log.fault("sapi_failed", path=request.path)
        return problem(500, "internal error")


def _headers(error: SignalingError) -> dict[str, str]:
    match error:
        case TooFast():
            return {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
        case WrongMethod():
            return {"Allow": ", ".join(error.allowed)}
        case SignalingError(code=401):
            return {"WWW-Authenticate": "Bearer"}
        case _:
            return {}
