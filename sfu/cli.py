"""`tertulia node`: the settings from the command line, and one line of error for each that is wrong.

The node itself is imported when it is started: the console's other commands need not wait for aiortc.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sfu.config import NodeConfig, read_secret
from sfu.errors import ConfigError, NodeError

if TYPE_CHECKING:
    from sfu.app import NodeProcess

BAD_INPUT = 2
FAILED = 1


def node(
    signaling: Annotated[
        list[str], typer.Option(metavar="URL", help="Base URL of signaling; once for each of its processes.")
    ],
    host: Annotated[str, typer.Option(help="Address of the HTTP port.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="HTTP port: Socket.IO, WebSocket, WHIP, WHEP.")] = 8081,
    udp_port: Annotated[int, typer.Option(help="First media port; worker i has this + i.")] = 40_000,
    workers: Annotated[int | None, typer.Option(help="Threads of the core.  [default: one a CPU core]")] = None,
    advertise: Annotated[
        list[str] | None,
        typer.Option(help="IP address at which clients reach the media ports.  [default: the primary one, 127.0.0.1]"),
    ] = None,
    name: Annotated[str, typer.Option(help="sfu and a number; each node has its own.")] = "sfu1",
    public_url: Annotated[str | None, typer.Option(help="URL at which clients reach the HTTP port.")] = None,
    secret_file: Annotated[
        Path | None,
        typer.Option(
            help="File whose first line is the secret shared with signaling.  [default: TERTULIA_NODE_SECRET]"
        ),
    ] = None,
) -> None:
    """Run a media node."""
    from sfu.app import run

    try:
        config = NodeConfig(
            signaling=tuple(signaling),
            secret=read_secret(secret_file),
            secret_file=secret_file,
            name=name,
            host=host,
            port=port,
            udp_port=udp_port,
            workers=workers if workers is not None else os.cpu_count() or 1,
            advertise=tuple(advertise or ()),
            public_url=public_url,
        )
    except ConfigError as error:
        _fail(error, BAD_INPUT)
    _log_to_stderr()
    try:
        asyncio.run(run(config, _announce))
    except NodeError as error:
        _fail(error, FAILED)


def _announce(process: NodeProcess) -> None:
    udp = process.udp_ports
    typer.echo(f"node ready: http port {process.http_port}, udp ports {', '.join(map(str, udp))}")


def _log_to_stderr() -> None:
    """Our own events from INFO on, other libraries' from WARNING on."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("sfu").setLevel(logging.INFO)


def _fail(error: NodeError, code: int) -> NoReturn:
    typer.echo(f"error: {error}", err=True)
    raise typer.Exit(code)
