"""Serves the table of operations: checks a request against its row, calls the handler, writes the answer.

aiohttp -> **dispatch** (rate, token, type and size, query, body) -> a resource's handler

What is cheap to refuse is refused first; nothing is parsed for somebody who is not let in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from ..addresses import AddressOf
from ..errors import (
    Already,
    ConfigError,
    Malformed,
    NotAllowed,
    NotFound,
    NotSignedIn,
    SignalingError,
    StoreError,
    WrongMethod,
    WrongType,
)
from ..identities import Identities, SignedIn
from ..limits import network_of
from ..metrics import Metrics
from .operations import Auth, Call, Operation, Operations
from .throttle import Pace
from .wire import Wire

T = TypeVar("T")


class Dispatcher:
    """The routes of a table of operations."""

    def __init__(self, *, identities: Identities, metrics: Metrics, pace: Pace, address_of: AddressOf) -> None:
        # Given to us.
        self._identities = identities
        self._metrics = metrics
        self._pace = pace
        self._address_of = address_of

    def routes(self, operations: Operations) -> list[web.AbstractRouteDef]:
        """A route for each operation, and one for whatever else is asked below `/sapi`."""
        served = [web.route(o.method, o.path, partial(self._timed, o), name=o.id) for o in operations]
        return [*served, web.route("*", "/sapi/{path:.*}", _unknown(operations))]

    async def _timed(self, operation: Operation[Any, Any], request: web.Request) -> web.Response:
        began, status = time.perf_counter(), int(HTTPStatus.INTERNAL_SERVER_ERROR)
        try:
            answer = await self._answered(operation, request)
            status = answer.status
        except SignalingError as error:
            status = error.code
            raise
        except web.HTTPException as error:
            status = error.status
            raise
        else:
            return answer
        finally:
            self._metrics.request_took(operation.id, status, time.perf_counter() - began)

    async def _answered(self, operation: Operation[Any, Any], request: web.Request) -> web.Response:
        address = network_of(self._address_of(request))
        self._pace.take(address, time.monotonic())
        call: Call[Any, Any] = Call(
            signed_in=await self._signed_in(operation, request),
            path=_path_of(request),
            query=_query_of(request, operation.query),
            body=await _body_of(request, operation.body),
            address=address,
            now_ms=time.time_ns() // 1_000_000,
        )
        try:
            return _response(operation.status, await operation.serve(call))
        except StoreError as error:
            raise Already(str(error)) from None
        except ConfigError as error:
            raise Malformed(str(error)) from None

    async def _signed_in(self, operation: Operation[Any, Any], request: web.Request) -> SignedIn | None:
        if operation.auth is Auth.NOBODY:
            return None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise NotSignedIn
        signed_in = await self._identities.check(token.strip())
        if operation.auth is Auth.ADMIN and not signed_in.user.admin:
            raise NotAllowed("only administrators may")
        return signed_in


def _path_of(request: web.Request) -> Mapping[str, str]:
    for value in request.match_info.values():
        if not value.isprintable() or len(value) > 254:
            raise NotFound("nothing has such a name")
    return request.match_info


def _query_of(request: web.Request, kind: type[T] | None) -> T | None:
    if kind is None:
        return None
    if repeated := {name for name in request.query if len(request.query.getall(name)) > 1}:
        raise Malformed(f"{min(repeated)[:64]!r} is given more than once")
    return _checked(lambda: msgspec.convert(dict(request.query), kind, strict=False))


async def _body_of(request: web.Request, kind: type[T] | None) -> T | None:
    if kind is None:
        return None
    if (given := request.content_type) != "application/json" and not given.endswith("+json"):
        raise WrongType(given)
    text = await request.read()
    return _checked(lambda: msgspec.json.decode(text, type=kind))


def _checked(read: Callable[[], T]) -> T:
    try:
        return read()
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Malformed(str(error)) from None


def _response(status: int, answer: Wire | None) -> web.Response:
    headers = {"Cache-Control": "no-store"}  # tokens and who is called by whom
    if answer is None:
        return web.Response(status=status, headers=headers)
    return web.Response(
        status=status, body=msgspec.json.encode(answer), content_type="application/json", headers=headers
    )  # fmt: skip


def _unknown(operations: Operations) -> Callable[[web.Request], Any]:
    table = web.UrlDispatcher()
    for operation in operations:
        table.add_route(operation.method, operation.path, _nothing)

    async def unknown(request: web.Request) -> web.Response:
        allowed = (await table.resolve(request)).http_exception
        if isinstance(allowed, web.HTTPMethodNotAllowed):
            raise WrongMethod(request.method, request.path, tuple(sorted(allowed.allowed_methods)))
        raise NotFound(f"nothing at {request.path}")

    return unknown


async def _nothing(_request: web.Request) -> web.Response:
    return web.Response()
