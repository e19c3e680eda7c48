"""`tertulia user`: what it changes is in the database and in the audit log, and what it refuses is one line."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from signaling.qss.identifiers import UserId
from signaling.store import Store, User
from signaling.store.passwords import matches

from .conftest import Tertulia


def called(tertulia: Tertulia, name: str) -> User | None:
    return tertulia.store(lambda store: store.users.by_name(name))


def signs_in(tertulia: Tertulia, name: str, password: str) -> bool:
    found = tertulia.store(lambda store: store.users.password_of(name))
    return found is not None and matches(found[1] or "", password)


def test_a_user_is_added_listed_and_removed(tertulia: Tertulia, password: Path) -> None:
    added = tertulia.run("user", "add", "Alice", "--display-name", "Alice A.", "--admin", "--password-file", password)
    made = called(tertulia, "alice")
    assert made is not None
    assert added == f"user alice@local has the id {made.id}\n"
    assert signs_in(tertulia, "alice", "correct horse")
    (line,) = [line for line in tertulia.run("users", "list").splitlines() if "alice" in line]
    assert line.split()[:5] == ["alice@local", "Alice", "A.", "admin", "yes"]
    assert tertulia.run("user", "remove", "alice") == f"user alice@local ({made.id}) is removed\n"
    assert called(tertulia, "alice") is None


def test_users_are_listed_by_domain_and_name_for_machines(tertulia: Tertulia, password: Path) -> None:
    for name, domain in (("bob", "local"), ("alice", "local"), ("carol", "example.org")):
        tertulia.run("user", "add", name, "--domain", domain, "--password-file", password)
    listed = json.loads(tertulia.run("users", "list", "--json"))["users"]
    assert [(user["username"], user["domain"]) for user in listed] == [
        ("carol", "example.org"),
        ("alice", "local"),
        ("bob", "local"),
    ]
    local = json.loads(tertulia.run("users", "list", "--json", "--domain", "local"))["users"]
    assert [user["username"] for user in local] == ["alice", "bob"]


def test_more_users_than_are_read_at_once_are_all_listed(tertulia: Tertulia, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.console.users.PAGE", 2)
    tertulia.ids("a", "b", "c", "d", "e")
    assert [user["username"] for user in json.loads(tertulia.run("users", "list", "--json"))["users"]] == [*"abcde"]


def test_a_name_that_would_move_the_cursor_does_not(tertulia: Tertulia) -> None:
    tertulia.store(lambda store: store.users.add("mallory", "local", None, "a\x1b[2Jb\nc"))
    shown = tertulia.run("users", "list")
    assert "\x1b" not in shown
    assert "a\ufffd[2Jb\ufffdc" in shown


def test_a_new_password_ends_the_sessions_of_the_old_one(tertulia: Tertulia, password: Path, tmp_path: Path) -> None:
    tertulia.run("user", "add", "alice", "--password-file", password)
    made = called(tertulia, "alice")
    assert made is not None
    tertulia.store(lambda store: store.sessions.add("s1", made.id, time.time() + 60))
    (tmp_path / "new").write_text("battery staple\n")
    said = tertulia.run("user", "set-password", "alice", "--password-file", tmp_path / "new")
    assert said == "user alice@local has a new password; sessions ended: 1\n"
    assert not tertulia.store(lambda store: store.sessions.active("s1"))
    assert signs_in(tertulia, "alice", "battery staple")
    assert not signs_in(tertulia, "alice", "correct horse")


@pytest.mark.parametrize(
    ("switch", "domain", "receives"),
    [("on", True, True), ("off", True, False), ("on", False, True), ("domain", True, True), ("domain", False, False)],
)
def test_whether_a_user_receives_calls_is_his_own_word_or_his_domains(
    tertulia: Tertulia, switch: str, domain: bool, receives: bool
) -> None:
    tertulia.ids("alice")

    async def set_domain(store: Store) -> None:
        found = await store.domains.by_name("local")
        assert found is not None
        await store.domains.set_receive_calls(found.id, domain)

    tertulia.store(set_domain)
    tertulia.run("user", "calls", "alice", "off" if receives else "on")
    told = "receives calls" if receives else "receives no calls"
    assert tertulia.run("user", "calls", "alice", switch) == f"user alice@local {told}\n"
    found = called(tertulia, "alice")
    assert found is not None
    assert found.receives_calls is receives


def test_a_user_is_made_an_administrator_and_none_again(tertulia: Tertulia) -> None:
    tertulia.ids("alice")
    for switch, told, is_admin in (("on", "is", True), ("off", "is not", False)):
        assert tertulia.run("user", "admin", "alice", switch) == f"user alice@local {told} an administrator\n"
        found = called(tertulia, "alice")
        assert found is not None
        assert found.admin is is_admin


def test_every_change_is_in_the_audit_log_and_no_password_is(tertulia: Tertulia, password: Path) -> None:
    tertulia.run("user", "add", "alice", "--password-file", password)
    tertulia.run("user", "set-password", "alice", "--password-file", password)
    tertulia.run("user", "admin", "alice", "on")
    tertulia.run("user", "calls", "alice", "off")
    tertulia.run("user", "calls", "alice", "domain")
    tertulia.run("user", "remove", "alice")
    assert tertulia.audited() == [
        ("console", "user.add", {"username": "alice", "admin": False}),
        ("console", "user.change", {"password": True}),
        ("console", "user.change", {"admin": True}),
        ("console", "permission.user.set", {"receiveCalls": False}),
        ("console", "permission.user.clear", {"receiveCalls": None}),
        ("console", "user.remove", {"username": "alice"}),
    ]


def test_a_token_given_out_is_a_session_of_the_user_in_the_audit_log(tertulia: Tertulia) -> None:
    (alice,) = tertulia.ids("alice")
    tertulia.run("token", "alice")
    assert tertulia.audited() == [("console", "session.begin", {"user": alice})]


def test_a_user_is_meant_by_name_by_name_and_domain_or_by_id(tertulia: Tertulia) -> None:
    (alice,) = tertulia.ids("alice")
    for reference in ("alice", "ALICE@local", UserId(alice)):
        assert tertulia.run("user", "admin", reference, "on") == "user alice@local is an administrator\n"


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("remove", "nobody"), 1, "no user 'nobody' in "),
        (("set-password", "nobody", "--password-file", "PW"), 1, "no user 'nobody' in "),
        (("set-password", "alice", "--password-file", "missing"), 2, "--password-file: cannot read missing"),
        (("admin", "alice", "perhaps"), 2, "the last argument: must be on or off, not 'perhaps'"),
        (("calls", "alice", "perhaps"), 2, "the last argument: must be on or off or domain, not 'perhaps'"),
        (("calls", "nobody", "on"), 1, "no user 'nobody' in "),
        (("list", "--domain", "nowhere"), 1, "no domain 'nowhere' in "),
    ],
)
def test_what_cannot_be_done_is_one_line(
    tertulia: Tertulia, password: Path, arguments: tuple[str, ...], status: int, says: str
) -> None:
    tertulia.run("user", "add", "alice", "--password-file", password)
    given = [str(password) if argument == "PW" else argument for argument in arguments]
    ended, line = tertulia.refused("user", *given)
    assert ended == status
    assert line.startswith(says)


def test_looking_where_there_is_no_database_makes_none(tertulia: Tertulia, tmp_path: Path) -> None:
    file = tmp_path / "var" / "tertulia.db"
    for command in (("users", "list"), ("user", "remove", "alice"), ("call", "history")):
        status, line = tertulia.refused(*command)
        assert (status, line) == (1, f"no database at {file}; say which with --data or --database")
    assert not file.parent.exists()
