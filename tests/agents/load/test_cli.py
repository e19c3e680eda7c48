"""`tertulia load` says in one line what is wrong with its flags, before it does anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tertulia.app import app
from tests.support.media import SPEECH_CLIP
from tests.support.ports import free_tcp_port

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def token(tmp_path: Path) -> str:
    file = tmp_path / "token"
    file.write_text("secret\n")
    return str(file)


def run(*flags: str) -> tuple[int, str, str]:
    """Status, output, errors."""
    result = CliRunner().invoke(app, ["load", *flags])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def refused(*flags: str) -> str:
    """The one line that a command with wrong flags prints."""
    status, out, err = run(*flags)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--kbps", "1"), "--kbps must be from 30"),
        (("--audio-only", "--video-only"), "exclude each other"),
        (("--loss", "much"), "--loss 'much' is no share"),
        (("--loss", "95%"), "--loss must be from 0 to 90, not 95"),
        (("--require", "speed<1"), "no figure is called 'speed'"),
        (("--require", "server.cpu_share<1"), "--require server.… needs --server-pid"),
        (("--find-capacity", "rooms"), "--find-capacity needs a condition"),
        (("--most", "5"), "--most goes with --find-capacity"),
        (("--find-capacity", "rooms", "--require", "loss<1%", "--most", "0"), "--most goes with"),
        (("--pin-server", "0"), "--pin-server needs --server-pid"),
        (("--pin-tester", "x"), "--pin-tester 'x': CPUs are given as"),
        (("--server-pid", "4194305"), "there is no such process"),
        (("--json", "/nowhere/report"), "there is no folder /nowhere"),
        (("--html", "/nowhere/report"), "there is no folder /nowhere"),
        (("--users", "/nowhere/users"), "/nowhere/users: No such file"),
        (("--admin-user", "root"), "give one of --admin-token-file, --admin-user and --users"),
        (("--bearer", "/nowhere/bearer"), "/nowhere/bearer: No such file"),
    ],
)
def test_a_wrong_flag_is_named(token: str, flags: tuple[str, ...], complaint: str) -> None:
    assert complaint in refused("--url", NOWHERE, "--admin-token-file", token, *flags)


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ((), "give either --url of signaling, or --whip and --whep"),
        (("--url", NOWHERE), "give one of --admin-token-file, --admin-user and --users"),
        (("--url", NOWHERE, "--admin-user", "root"), "--admin-user and --admin-password-file go together"),
        (("--url", NOWHERE, "--admin-token-file", "/nowhere/token"), "/nowhere/token: No such file"),
        (("--whip", NOWHERE, "--whep", NOWHERE, "--admin-user", "root"), "go with --url"),
        (("--whip", NOWHERE + "/{user}", "--whep", NOWHERE), "--whip 'http://127.0.0.1:1/{user}': only"),
    ],
)
def test_it_is_told_what_to_load_and_as_whom(flags: tuple[str, ...], complaint: str) -> None:
    assert complaint in refused(*flags)


def test_fewer_users_than_participants_are_refused(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text("ann t1\nben t2\n")
    assert "names 2 users, and the run needs 3" in refused(
        "--url", NOWHERE, "--users", str(users), "--participants", "3"
    )


def test_an_empty_token_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    assert "its first line is empty" in refused("--url", NOWHERE, "--admin-token-file", str(tmp_path / "empty"))


def test_a_signaling_that_is_not_there_is_status_1_and_one_line(
    token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    url = f"http://127.0.0.1:{free_tcp_port()}"
    status, _, err = run("--url", url, "--admin-token-file", token, "--audio-only")
    assert status == 1
    assert err.startswith(f"error: signaling at {url} cannot be reached: ")
    assert err.count("\n") == 1


def test_a_file_that_cannot_be_sent_is_status_2_and_one_line(
    token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    status, _, err = run("--url", NOWHERE, "--admin-token-file", token, "--media", str(SPEECH_CLIP))
    assert (status, err) == (2, f"error: {SPEECH_CLIP}: has no picture; give --audio-only\n")
