"""`tertulia agent` says in one line what is wrong with its arguments, before it does anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import agents.cli
from tests.support.media import VP8_CLIP
from tests.support.ports import free_tcp_port

app = typer.Typer()
app.command()(agents.cli.agent)

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def password(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text("secret\n")
    return str(file)


def run(*arguments: str) -> tuple[int, str, str]:
    """Status, output, errors."""
    result = CliRunner().invoke(app, [*arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def refused(*arguments: str) -> str:
    """The one line that a command with wrong arguments prints."""
    status, out, err = run(*arguments)
    assert status == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_either_calling_or_answering_must_be_chosen(password: str) -> None:
    base = ("--url", NOWHERE, "--user", "alice", "--password-file", password)
    assert "--call USER or --answer" in refused(*base)
    assert "--call USER or --answer" in refused(*base, "--call", "bob", "--answer")


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--duration", "0"), "--duration must be above 0 s, not 0"),
        (("--duration", "nan"), "--duration must be above 0 s"),
        (("--loop",), "--loop needs a file to --play"),
        (("--play", "/nowhere/clip.webm"), "/nowhere/clip.webm: there is no such file"),
        (("--play", __file__), "test_cli.py: is damaged or no media file"),
        (("--record", "/nowhere/out.mkv"), "there is no folder /nowhere"),
        (("--url", "ftp://x"), "--url must begin with http:// or https://"),
        (("--token-file", "/nowhere/token"), "either --password-file or --token-file"),
        (("--password-file", "/nowhere/password"), "/nowhere/password: No such file"),
    ],
)
def test_a_wrong_argument_is_named(password: str, flags: tuple[str, ...], complaint: str) -> None:
    base = ("--url", NOWHERE, "--user", "alice", "--password-file", password, "--call", "bob")
    assert complaint in refused(*base, *flags)


def test_a_damaged_clip_is_named_before_any_call(password: str, tmp_path: Path) -> None:
    cut = tmp_path / "cut.webm"
    cut.write_bytes(VP8_CLIP.read_bytes()[:900_000])
    base = ("--url", NOWHERE, "--user", "alice", "--password-file", password, "--call", "bob")
    assert "cut.webm: is cut off" in refused(*base, "--play", str(cut))


def test_an_empty_password_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    base = ("--url", NOWHERE, "--user", "alice", "--password-file", str(tmp_path / "empty"), "--answer")
    assert "its first line is empty" in refused(*base)


def test_a_signaling_that_is_not_there_is_a_failed_call(password: str) -> None:
    url = f"http://127.0.0.1:{free_tcp_port()}"
    status, out, err = run("--url", url, "--user", "alice", "--password-file", password, "--call", "bob", "--json")
    assert status == 1
    told = json.loads(out)
    assert told["call"]["result"] == "failed"
    assert url in told["call"]["reason"]
    assert err == f"error: {told['call']['reason']}\n"
    assert told["sent"] == told["received"] == {}
