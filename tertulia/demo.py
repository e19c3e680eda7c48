"""`tertulia demo`: everything that a first call needs, running.

demo → serve (signaling + node) → an agent `bot` that answers every call with a sample clip → a panel that says
where to go and how to sign in.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from pathlib import Path

from rich.console import Console
from rich.panel import Panel

from tertulia.serve import Advertise, Data, Host, Port, ServeConfig, UdpPort, Workers, config_from_flags, run_console
from tertulia.supervisor import Child, ChildFailedError, Supervisor

ACCOUNTS = ("alice", "bob", "bot")
CLIP = Path(__file__).parent.parent / "media-samples" / "count-vp8-opus.webm"


def password_file(config: ServeConfig, name: str) -> Path:
    """Where the demo keeps the password of account `name`."""
    return config.data / "demo" / f"{name}.password"


async def add_account(config: ServeConfig, name: str) -> None:
    """Make the account `name` with a password of its own, once."""
    file = password_file(config, name)
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(secrets.token_urlsafe(9))
    command = ("user", "add", name, "--password-file", str(new), "--data", str(config.data))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tertulia", *command, stdout=asyncio.subprocess.DEVNULL
    )
    if (status := await process.wait()) != 0:
        raise ChildFailedError(f"account {name}", status)
    new.rename(file)


def bot(config: ServeConfig) -> Child:
    """The agent that answers every call and plays the clip."""
    return Child(
        "bot",
        (
            "agent",
            *("--url", config.url, "--user", "bot", "--password-file", str(password_file(config, "bot"))),
            *("--answer", "--play", str(CLIP), "--loop"),
        ),
    )


def welcome(config: ServeConfig) -> Panel:
    """What a newcomer reads."""
    rows = [
        f"Open        [bold]{config.url}[/]",
        *(
            f"Sign in as  [bold]{name}[/]  password [bold]{password_file(config, name).read_text()}[/]"
            for name in ("alice", "bob")
        ),
        "Then call   [bold]bot[/]  (it answers and plays a clip), or sign in as bob in a second tab and call bob",
        "",
        "Ctrl-C ends everything.",
    ]
    return Panel("\n".join(rows), title="tertulia demo", expand=False)


def demo(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    udp_port: UdpPort = 40000,
    workers: Workers = None,
    advertise: Advertise = None,
    data: Data = Path("var"),
) -> None:
    """Serve, with ready accounts and an agent that answers calls."""
    config = config_from_flags(host, port, udp_port, workers, advertise, data)

    async def when_up(supervisor: Supervisor) -> None:
        for name in ACCOUNTS:
            await add_account(config, name)
        await supervisor.start(bot(config))
        Console(highlight=False).print(welcome(config))

    run_console(config, when_up)
