"""`tertulia load`: flags in, a report out.

shell -> **cli** -> plan, settings -> tester -> table, JSON, CSV, page

Exit status: 0 every --require held, 1 one did not or the run failed, 2 the flags make no sense.  Everything heavy is
imported when the command runs.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.errors import AgentError, ConfigError
from agents.load.plan import Carrier, LoadPlan, What

if TYPE_CHECKING:
    from agents.load.live import LiveView
    from agents.load.tester import Settings

BAD_INPUT = 2
FAILED = 1
STDOUT = Path("-")


def _help(panel: str, text: str, *names: str) -> Any:  # noqa: ANN401 - typer's own type
    return typer.Option(*names, help=text, rich_help_panel=panel)


SERVER, PEOPLE, MEDIA, TIME, LINK, CPUS, OUT = (
    "The server",
    "Who takes part",
    "What they send",
    "When",
    "Their links",
    "Processes and CPUs",
    "What comes out",
)


def load(
    url: Annotated[
        str | None, _help(SERVER, "Address of signaling: participants go through the whole front door.")
    ] = None,
    whip: Annotated[str | None, _help(SERVER, "WHIP address of any server; {room} and {n} are numbers.")] = None,
    whep: Annotated[str | None, _help(SERVER, "WHEP address of any server; {room} and {n} are numbers.")] = None,
    bearer: Annotated[
        Path | None, _help(SERVER, "File with bearer tokens for WHIP and WHEP: line n for participant n.")
    ] = None,
    admin_token_file: Annotated[
        Path | None, _help(SERVER, "File with an administrator's access token, who makes the users.")
    ] = None,
    admin_user: Annotated[str | None, _help(SERVER, "An administrator's name, instead of a token.")] = None,
    admin_password_file: Annotated[Path | None, _help(SERVER, "His password.")] = None,
    users: Annotated[
        Path | None, _help(SERVER, "File with users of your own: a name and an access token a line.")
    ] = None,
    keep_users: Annotated[
        bool, _help(SERVER, "Leave the users that were made, for the next run.", "--keep-users")
    ] = False,
    carrier: Annotated[
        Carrier, _help(SERVER, "WebSocket, which costs the tester less, or Socket.IO, as the page.")
    ] = "ws",
    rooms: Annotated[int, _help(PEOPLE, "Rooms.")] = 1,
    participants: Annotated[
        int | None, _help(PEOPLE, "Participants of each room, who send and receive; 4 if nothing is said.")
    ] = None,
    publishers: Annotated[int | None, _help(PEOPLE, "How many of each room send; all if nothing is said.")] = None,
    receivers: Annotated[int | None, _help(PEOPLE, "So many only receive, and the publishers only send.")] = None,
    seats: Annotated[
        int | None, _help(PEOPLE, "Others that each receives at a time; all senders, 4 at most, if nothing is said.")
    ] = None,
    kbps: Annotated[int, _help(MEDIA, "kbit/s of video (of the largest layer).")] = 500,
    audio_only: Annotated[bool, _help(MEDIA, "No video.", "--audio-only")] = False,
    video_only: Annotated[bool, _help(MEDIA, "No audio.", "--video-only")] = False,
    simulcast: Annotated[bool, _help(MEDIA, "Three layers of video.", "--simulcast")] = False,
    media: Annotated[Path | None, _help(MEDIA, "A media file to send, instead of the samples.")] = None,
    speakers: Annotated[int | None, _help(MEDIA, "How many of a room speak at a time; all if nothing is said.")] = None,
    talk_spurts: Annotated[float, _help(MEDIA, "Mean seconds for which somebody speaks, with --speakers.")] = 4.0,
    ramp: Annotated[float, _help(TIME, "Joins a second.")] = 20.0,
    warm_up: Annotated[float, _help(TIME, "Seconds between the last join and the measured part.")] = 3.0,
    duration: Annotated[float, _help(TIME, "Seconds that are measured.")] = 15.0,
    runs: Annotated[int, _help(TIME, "So many measured parts, one after the other.")] = 1,
    churn: Annotated[float, _help(TIME, "Participants a second who leave and join anew.")] = 0.0,
    loss: Annotated[str, _help(LINK, "Packets that each participant's link loses, each way: 1%.")] = "0",
    delay_ms: Annotated[float, _help(LINK, "Delay of each participant's link, each way.")] = 0.0,
    jitter_ms: Annotated[float, _help(LINK, "Jitter of each participant's link.")] = 0.0,
    seed: Annotated[int, _help(LINK, "Of all that is random.")] = 0,
    threads: Annotated[int, _help(CPUS, "Threads that send and receive.")] = 1,
    check_every: Annotated[int, _help(CPUS, "One packet of so many is decrypted and compared.")] = 16,
    pin_tester: Annotated[str | None, _help(CPUS, "CPUs of the tester: 1, or 0,2-3.")] = None,
    pin_server: Annotated[str | None, _help(CPUS, "CPUs of the server's process.")] = None,
    server_pid: Annotated[
        int | None, _help(CPUS, "The server's process: its CPU and memory are in the report.")
    ] = None,
    require: Annotated[
        list[str] | None, _help(OUT, "A condition, as 'loss<0.5%' or 'delay.p99<=30ms'; may be repeated.")
    ] = None,
    find_capacity: Annotated[What | None, _help(OUT, "Search the largest load that holds the conditions.")] = None,
    most: Annotated[int | None, _help(OUT, "End of that search.")] = None,
    json_file: Annotated[
        Path | None, _help(OUT, "Where the report goes as JSON; - is standard output.", "--json")
    ] = None,
    csv_file: Annotated[Path | None, _help(OUT, "Where a line a second goes as CSV.", "--csv")] = None,
    html_file: Annotated[Path | None, _help(OUT, "Where the report goes as a page with plots.", "--html")] = None,
) -> None:
    """Find out how many participants a server carries, and how well."""
    flags = dict(locals())
    console = Console(highlight=False, quiet=json_file == STDOUT)
    try:
        settings = make_settings(flags)
        _check_outputs(flags)
    except ConfigError as error:
        _fail(error, BAD_INPUT)
    raise typer.Exit(_carry_out(settings, console, flags))


def make_settings(flags: dict[str, Any]) -> Settings:
    """Check the flags and read the files; ConfigError names what is wrong before anything is done."""
    from agents.load.addresses import Address, Bearers
    from agents.load.require import parse
    from agents.load.tester import Settings
    from agents.load.users import read_users

    plan = _plan(flags)
    requirements = tuple(parse(text) for text in flags["require"] or ())
    if flags["find_capacity"] is not None and not requirements:
        raise ConfigError("--find-capacity needs a condition to hold, as --require 'loss<0.5%'")
    if flags["most"] is not None and (flags["find_capacity"] is None or flags["most"] < 1):
        raise ConfigError("--most goes with --find-capacity and is at least 1")
    if flags["server_pid"] is None and any(requirement.needs_server for requirement in requirements):
        raise ConfigError("--require server.… needs --server-pid")
    if flags["pin_server"] is not None and flags["server_pid"] is None:
        raise ConfigError("--pin-server needs --server-pid")
    for flag in ("whip", "whep"):
        if flags[flag] is not None:
            Address(f"--{flag}", flags[flag])
    ready = read_users(flags["users"]) if flags["users"] is not None else ()
    if plan.url is not None and ready and len(ready) < plan.total:
        raise ConfigError(f"{flags['users']}: names {len(ready)} users, and the run needs {plan.total}")
    return Settings(
        plan=plan,
        media=flags["media"],
        users=ready,
        admin=_admin(flags),
        keep_users=flags["keep_users"],
        bearers=Bearers.read(flags["bearer"]) if flags["bearer"] is not None else Bearers(),
        requirements=requirements,
        find=flags["find_capacity"],
        most=flags["most"],
        **_processes(flags),
    )


def _plan(flags: dict[str, Any]) -> LoadPlan:

    same = (
        *("url", "whip", "whep", "rooms", "participants", "publishers", "receivers", "seats", "kbps", "simulcast"),
        *("carrier", "ramp", "churn", "speakers", "delay_ms", "jitter_ms", "check_every", "seed", "threads"),
    )
    return LoadPlan(
        **{name: flags[name] for name in same},
        audio=not flags["video_only"],
        video=not flags["audio_only"],
        duration_s=flags["duration"],
        runs=flags["runs"],
        warm_up_s=flags["warm_up"],
        spurt_s=flags["talk_spurts"],
        loss=_share("loss", flags["loss"]),
    )


def _share(flag: str, text: str) -> float:
    percent = text.strip().endswith("%")
    try:
        return float(text.strip().removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        raise ConfigError(f"--{flag} {text!r} is no share, as 1% or 0.01") from None


def _admin(flags: dict[str, Any]) -> Any:  # noqa: ANN401 - imported when it is needed
    from agents.load.users import Admin

    ways = [flags["admin_token_file"] is not None, flags["admin_user"] is not None, flags["users"] is not None]
    if flags["url"] is None:
        if any(ways):
            raise ConfigError("users are signaling's: --admin-… and --users go with --url")
        return Admin()
    if sum(ways) != 1:
        raise ConfigError("give one of --admin-token-file, --admin-user and --users: every participant is a user")
    if (flags["admin_user"] is None) != (flags["admin_password_file"] is None):
        raise ConfigError("--admin-user and --admin-password-file go together")
    if flags["users"] is not None:
        return Admin()
    if flags["admin_token_file"] is not None:
        return Admin(token=_first_line(flags["admin_token_file"]))
    return Admin(user=flags["admin_user"], password=_first_line(flags["admin_password_file"]))


def _processes(flags: dict[str, Any]) -> dict[str, Any]:
    from agents.load.server import ServerProcess, cpus

    return {
        "server": ServerProcess(flags["server_pid"]) if flags["server_pid"] is not None else None,
        "pin_tester": cpus("pin-tester", flags["pin_tester"]) if flags["pin_tester"] is not None else (),
        "pin_server": cpus("pin-server", flags["pin_server"]) if flags["pin_server"] is not None else (),
    }


def _first_line(path: Path) -> str:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or 'is not text'}") from None
    if not lines or not lines[0].strip():
        raise ConfigError(f"{path}: its first line is empty")
    return lines[0].strip()


def _check_outputs(flags: dict[str, Any]) -> None:
    for name in ("json_file", "csv_file", "html_file"):
        path = flags[name]
        if path is not None and path != STDOUT and not path.parent.is_dir():
            raise ConfigError(f"{path}: there is no folder {path.parent}")


# The run.


def _carry_out(settings: Settings, console: Console, flags: dict[str, Any]) -> int:
    from agents.load.live import LiveView

    view = LiveView(console)
    try:
        with view.shown():
            report = asyncio.run(_run(settings, view))
        _write(report, flags)
    except AgentError as error:
        typer.echo(f"error: {error}", err=True)
        return BAD_INPUT if isinstance(error, ConfigError) else FAILED
    except OSError as error:
        typer.echo(f"error: {error.filename}: {error.strerror}", err=True)
        return FAILED
    _print(report, console)
    return _status(report)


async def _run(settings: Settings, view: LiveView) -> dict[str, Any]:
    from agents.load.tester import View, measure

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    stoppable = (signal.SIGINT, signal.SIGTERM)

    def stopped() -> None:
        """Once: whoever asks again does not want to wait."""
        stop.set()
        for number in stoppable:
            loop.remove_signal_handler(number)

    for number in stoppable:
        loop.add_signal_handler(number, stopped)
    return await measure(settings, stop=stop, view=View(view.say, view.row))


def _write(report: dict[str, Any], flags: dict[str, Any]) -> None:
    from agents.load.html import page
    from agents.load.report import as_csv

    _put(flags["json_file"], lambda: json.dumps(report, indent=1) + "\n")
    _put(flags["csv_file"], lambda: as_csv(report["seconds_series"]))
    _put(flags["html_file"], lambda: page(report))


def _put(path: Path | None, make: Any) -> None:  # noqa: ANN401 - a function of no arguments
    if path == STDOUT:
        sys.stdout.write(make())
    elif path is not None:
        path.write_text(make())


def _print(report: dict[str, Any], console: Console) -> None:
    from agents.load.summary import rows

    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in rows(report):
        table.add_row(Text(name), Text(value))
    console.print(table)


def _status(report: dict[str, Any]) -> int:
    """What is wrong goes to standard error, a line each."""
    from agents.load.verdict import complaints

    wrong = list(complaints(report))
    for line in wrong:
        typer.echo(line, err=True)
    return FAILED if wrong else 0


def _fail(error: AgentError, status: int) -> NoReturn:
    typer.echo(f"error: {error}", err=True)
    raise typer.Exit(status)
