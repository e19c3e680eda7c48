"""Whether datagrams reach the media ports: ICE credentials for one check, to whoever knows the node secret.

`tertulia doctor` -> **probe** -> core (a peer that carries nothing, for a few seconds)

A media port answers nobody but those who know the credentials of a peer, so that strangers learn nothing; a probe is
such a peer.  What is asked and answered is what a browser's first packet is.
"""

import asyncio
import hmac

from aiohttp import web

from sfu._core import Core
from sfu.config import NodeConfig, secret_now
from sfu.session import new_credentials

PROBE_S = 5.0
"""How long the credentials are good."""
MAX_PROBES = 256
"""Ports under probe at once; more are answered 429."""


class ProbeFront:
    """`POST /probe`.  Owns its peers; `close` ends them."""

    def __init__(self, core: Core, config: NodeConfig) -> None:
        self._core = core
        self._config = config
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def attach(self, app: web.Application) -> None:
        """Serve on the application."""
        app.router.add_post("/probe", self._probe)

    async def close(self) -> None:
        """End all probes; again is harmless."""
        for peer in list(self._timers):
            self._end(peer)

    async def _probe(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(errors="replace"), secret_now(self._config).encode()):
            return web.json_response({"error": 401, "message": "the node secret opens this"}, status=401)
        room = MAX_PROBES - len(self._timers)
        if room < len(self._core.ports):
            return web.json_response({"error": 429, "message": "too many probes"}, status=429)
        ports = [self._open(worker, port) for worker, port in enumerate(self._core.ports)]
        return web.json_response({"addresses": self._config.addresses(), "ports": ports})

    def _open(self, worker: int, port: int) -> dict[str, object]:
        ice = new_credentials()
        peer = self._core.add_peer(worker, ice.ufrag, ice.password)
        self._timers[peer] = asyncio.get_running_loop().call_later(PROBE_S, self._end, peer)
        return {"port": port, "ufrag": ice.ufrag, "password": ice.password}

    def _end(self, peer: int) -> None:
        self._timers.pop(peer).cancel()
        self._core.remove_peer(peer)
