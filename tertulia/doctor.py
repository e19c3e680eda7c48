"""`tertulia doctor`: what is wrong with this installation, and what to do about it.

options (those of `tertulia signaling`) -> **doctor** -> checks -> a table, or JSON; exit 1 if something is broken
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from signaling import config as settings
from signaling import urls
from signaling.config import DEFAULT_DATA
from signaling.console.parts import told_in_one_line

if TYPE_CHECKING:
    from tertulia.checks.finding import Finding

COLOURS = {"ok": "green", "warning": "yellow", "broken": "red", "skipped": "bright_black"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is looked at."""

    url: str
    public_url: str
    nodes: tuple[str, ...]
    node_public_url: str | None
    data: Path
    secret_files: tuple[Path, ...]
    node_secret: str
    stun: tuple[str, ...]
    turn: tuple[str, ...]
    turn_secret: str
    redis: str
    redis_password: str
    database: str

    def __post_init__(self) -> None:
        for setting, given in (("--url", (self.url,)), ("--node", self.nodes), ("--public-url", (self.public_url,))):
            for url in given:
                urls.check_http(setting, url)
        if self.node_public_url:
            urls.check_http("--node-public-url", self.node_public_url, urls.WEB)
        for url in self.stun:
            urls.check_ice("--stun", url, urls.STUN)
        for url in self.turn:
            urls.check_ice("--turn", url, urls.TURN)
        if self.redis:
            urls.check_redis(self.redis)


async def examined(patient: Patient) -> list[Finding]:
    """Every finding, in the order of the table."""
    import aiohttp

    from tertulia.checks import machine, media, servers, stores
    from tertulia.checks.finding import skipped

    found = [machine.open_files(), *machine.secrets(patient.secret_files)]
    async with aiohttp.ClientSession() as http:
        found += await servers.signaling(http, patient.url)
        for url in patient.nodes:
            found.append(await servers.node(http, url))
            found += await media.node(http, url, patient.node_secret)
    found.append(servers.schemes(patient.public_url, patient.node_public_url))
    found += [await media.stun_server(url) for url in patient.stun] or [skipped("STUN", "none is configured")]
    now = time.time()
    found += [await media.turn_server(url, patient.turn_secret, now) for url in patient.turn] or [
        skipped("TURN", "none is configured: devices behind strict firewalls get no media")
    ]
    found += await stores.redis(patient.redis, patient.redis_password) if patient.redis else [_no_redis()]
    found.append(await stores.database(patient.database))
    return found


def _no_redis() -> Finding:
    from tertulia.checks.finding import skipped

    return skipped("Redis", "none is configured: one signaling process, state in memory")


def doctor(
    url: Annotated[str, typer.Option(metavar="URL", help="Signaling.")] = "http://127.0.0.1:8080",
    node: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="HTTP address of a node; may be repeated.")
    ] = None,
    public_url: Annotated[str | None, typer.Option(metavar="URL", help="Where browsers find the page.")] = None,
    node_public_url: Annotated[str | None, typer.Option(metavar="URL", help="Where browsers find the node.")] = None,
    data: Annotated[Path, typer.Option(metavar="DIR", help="Data directory of signaling.")] = DEFAULT_DATA,
    node_secret_file: Annotated[Path | None, typer.Option(metavar="FILE", help="As signaling has it.")] = None,
    secret_file: Annotated[Path | None, typer.Option(metavar="FILE", help="As signaling has it.")] = None,
    stun: Annotated[list[str] | None, typer.Option(metavar="URL", help="As signaling has it.")] = None,
    turn: Annotated[list[str] | None, typer.Option(metavar="URL", help="As signaling has it.")] = None,
    turn_secret_file: Annotated[Path | None, typer.Option(metavar="FILE", help="As signaling has it.")] = None,
    redis: Annotated[str | None, typer.Option(metavar="URL", help="As signaling has it; else TERTULIA_REDIS.")] = None,
    redis_password_file: Annotated[Path | None, typer.Option(metavar="FILE", help="As signaling has it.")] = None,
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="As signaling has it; else TERTULIA_DATABASE.")
    ] = None,
    database_password_file: Annotated[Path | None, typer.Option(metavar="FILE", help="As signaling has it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False,
) -> None:
    """Look at ports, media, TURN, Redis, database, clocks and secrets, and say what to fix."""
    from tertulia.checks.finding import is_broken

    with told_in_one_line():
        node_secret = node_secret_file or data / "node-secret"
        given = (secret_file or data / "secret", node_secret, *filter(None, (turn_secret_file,)))
        patient = Patient(
            url=url,
            public_url=public_url or url,
            nodes=tuple(node or ("http://127.0.0.1:8081",)),
            node_public_url=node_public_url,
            data=data,
            secret_files=tuple(file for file in given if not _is_in_environment(file, data)),
            node_secret=_first(node_secret) or os.environ.get("TERTULIA_NODE_SECRET", "").strip(),
            stun=tuple(stun or ()),
            turn=tuple(turn or ()),
            turn_secret=settings.read_secret(turn_secret_file, "--turn-secret-file") if turn_secret_file else "",
            redis=settings.redis_url(redis),
            redis_password=_first(redis_password_file) or os.environ.get("TERTULIA_REDIS_PASSWORD", ""),
            database=settings.database_url(database, database_password_file, data),
        )
    findings = asyncio.run(examined(patient))
    _print(findings, as_json=as_json)
    if is_broken(findings):
        raise typer.Exit(1)


def _is_in_environment(file: Path, data: Path) -> bool:
    """A secret of the data directory is not needed where the environment gives it."""
    variable = {data / "secret": "TERTULIA_SECRET", data / "node-secret": "TERTULIA_NODE_SECRET"}.get(file)
    return variable is not None and bool(os.environ.get(variable)) and not file.exists()


def _first(file: Path | None) -> str:
    """The first line of a secret file; what is wrong with it is a finding, not an error."""
    try:
        return file.read_text(encoding="utf-8").split("\n", 1)[0].strip() if file is not None else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _print(findings: list[Finding], *, as_json: bool) -> None:
    console = Console(highlight=False, soft_wrap=as_json)
    if as_json:
        console.print(json.dumps([asdict(finding) for finding in findings], indent=2), markup=False)
        return
    table = Table("", "subject", "finding", "what to do", box=None, pad_edge=False)
    for finding in findings:
        colour = COLOURS[finding.state]
        table.add_row(f"[{colour}]{finding.state}[/]", finding.subject, finding.text, finding.fix)
    console.print(table)
