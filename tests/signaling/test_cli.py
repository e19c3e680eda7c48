"""The commands: what they make, and the one line that bad input gets."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from signaling import cli
from signaling.config import kept_secret, node_secrets, own_secrets
from signaling.console.users import user
from signaling.tokens import AccessTokens

app = typer.Typer()
app.command("signaling")(cli.signaling)
app.add_typer(user, name="user")
app.command("token")(cli.token)

runner = CliRunner()


def _run(*arguments: object) -> tuple[int, str, str]:
    result = runner.invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    return file


def test_a_user_is_made_and_a_token_printed(tmp_path: Path, password: Path) -> None:
    data = tmp_path / "var"
    code, out, _ = _run("user", "add", "Alice", "--password-file", password, "--data", data)
    assert code == 0
    made = out.split()[-1]
    code, out, _ = _run("token", "alice", "--data", data)
    assert code == 0
    tokens = AccessTokens((kept_secret(data / "secret").encode(),))
    assert tokens.check(out.strip(), now=time.time()).user == made


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    kept = kept_secret(tmp_path / "var" / "secret")
    assert len(kept) == 64
    assert kept_secret(tmp_path / "var" / "secret") == kept
    assert (tmp_path / "var" / "secret").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in (tmp_path / "var").iterdir()] == ["secret"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("user", "add", "a b", "--password-file", "PW"), 2, "user name"),
        (("user", "add", "alice", "--domain", "-", "--password-file", "PW"), 2, "domain"),
        (("user", "add", "alice", "--password-file", "missing"), 2, "cannot read missing"),
        (("user", "add", "alice", "--password-file", "EMPTY"), 2, "is empty"),
        (("token", "nobody"), 1, "no user 'nobody'"),
        (("signaling", "--port", "99999"), 2, "--port"),
        (("signaling", "--ring-timeout", "0"), 2, "ring_timeout_s"),
        (("signaling", "--stun", "http://x"), 2, "--stun"),
        (("signaling", "--turn", "turn:x"), 2, "--turn-secret-file"),
        (("signaling", "--node-secret-file", "missing"), 2, "--node-secret-file"),
        (("signaling", "--secret-file", "missing"), 2, "--secret-file"),
    ],
)
def test_bad_input_is_one_line_naming_what_is_wrong(
    tmp_path: Path, password: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    (tmp_path / "empty").write_text("")
    places = {"PW": str(password), "EMPTY": str(tmp_path / "empty")}
    given = [places.get(argument, argument) for argument in arguments]
    done = _run(*given, "--data", tmp_path / "var")
    assert done[0] == code
    assert done[2].startswith("error: ")
    assert says in done[2]
    assert len(done[2].splitlines()) == 1


def test_a_taken_user_name_is_an_error(tmp_path: Path, password: Path) -> None:
    add = ("user", "add", "alice", "--password-file", password, "--data", tmp_path / "var")
    assert _run(*add)[0] == 0
    code, _, err = _run(*add)
    assert (code, err) == (1, "error: user alice@local exists already\n")


def test_a_taken_port_is_an_error_naming_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = _run("signaling", "--port", port, "--data", tmp_path / "var")
    assert code == 1
    assert err == f"error: port {port} on 127.0.0.1 is taken; choose another with --port\n"


def test_a_database_that_is_none_is_an_error_naming_it(tmp_path: Path) -> None:
    data = tmp_path / "var"
    data.mkdir()
    (data / "tertulia.db").write_text("this is not a database, but long enough to look like one" * 20)
    code, _, err = _run("token", "alice", "--data", data)
    assert code == 1
    assert "cannot use the database" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    program = (
        "import sys, typer; from signaling import cli; app = typer.Typer(); app.command()(cli.signaling);"
        f"sys.argv = ['signaling', '--port', '0', '--data', {str(tmp_path / 'var')!r}]; app()"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"signaling at http://127.0.0.1:")
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 0
        assert b"Traceback" not in err


def test_secrets_of_nodes_are_the_lines_of_their_file(tmp_path: Path) -> None:
    (tmp_path / "node-secret").write_text("new\r\n\nold\n")
    assert node_secrets(None, tmp_path, {}) == ("new", "old")
    given = tmp_path / "node-secret"
    assert node_secrets(given, tmp_path / "elsewhere", {"TERTULIA_NODE_SECRET": "x"}) == ("new", "old")
    assert node_secrets(None, tmp_path, {"TERTULIA_NODE_SECRET": "from the environment"}) == ("from the environment",)


def test_secrets_of_ours_are_the_lines_of_their_file_the_newest_first(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the new one of 16 bytes\r\n\nthe old one of 16 bytes\n")
    both = (b"the new one of 16 bytes", b"the old one of 16 bytes")
    assert own_secrets(None, tmp_path, {}) == both
    assert own_secrets(tmp_path / "secret", tmp_path / "elsewhere", {"TERTULIA_SECRET": "x"}) == both
    assert own_secrets(None, tmp_path, {"TERTULIA_SECRET": "from the environment"}) == (b"from the environment",)
