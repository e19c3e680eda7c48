"""PostgreSQL for tests: a server of this run's own from Debian's packages, a fresh database for each test.

Started when the first test asks for it, on a free port, in a directory that is thrown away; nothing of it is written
to disk before it must.  Where the packages are missing, its tests fail and say so: `tools/servers.sh` installs them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.ports import free_tcp_port

PACKAGED = Path("/usr/lib/postgresql")
SERVANT = "postgres"  # whom Debian makes for it: PostgreSQL does not run as root
NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


class Postgres:
    """One server.  `start` and `stop` as often as a test likes; `remove` at the end."""

    def __init__(self) -> None:
        self._programs = _programs()
        self._directory = Path(tempfile.mkdtemp(prefix="tertulia-pg-"))
        self.port = free_tcp_port()
        self._names = count(1)
        self._user = SERVANT if os.getuid() == 0 else None
        if self._user:
            shutil.chown(self._directory, self._user)
        self._run("initdb", "-D", self._data, "-U", "tertulia", "--auth=trust", "--no-sync", "--encoding=UTF8")

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = (*NOT_DURABLE, f"port={self.port}", "listen_addresses=127.0.0.1")
        options = " ".join(f"-c {setting}" for setting in (*settings, f"unix_socket_directories={self._directory}"))
        log = self._directory / "log"
        self._run("pg_ctl", "-D", self._data, "-l", str(log), "-o", options, "-w", "start")

    def stop(self) -> None:
        """Stop it, as an administrator would who does not wait for anybody."""
        self._run("pg_ctl", "-D", self._data, "-m", "fast", "-w", "stop")

    def kill(self) -> None:
        """Kill it, as a power cut would."""
        pid = int((Path(self._data) / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, signal.SIGQUIT)

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test{next(self._names)}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tertulia", name)
        return f"postgresql://tertulia@127.0.0.1:{self.port}/{name}"

    def guarded(self, password: str) -> str:
        """The URL of a new, empty database whose owner has to give a password, which is not in it."""
        url, owner = self.database(), f"guarded{next(self._names)}"
        _, _, name = url.rpartition("/")
        access = Path(self._data) / "pg_hba.conf"
        access.write_text(f"host all {owner} 127.0.0.1/32 scram-sha-256\n{access.read_text()}")
        self._run("pg_ctl", "-D", self._data, "reload")
        there = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "tertulia", "-d", name)
        self._run("psql", *there, "-qc", f"CREATE ROLE {owner} LOGIN PASSWORD '{password}'")
        self._run("psql", *there, "-qc", f"ALTER DATABASE {name} OWNER TO {owner}")
        self._run("psql", *there, "-qc", f"ALTER SCHEMA public OWNER TO {owner}")
        return url.replace("tertulia@", f"{owner}@")

    def remove(self) -> None:
        """End it, and all that it held."""
        if (Path(self._data) / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._directory)

    @property
    def _data(self) -> str:
        return str(self._directory / "data")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        extra = () if self._user is None else pwd.getpwnam(self._user)
        done = subprocess.run(  # noqa: S603 - Debian's own program
            command,
            cwd=self._directory,
            env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
            user=extra.pw_uid if extra else None,
            group=extra.pw_gid if extra else None,
            extra_groups=[] if extra else None,
            # To files: what pg_ctl starts would keep a pipe open for ever.
            stdout=subprocess.DEVNULL,
            stderr=None,
            check=False,
        )
        if done.returncode:
            log = self._directory / "log"
            raise AssertionError(f"{program} failed: {log.read_text() if log.exists() else 'see stderr'}")


def _programs() -> Path:
    found = sorted(PACKAGED.glob("*/bin"), key=lambda path: float(path.parent.name))
    if not found:
        pytest.fail("PostgreSQL is not installed: run tools/servers.sh")
    return found[-1]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server of this test run."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database; every test that takes it runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tertulia.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()
