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
from tests.support.in_test_node import NODE_SECRET
from tests.support.redis import running_redis
from tests.support.signaling import running

app = typer.Typer()
app.command("signaling")(cli.signaling)
app.add_typer(user, name="user")
app.command("token")(cli.token)

runner = CliRunner()

ISSUER = ("signaling", "--issuer", "https://i", "--jwks", "https://i/keys", "--audience", "a")
NO_ORIGINS = (
    *("https://a.example/", "https://a.example/path", "https://a.example?x", "https://a.example#", "https://A.example"),
    *("https://me@a.example", "https://me:hunter2@a.example", "https://a.example:443", "http://a.example:80"),
)


def _run(*arguments: object, **environment: str) -> tuple[int, str, str]:
    result = runner.invoke(app, [str(argument) for argument in arguments], env=environment)
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
        (("signaling", "--ring-keep", "-1"), 2, "ring_keep_s: must be 0 or more, not -1.0"),
        (("signaling", "--room-keep", "nan"), 2, "room_keep_s: must be 0 or more, not nan"),
        (("signaling", "--stun", "http://x"), 2, "--stun"),
        (("signaling", "--stun", "stun:h:tea"), 2, "--stun: 'stun:h:tea' names no host"),
        (("signaling", "--turn", "turn:x"), 2, "--turn-secret-file"),
        (("signaling", "--node-secret-file", "missing"), 2, "--node-secret-file"),
        (("signaling", "--secret-file", "missing"), 2, "--secret-file"),
        (("signaling", "--redis", "http://x"), 2, "--redis: 'http://x' does not start with redis://"),
        (("signaling", "--redis", "redis://127.0.0.1:99999"), 2, "--redis: 'redis://127.0.0.1:99999' names no host"),
        (("signaling", "--redis", "redis://127.0.0.1:tea"), 2, "--redis: 'redis://127.0.0.1:tea' names no host"),
        (("signaling", "--redis", "redis://[::1"), 2, "--redis: 'redis://[::1' names no host"),
        (("signaling", "--redis", "redis://127.0.0.1:1/tea"), 2, "--redis: 'tea' is no number"),
        (("signaling", "--redis", "redis://127.0.0.1:1?tea=1"), 2, "--redis: has an option"),
        (("signaling", "--redis", "redis://127.0.0.1:1?socket_timeout=tea"), 2, "--redis: has an option"),
        (("signaling", "--redis", "unix://"), 2, "--redis: names no socket"),
        (("signaling", "--redis", "redis://127.0.0.1:1"), 1, "cannot reach Redis at redis://127.0.0.1:1: "),
        (("signaling", "--redis", "redis://nowhere.invalid"), 1, "cannot reach Redis at redis://nowhere.invalid: "),
        (("signaling", "--issuer", "https://i", "--jwks", "https://i/keys"), 2, "--audience: is needed"),
        (("signaling", "--jwks", "https://i/keys", "--audience", "a"), 2, "--issuer: is needed"),
        ((*ISSUER, "--issuer", "i.example"), 2, "--issuer: 'i.example' does not start with https://"),
        ((*ISSUER, "--issuer", "https://"), 2, "--issuer: 'https://' names no host"),
        ((*ISSUER, "--jwks", "https://[x"), 2, "--jwks: 'https://[x' names no host"),
        ((*ISSUER, "--jwks", "https://i:tea/"), 2, "--jwks: 'https://i:tea/' names no host"),
        ((*ISSUER, "--jwks", "https://me:hunter2@i/"), 2, "--jwks: must not hold a user"),
        ((*ISSUER, "--audience", " "), 2, "--audience: must not be empty"),
        ((*ISSUER, "--issuer-domain", "a b"), 2, "domain: 'a b'"),
        (("signaling", "--cors-origin", "calls.example"), 2, "--cors-origin: 'calls.example' does not start"),
        *((("signaling", "--cors-origin", origin), 2, "is no origin") for origin in NO_ORIGINS),
        (("signaling", "--cors-origin", "https://"), 2, "--cors-origin: 'https://' names no host"),
        (("signaling", "--trust-proxy", "tea"), 2, "--trust-proxy: 'tea'"),
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
    assert "hunter2" not in done[2]
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


def test_a_password_in_the_redis_option_is_refused_and_not_repeated(tmp_path: Path) -> None:
    for url in ("redis://:hunter2@127.0.0.1:1", "redis://me:hunter2@[", "redis://127.0.0.1:1?password=hunter2"):
        code, _, err = _run("signaling", "--redis", url, "--data", tmp_path)
        assert (code, err.count("\n"), "hunter2" in err) == (2, 1, False), err


def test_the_password_of_redis_comes_from_file_or_environment_and_is_never_told(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("hunter3\n")
    with running_redis(tmp_path, "hunter2") as redis:
        for options, environment in (
            (("--redis", redis.url, "--redis-password-file", wrong), {}),
            (("--redis", redis.url), {"TERTULIA_REDIS_PASSWORD": "hunter3"}),
            ((), {"TERTULIA_REDIS": redis.url.replace("://", "://:hunter3@")}),
        ):
            code, out, err = _run("signaling", *options, "--data", tmp_path / "var", **environment)
            assert (code, err.count("\n"), "hunter" in out + err) == (1, 1, False), err
            assert err.startswith(f"error: cannot reach Redis at {redis.url}: ")


async def test_signaling_runs_with_a_redis_that_wants_a_password(tmp_path: Path) -> None:
    with running_redis(tmp_path, "hunter2") as redis:
        secret = redis.url.replace("://", "://:hunter2@")
        for url, password in ((redis.url, "hunter2"), (secret, "")):
            async with running(tmp_path, redis=url, redis_password=password) as server:
                assert await server.app.state.devices.count() == 0
                shown = repr(server.app.config)
                assert not [word for word in ("hunter2", "bytes or more", NODE_SECRET) if word in shown]
