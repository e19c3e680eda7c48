"""One node process: its HTTP port, its core, its link to signaling; how they start and how they stop.

cli -> **app** -> control, node, link, core
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine, Iterator

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_LATEST

from common.log import FieldLog
from sfu._core import Core
from sfu.config import NodeConfig
from sfu.control.probe import ProbeFront
from sfu.control.socketio import SocketIoFront
from sfu.control.websocket import WebSocketFront
from sfu.control.whip import WhipFront
from sfu.dtls import NodeCertificate
from sfu.errors import PortTaken
from sfu.link import SignalingLink
from sfu.metrics import NodeMetrics
from sfu.node import Node
from sfu.watch import Watch
from sfu.yielding import yield_to_core

FLUSH_S = 2.0
"""At the end signaling is told for at most so long who has left."""

CANCEL_AGAIN_S = 0.2

log = FieldLog(__name__)


class NodeProcess:
    """Everything of one node.  `start`, then `stop`; a failed start leaves nothing open."""

    def __init__(self, config: NodeConfig) -> None:
        self._config = config
        self._closers = contextlib.AsyncExitStack()
        self.http_port = 0
        """The HTTP port in fact taken."""
        self.udp_ports: list[int] = []
        """The media ports in fact taken."""

    async def start(self) -> None:
        """Take the ports, then begin to serve; PortTaken names the one that somebody else has."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End in the opposite order: clients, peers, the link, the ports; again is harmless."""
        await self._closers.aclose()

    @property
    def node(self) -> Node:
        """The running node."""
        return self._node

    @property
    def core(self) -> Core:
        """The running core."""
        return self._core

    @property
    def link(self) -> SignalingLink:
        """The link to signaling."""
        return self._link

    async def _start(self) -> None:
        """What is pushed last ends first: peers are told goodbye before their connections are closed."""
        config, closers = self._config, self._closers
        self._core = _open_core(config)
        closers.callback(self._core.close)
        self.udp_ports = self._core.ports
        self._metrics = NodeMetrics(self._core)
        self._link = SignalingLink(config, self._core)
        self._node = Node(config, self._core, self._link, NodeCertificate.generateCertificate())
        closers.push_async_callback(self._node.close)
        fronts = await self._serve_http()
        self._background(self._link.serve(self._node, self.http_port))
        closers.push_async_callback(self._link.flush, FLUSH_S)
        for front in fronts:
            closers.push_async_callback(front.close)
        closers.push_async_callback(self._node.close)
        self._background(Watch(config, self._core, self._node, self._metrics).run())
        log.info("node_started", name=config.name, http=self.http_port, udp=self.udp_ports)

    async def _serve_http(self) -> list[SocketIoFront | WebSocketFront]:
        app = web.Application(client_max_size=self._config.max_frame_bytes, middlewares=[_contain])
        fronts: list[SocketIoFront | WebSocketFront] = [
            SocketIoFront(self._node, self._config),
            WebSocketFront(self._node, self._config),
        ]
        for front in fronts:
            front.attach(app)
        WhipFront(self._node, self._config).attach(app)
        probe = ProbeFront(self._core, self._config)
        probe.attach(app)
        self._closers.push_async_callback(probe.close)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._tell_metrics)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        self._closers.push_async_callback(runner.cleanup)
        self.http_port = await _listen(runner, self._config)
        return fronts

    async def _healthz(self, _request: web.Request) -> web.Response:
        """Alive, and whether signaling knows us; media goes on without it."""
        signaling = "connected" if self._link.registered.is_set() else "unreachable"
        return web.json_response({"status": "ok", "signaling": signaling, "peers": self._node.peers})

    async def _tell_metrics(self, _request: web.Request) -> web.Response:
        """Numbers for Prometheus."""
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._closers.push_async_callback(_cancel, task)


async def run(config: NodeConfig, ready: Callable[[NodeProcess], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called once the ports are taken."""
    process = NodeProcess(config)
    stop = asyncio.Event()
    with _signals(stop):
        await process.start()
        yield_to_core()
        try:
            ready(process)
            await stop.wait()
        finally:
            await process.stop()


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@web.middleware
async def _contain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A frame that a carrier's parser cannot read ends its connection, with one line instead of a traceback."""
    try:
        return await handler(request)
    except (ValueError, TypeError, LookupError) as error:
        log.info("connection_broken", path=request.path, error=repr(error))
        if request.transport is not None:
            request.transport.close()
        return web.Response(status=400, text="malformed request\n")


async def _cancel(task: asyncio.Task[None]) -> None:
    """End a task, asked again until it has ended: Python 3.11's `wait_for` swallows a cancellation now and then."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_AGAIN_S)


def _open_core(config: NodeConfig) -> Core:
    try:
        return Core(host=config.udp_host, udp_port=config.udp_port, workers=config.workers)
    except OSError as error:
        raise PortTaken(error.strerror or str(error)) from error  # the core names the address


async def _listen(runner: web.AppRunner, config: NodeConfig) -> int:
    """The port taken."""
    site = web.TCPSite(runner, config.host, config.port)
    try:
        await site.start()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise PortTaken(f"cannot listen on TCP {config.host}:{config.port}: {reason.lower()}") from error
    port: int = runner.addresses[0][1]
    return port
