"""`tertulia agent`: flags in, lines or one JSON object out.

shell → **cli** → session

Exit status: 0 the call was made (or the answering ended), 1 it failed, 2 the arguments make no sense.  Everything
heavy is imported when the command runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from agents.errors import AgentError, ConfigError

if TYPE_CHECKING:
    from agents.session import Plan, Session

BAD_INPUT = 2
FAILED = 1


def agent(
    url: Annotated[str, typer.Option(help="Address of signaling, e.g. http://127.0.0.1:8080.")],
    user: Annotated[str, typer.Option(help="Account to sign in with: a name, or name@domain.")],
    password_file: Annotated[Path | None, typer.Option(help="File whose first line is the account's password.")] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File with an access token (`tertulia token`), instead of a password.")
    ] = None,
    call: Annotated[str | None, typer.Option(help="Whom to call: a user's id, name, or name@domain.")] = None,
    answer: Annotated[bool, typer.Option("--answer", help="Answer every call until stopped.")] = False,
    play: Annotated[
        Path | None, typer.Option(help="Media file to send; VP8, baseline H.264 and Opus as they are.")
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Start the file again when it ends.")] = False,
    record: Annotated[Path | None, typer.Option(help="Matroska file to write what comes in to.")] = None,
    duration: Annotated[
        float | None, typer.Option(help="Seconds: of the call with --call, of the whole run with --answer.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object at the end, and nothing else.")
    ] = False,
) -> None:
    """Take part in calls without a screen: call or answer, play a file, record, measure."""
    console = Console(highlight=False, quiet=as_json)
    try:
        plan = make_plan(url, user, password_file, token_file, call, answer, play, loop, record, duration)
    except ConfigError as error:
        _fail(error, BAD_INPUT)
    status = asyncio.run(_run(plan, console, as_json=as_json))
    raise typer.Exit(status)


def make_plan(
    url: str,
    user: str,
    password_file: Path | None,
    token_file: Path | None,
    call: str | None,
    answer: bool,
    play: Path | None,
    loop: bool,
    record: Path | None,
    duration: float | None,
) -> Plan:
    """Check the flags and read the files; ConfigError names what is wrong before anything is done."""
    from agents.clip import Clip
    from agents.session import Plan

    if (call is None) == (not answer):
        raise ConfigError("give either --call USER or --answer")
    if (password_file is None) == (token_file is None):
        raise ConfigError("give either --password-file or --token-file")
    if duration is not None and not duration > 0:
        raise ConfigError(f"--duration must be above 0 s, not {duration:g}")
    if loop and play is None:
        raise ConfigError("--loop needs a file to --play")
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"--url must begin with http:// or https://, not {url!r}")
    if record is not None and not record.parent.is_dir():
        raise ConfigError(f"{record}: there is no folder {record.parent}")
    return Plan(
        url=url,
        user=user,
        password=_first_line(password_file) if password_file is not None else None,
        token=_first_line(token_file) if token_file is not None else None,
        call=call,
        clip=Clip.load(play) if play is not None else None,
        loop=loop,
        record=record,
        duration_s=duration,
    )


def _first_line(path: Path) -> str:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not text"
        raise ConfigError(f"{path}: {why}") from None
    if not lines or not lines[0].strip():
        raise ConfigError(f"{path}: its first line is empty")
    return lines[0].strip()


async def _run(plan: Plan, console: Console, *, as_json: bool) -> int:
    from agents.session import Session

    session = Session(plan, lambda line: console.print(escape(line)))
    running = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        running.add_signal_handler(number, session.stop)
    try:
        with _progress(session, console):
            await session.run()
        failure = session.report.reason if session.report.result in ("lost", "failed") else None
    except AgentError as error:
        failure = str(error)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            running.remove_signal_handler(number)
    if as_json:
        typer.echo(json.dumps(session.report.as_object() | ({"calls": session.calls} if plan.call is None else {})))
    else:
        _print_table(session, console)
    if failure is not None:
        typer.echo(f"error: {failure}", err=True)
    return FAILED if failure is not None and (plan.call is not None or session.calls == 0) else 0


@contextlib.contextmanager
def _progress(session: Session, console: Console) -> Iterator[None]:
    """On a terminal, a line that says every second how it goes."""
    if not console.is_terminal or console.quiet:
        yield
        return
    with console.status("connecting") as status:
        task = asyncio.get_running_loop().create_task(_tick(session, status.update))
        try:
            yield
        finally:
            task.cancel()


async def _tick(session: Session, show: Callable[[str], None]) -> None:
    while True:
        parts = [
            f"{escape(one.name)}: {one.verifier.pictures.frames} frames, {one.verifier.samples / 48_000:.0f} s of sound"
            for one in session.heard
        ]
        show(" · ".join(parts) or "waiting")
        await asyncio.sleep(1)


def _print_table(session: Session, console: Console) -> None:
    from rich.table import Table

    if not session.report.received:
        return
    table = Table("from", "frames", "missing", "repeated", "first frame", "size", "sound", "lost", "lip-sync")
    for name, told in session.report.received.items():
        video, audio = told["video"], told["audio"]
        table.add_row(
            escape(name),
            str(video["frames"]),
            _or_dash(video["missing"]),
            _or_dash(video["repeated"]),
            _or_dash(video["first_frame_ms"], " ms"),
            f"{video['width']}×{video['height']}",
            f"{audio['seconds']:.1f} s",
            str(audio["lost"]),
            _or_dash(told["lip_sync_ms"], " ms"),
        )
    console.print(table)


def _or_dash(value: float | None, unit: str = "") -> str:
    return "—" if value is None else f"{value:g}{unit}"


def _fail(error: AgentError, status: int) -> NoReturn:
    typer.echo(f"error: {error}", err=True)
    raise typer.Exit(status)
