"""`tertulia serve`: signaling and one node, in one process tree, on an embedded default.

serve → supervisor → `tertulia signaling` (HTTP at `port`) + `tertulia node` (HTTP at `port` + 1, UDP from `udp_port`)
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tertulia.supervisor import Child, ChildFailedError, Supervisor

OWN_OPTIONS = ("--node-secret-file",)
"""Options of signaling that its node has to know as well."""
AFTER_DRAIN_S = 5.0  # to close the database and Redis
PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True}
"""Context settings of a command whose further options are those of `tertulia signaling`."""

_errors = Console(stderr=True, highlight=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeConfig:
    """What one machine serves."""

    host: str = "127.0.0.1"
    """Address of the two HTTP servers.  Browsers give cameras only to localhost and https."""
    port: int = 8080
    """HTTP of signaling and the page; the node's HTTP is on the next one."""
    udp_port: int = 40000
    """First UDP port of the media; one a worker."""
    workers: int | None = None
    """Threads of the packet path; None = one a core."""
    advertise: tuple[str, ...] = field(default=())
    """Addresses at which clients reach the UDP ports; none = found by the node."""
    data: Path = Path("var")
    """Directory of users, secrets and history."""
    drain_timeout_s: float = 10.0
    """How long signaling may take to answer what is under way when it is stopped."""
    signaling: tuple[str, ...] = ()
    """Further options of `tertulia signaling`, as they were given."""

    def __post_init__(self) -> None:
        if not 0 < self.port < 65535:
            raise ValueError(f"--port: {self.port} is not between 1 and 65534 (the node takes the next one)")
        if not self.drain_timeout_s > 0:
            raise ValueError(f"--drain-timeout: {self.drain_timeout_s:g} is not above 0")
        if own := [option for option in self.signaling if option.partition("=")[0] in OWN_OPTIONS]:
            raise ValueError(f"{own[0]}: serve keeps this secret itself, in the data directory")

    @property
    def node_port(self) -> int:
        """HTTP port of the node."""
        return self.port + 1

    @property
    def local_host(self) -> str:
        """Where this machine itself reaches the HTTP servers."""
        return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 (compared, not bound)

    @property
    def url(self) -> str:
        """Address of the page and of signaling, as seen from this machine."""
        return f"http://{self.local_host}:{self.port}"

    @property
    def node_secret_file(self) -> Path:
        """What proves to signaling that the node is ours."""
        return self.data / "node-secret"


def children(config: ServeConfig) -> tuple[Child, Child]:
    """Signaling, then the node, as `config` asks for them."""
    signaling = Child(
        "signaling",
        (
            "signaling",
            *("--host", config.host, "--port", str(config.port), "--data", str(config.data)),
            *("--node-secret-file", str(config.node_secret_file), "--drain-timeout", str(config.drain_timeout_s)),
            *config.signaling,
        ),
        f"{config.url}/healthz",
        config.drain_timeout_s + AFTER_DRAIN_S,
    )
    node = Child(
        "node",
        (
            "node",
            *("--signaling", config.url, "--secret-file", str(config.node_secret_file)),
            *("--host", config.host, "--port", str(config.node_port), "--udp-port", str(config.udp_port)),
            *(("--workers", str(config.workers)) if config.workers is not None else ()),
            *(part for address in config.advertise for part in ("--advertise", address)),
        ),
        f"http://{config.local_host}:{config.node_port}/healthz",
    )
    return signaling, node


def prepare_data(config: ServeConfig) -> None:
    """Make the data directory and the secret that the two halves share."""
    config.data.mkdir(parents=True, exist_ok=True)
    if not config.node_secret_file.exists():
        descriptor = os.open(config.node_secret_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))


async def run(config: ServeConfig, when_up: Callable[[Supervisor], Awaitable[None]]) -> None:
    """Serve until SIGINT or SIGTERM; `when_up` is awaited once both halves answer."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    supervisor = Supervisor(lambda text: _errors.print(text))
    stopping = asyncio.create_task(stopped.wait())
    serving = asyncio.create_task(_serve(supervisor, config, when_up))
    try:
        await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
    finally:
        for task in (stopping, serving):
            task.cancel()
        await asyncio.gather(stopping, serving, return_exceptions=True)
        await supervisor.stop()


async def _serve(supervisor: Supervisor, config: ServeConfig, when_up: Callable[[Supervisor], Awaitable[None]]) -> None:
    for child in children(config):
        await supervisor.start(child)
    await when_up(supervisor)
    await supervisor.run()


def run_console(config: ServeConfig, when_up: Callable[[Supervisor], Awaitable[None]]) -> None:
    """`run` for a console command: an error is one line and an exit status."""
    try:
        prepare_data(config)
        asyncio.run(run(config, when_up))
    except ChildFailedError as error:
        _errors.print(f"[red]error:[/] {error}")
        raise typer.Exit(error.status) from None
    except OSError as error:
        _errors.print(f"[red]error:[/] {error}")
        raise typer.Exit(2) from None


def config_from_flags(
    host: str,
    port: int,
    udp_port: int,
    workers: int | None,
    advertise: list[str] | None,
    data: Path,
    drain_timeout_s: float = 10.0,
    signaling: Sequence[str] = (),
) -> ServeConfig:
    """The flags as a ServeConfig; a bad one ends the command with its name."""
    try:
        return ServeConfig(
            host=host,
            port=port,
            udp_port=udp_port,
            workers=workers,
            advertise=tuple(advertise or ()),
            data=data,
            drain_timeout_s=drain_timeout_s,
            signaling=tuple(signaling),
        )
    except ValueError as error:
        _errors.print(f"[red]error:[/] {error}")
        raise typer.Exit(2) from None


Host = Annotated[str, typer.Option(help="Address of the HTTP servers.")]
Port = Annotated[int, typer.Option(help="HTTP port of signaling and the page; the node takes the next one.")]
UdpPort = Annotated[int, typer.Option(help="First UDP port of the media; one a worker.")]
Workers = Annotated[int | None, typer.Option(help="Threads of the packet path; one a core if not given.")]
Advertise = Annotated[
    list[str] | None, typer.Option(metavar="IP", help="Address at which clients reach the UDP ports; may be repeated.")
]
Data = Annotated[Path, typer.Option(help="Directory of users, secrets and history.")]
DrainTimeout = Annotated[float, typer.Option(metavar="S", help="Seconds that a stop of signaling may take at most.")]


def serve(
    context: typer.Context,
    host: Host = "127.0.0.1",
    port: Port = 8080,
    udp_port: UdpPort = 40000,
    workers: Workers = None,
    advertise: Advertise = None,
    data: Data = Path("var"),
    drain_timeout: DrainTimeout = 10.0,
) -> None:
    """Signaling and one media node on this machine, with embedded state.

    Options other than these go to signaling as they are: `tertulia signaling --help` lists them.
    """
    config = config_from_flags(host, port, udp_port, workers, advertise, data, drain_timeout, context.args)

    async def announce(_: Supervisor) -> None:
        Console(highlight=False).print(f"tertulia serves at [bold]{config.url}[/]; Ctrl-C ends it")

    run_console(config, announce)
