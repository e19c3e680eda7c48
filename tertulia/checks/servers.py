"""Signaling and nodes over HTTP: do they answer, do they know each other, do clocks and schemes agree."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from .finding import Finding, broken, ok, skipped, warning

ANSWER_S = 5.0
CLOCK_S = 2.0
"""`Date` has whole seconds; tokens and TURN credentials bear more."""
STORES = {"database": "database", "state": "Redis"}
"""What signaling may lack, in the words of the checks that look at it directly."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a server says of itself."""

    body: dict[str, Any]
    date: str


async def health(http: aiohttp.ClientSession, url: str, *statuses: int) -> Health | str:
    """What a server says of itself at `url` with one of `statuses`, or why it says nothing."""
    try:
        async with http.get(url, timeout=aiohttp.ClientTimeout(total=ANSWER_S)) as response:
            body = await response.json(content_type=None)
            if response.status not in statuses or not isinstance(body, dict):
                return f"answers {response.status}"
            return Health(body, response.headers.get("Date", ""))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return str(error) or type(error).__name__


async def signaling(http: aiohttp.ClientSession, url: str) -> list[Finding]:
    """Whether signaling answers, has what it needs for a call, and has our time."""
    found = await health(http, f"{url.rstrip('/')}/readyz", 200, 503)
    if isinstance(found, str):
        return [await _silent("signaling", url, found, "start `tertulia signaling`, or give its address by --url")]
    missing = found.body.get("missing")
    lacks = [name for name in missing if name in STORES] if isinstance(missing, list) else []
    return [_stores(url, lacks), _nodes(found.body, lacks), clock(found.date, time.time())]


def _stores(url: str, lacks: list[str]) -> Finding:
    if not lacks:
        return ok("signaling", f"{url} answers")
    names = " and ".join(STORES[name] for name in lacks)
    fix = f"see {names} below: signaling goes on by itself once it is back"
    return broken("signaling", f"{url} answers, but does not reach {names}, so requests are answered 503", fix)


def _nodes(body: dict[str, Any], lacks: list[str]) -> Finding:
    if "state" in lacks:
        return skipped("nodes", f"not known while {STORES['state']} is away")
    count = body.get("nodes", 0)
    if count:
        return ok("nodes", f"{count} registered")
    fix = "start `tertulia node --signaling URL` with the same node secret; the node's log says why it is refused"
    return broken("nodes", "none is registered, so every call is answered 503", fix)


def clock(date: str, now: float) -> Finding:
    """Whether the server's clock is ours."""
    try:
        offset = parsedate_to_datetime(date).timestamp() - now
    except ValueError:
        return warning("clock", "signaling does not say its time", "let its Date header through the proxy")
    if abs(offset) <= CLOCK_S:
        return ok("clock", "signaling and this machine agree")
    fix = "run chrony or systemd-timesyncd on both: tokens and TURN credentials carry times"
    return broken("clock", f"signaling is {offset:+.0f} s off this machine", fix)


async def node(http: aiohttp.ClientSession, url: str) -> Finding:
    """Whether a node answers and is registered."""
    found = await health(http, f"{url.rstrip('/')}/healthz", 200)
    subject = f"node {urlsplit(url).netloc}"
    if isinstance(found, str):
        return await _silent(subject, url, found, "start `tertulia node`, or give its address by --node")
    if found.body.get("signaling") == "connected":
        return ok(subject, f"answers and is registered, {found.body.get('peers', 0)} peers")
    return broken(subject, "answers, but is not registered", "compare its --signaling and secret; its log says why")


async def _silent(subject: str, url: str, why: str, fix: str) -> Finding:
    """Nobody answers, or somebody else does."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if await _is_taken(parts.hostname or "", port):
        return broken(
            subject, f"another program has port {port}: {why}", f"free port {port}, or choose another with --port"
        )
    return broken(subject, f"{url} does not answer: {why}", fix)


async def _is_taken(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), ANSWER_S)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def schemes(public_url: str, node_url: str | None) -> Finding:
    """Whether browsers may use these addresses: a page by https reaches nothing but wss."""
    page = urlsplit(public_url)
    is_local = page.hostname in ("localhost", "127.0.0.1", "::1")
    if page.scheme != "https" and not is_local:
        fix = "put a TLS proxy in front, and give its https:// address as --public-url"
        return broken("TLS", f"browsers give no camera to a page at {public_url}", fix)
    if page.scheme == "https" and node_url is not None and not node_url.startswith(("https:", "wss:")):
        fix = "give the node --public-url https://... (the TLS proxy in front of it)"
        return broken("TLS", f"a page by https may not reach the node at {node_url}", fix)
    return ok("TLS", "addresses fit together")


def resolved(host: str) -> str | None:
    """The first IPv4 address of a name; None if there is none."""
    try:
        return str(socket.getaddrinfo(host, None, socket.AF_INET)[0][4][0])
    except OSError:
        return None
