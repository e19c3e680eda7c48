"""One signaling process: makes the parts, binds the port, and ends everything in the reverse order.

**app** -> sockets, gateway, nodes, sapi, page -> requests -> keeper -> rules ; state, store

Who closes whom: App owns every part below; each owns its own timers and tasks.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from contextlib import AsyncExitStack
from types import TracebackType

from aiohttp import web

from common.log import FieldLog

from .addresses import address_behind
from .caretaker import Caretaker
from .config import SignalingConfig, make_data_directory
from .dispatch import Dispatch
from .errors import StartError
from .gateway.devices import DeviceConnections
from .gateway.door import Door
from .gateway.drain import Drain
from .gateway.origins import own_or_named
from .gateway.socketio import NAMESPACE as DEVICES
from .gateway.socketio import SocketIoDevices
from .gateway.sockets import Sockets
from .gateway.websocket import WebSocketDevices
from .history import History
from .ice import IceServers
from .identities import Identities
from .inbox import Inbox
from .issuer import Issuer
from .keeper import Keeper
from .limits import Limits, RingLimits
from .metrics import Metrics
from .nodes.connections import NAMESPACE as NODES
from .nodes.parts import NodeParts
from .open_requests import OpenRequests
from .page import add_page, on_prepare
from .presence import Presence
from .requests import Requests
from .requests.parts import Parts
from .retention import Retention
from .rings import Rings
from .sapi import api
from .sapi.cors import cors
from .sapi.parts import Parts as SapiParts
from .sapi.problems import problems
from .state import State
from .state.memory_state import MemoryState
from .store import Store
from .store.users import Users
from .tokens import AccessTokens, RoomTokens

SHUTDOWN_S = 2.0  # how long open HTTP requests may take to end
BODY_BYTES = 65536  # a larger HTTP body is answered 413

log = FieldLog(__name__)


class App:
    """A signaling process, as an asynchronous context manager: inside it, it serves."""

    def __init__(self, config: SignalingConfig) -> None:
        self.config = config
        self.state = _state(config)
        self.store: Store
        self.access = AccessTokens(config.secrets)
        self.keeper: Keeper
        self._open_requests: OpenRequests
        self._carriers: tuple[WebSocketDevices, Sockets]
        self._door: Door
        self._drain: Drain
        self._site: web.TCPSite
        self._stack = AsyncExitStack()
        self._runner: web.AppRunner

    async def __aenter__(self) -> App:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def port(self) -> int:
        """The port that is served: the one configured, or the free one that was found for 0."""
        address: tuple[str, int] = self._runner.addresses[0]
        return address[1]

    @property
    def url(self) -> str:
        """Where devices and nodes connect."""
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        return f"http://{host}:{self.port}"

    @property
    def users(self) -> Users:
        """The users of lasting state."""
        return self.store.users

    @property
    def idle(self) -> bool:
        """No request waits and no timer of a room runs."""
        return not len(self._open_requests) and self.keeper.armed == 0

    async def drain(self) -> None:
        """Stop taking connections, answer what is under way, and have the devices connect again elsewhere."""
        await self._site.stop()
        await self._drain.run(self.config.drain_timeout_s)

    async def _start(self) -> None:
        config = self.config
        make_data_directory(config.data)
        self.store = await Store.open(config.database_url)
        self._stack.push_async_callback(self.store.close)
        self._stack.push_async_callback(self.state.close)
        await self.state.start()
        app = self._assemble()
        app.on_response_prepare.append(on_prepare)
        await self._listen(app)

    def _assemble(self) -> web.Application:
        config, state = self.config, self.state
        tokens = RoomTokens(*config.secrets)
        ice = IceServers(config.stun, config.turn, config.turn_secret)
        sockets = Sockets(config)
        metrics = Metrics()
        issuer = Issuer(config.issuer) if config.issuer else None
        identities = Identities(
            store=self.store, access=self.access, issuer=issuer, session_ttl_s=config.refresh_ttl_s
        )  # fmt: skip
        keeper = self.keeper = Keeper(state, Dispatch(tokens, ice), config, metrics)
        nodes = NodeParts(config=config, tokens=tokens, state=state, keeper=keeper, sockets=sockets)
        limits, address_of = Limits(config.rates), address_behind(config.trust_proxy)
        devices = DeviceConnections(
            config=config, process=state.process, identities=identities, metrics=metrics, limits=limits
        )  # fmt: skip
        websockets = WebSocketDevices(config, devices, address_of)
        open_requests = self._open_requests = OpenRequests(state, config.open_requests)
        presence = Presence(
            state.devices, on_came=keeper.device_came, on_gone=keeper.device_gone, on_left=open_requests.forget
        )
        rings = Rings()
        inbox = Inbox(
            state=state,
            keeper=keeper,
            presence=presence,
            devices=devices,
            nodes=nodes.nodes,
            open_requests=open_requests,
            rings=rings,
        )
        caretaker = Caretaker(
            state=state,
            keeper=keeper,
            connections=nodes.connections,
            absences=nodes.absences,
            presence=presence,
            open_requests=open_requests,
            inbox=inbox,
            rings=rings,
        )
        requests = Requests(
            Parts(
                config=config,
                state=state,
                directory=self.store.directory,
                keeper=keeper,
                nodes=nodes.nodes,
                inbox=inbox,
                tokens=tokens,
                ice=ice,
                rings=RingLimits(config.rates),
            ),
            open_requests,
        )
        devices.attach(keeper, presence, requests)
        sockets.serve(DEVICES, SocketIoDevices(sockets, devices, address_of))
        sockets.serve(NODES, nodes.link)
        history = History(state.journal, self.store.calls)
        inbox.start()
        caretaker.start()
        history.start()
        if config.keep_history_days is not None:
            retention = Retention(self.store, config.keep_history_days)
            retention.start()
            self._stack.push_async_callback(retention.close)
        # Ended last to first: nothing comes in any more, then nothing is due any more, then what is queued goes out.
        for part in (history, inbox, caretaker, keeper, nodes.absences, nodes.rescue, requests, devices):
            self._stack.push_async_callback(part.close)
        self._carriers = (websockets, sockets)
        door = self._door = Door(limits, address_of=address_of, now=keeper.now)
        self._drain = Drain(
            door=door,
            devices=devices,
            presence=presence,
            requests=requests,
            inbox=inbox,
            alone=isinstance(state, MemoryState),
        )
        metrics.watch("devices_online", "Devices connected to this process.", lambda: float(len(devices)))
        if issuer is not None:
            self._stack.push_async_callback(issuer.close)
        app = _application(config, door)
        sockets.attach(app)
        websockets.attach(app)
        sapi = SapiParts(
            config=config,
            store=self.store,
            state=state,
            access=self.access,
            metrics=metrics,
            nodes=state.nodes.all,
            is_stopping=lambda: not door.is_open,
            end_sessions=keeper.end_sessions,
        )
        app.add_routes(api.routes(sapi, identities, address_of))
        add_page(app, config.web)
        return app

    async def _listen(self, app: web.Application) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await self._runner.setup()
        self._stack.push_async_callback(self._runner.cleanup)
        for carrier in self._carriers:
            self._stack.push_async_callback(carrier.close)
        self._site = web.TCPSite(self._runner, self.config.host, self.config.port)
        self._stack.callback(self._door.shut)
        try:
            await self._site.start()
        except OSError as error:
            raise StartError(_why_not(self.config, error)) from None
        log.info("listening", url=self.url)


def _application(config: SignalingConfig, door: Door) -> web.Application:
    """An application without routes; what it does with each request before any of them."""
    return web.Application(
        middlewares=[
            own_or_named(config.cors_origins, config.trust_proxy),
            door.ask,
            cors(config.cors_origins),
            problems,
        ],
        client_max_size=BODY_BYTES,
    )


def _state(config: SignalingConfig) -> State:
    """The backend of the short-lived state; Redis is imported by those who use it."""
    if not config.redis:
        return MemoryState()
    from .state.redis_state import RedisState

    return RedisState(config.redis, config.redis_password)


async def serve(config: SignalingConfig, *, on_ready: asyncio.Future[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    try:
        async with App(config) as app:
            if on_ready is not None:
                on_ready.set_result(app.url)
            await told.wait()
            log.info("stopping")
            await app.drain()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _why_not(config: SignalingConfig, error: OSError) -> str:
    where = f"port {config.port} on {config.host}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is taken; choose another with --port"
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
    return f"cannot listen at {where}: {reason}"
