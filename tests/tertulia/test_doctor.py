"""`tertulia doctor`: each check against the real thing, well and ill, and what it says to do."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from typer.testing import CliRunner

from tertulia.app import app
from tertulia.checks import machine, media, servers, stores
from tertulia.checks.finding import Finding
from tests.support.coturn import SECRET as SECRET_OF_RELAYS
from tests.support.coturn import running_coturn
from tests.support.eventually import eventually
from tests.support.node import running_node
from tests.support.ports import free_tcp_port, free_udp_port
from tests.support.postgres import Postgres, postgres
from tests.support.redis import running_redis
from tests.support.signaling import running
from tests.support.stand_in import SECRET
from tests.support.system import run_console

__all__ = ["postgres"]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@contextmanager
def process(*arguments: str) -> Iterator[None]:
    """A server of Debian's, ended with the test."""
    child = subprocess.Popen(  # noqa: S603  fixed programs
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        child.kill()
        child.wait()


async def until_open(port: int) -> None:
    async def is_open() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    await eventually(is_open, f"port {port} is open")


def the(findings: list[Finding], subject: str) -> Finding:
    """The finding about one subject."""
    (found,) = [finding for finding in findings if finding.subject == subject]
    return found


# Signaling and nodes.


async def test_signaling_without_nodes_is_broken_and_with_one_is_well(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    async with running(tmp_path) as server:
        findings = await servers.signaling(http, server.url)
        assert the(findings, "signaling").state == the(findings, "clock").state == "ok"
        assert the(findings, "nodes").state == "broken"
        assert "start `tertulia node --signaling URL`" in the(findings, "nodes").fix
        await server.node()
        assert the(await servers.signaling(http, server.url), "nodes").text == "1 registered"


async def test_signaling_without_its_redis_is_broken_and_says_where_to_look(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    with running_redis(tmp_path) as redis:
        async with running(tmp_path, redis=redis.url) as server:
            assert the(await servers.signaling(http, server.url), "signaling").state == "ok"
            redis.stop()
            findings = await servers.signaling(http, server.url)
            redis.start()
    assert the(findings, "signaling").state == "broken"
    assert "see Redis below" in the(findings, "signaling").fix
    assert the(findings, "nodes").state == "skipped"


async def test_a_silent_signaling_and_a_stranger_on_its_port_are_told_apart(http: aiohttp.ClientSession) -> None:
    port = free_tcp_port()
    (silent,) = await servers.signaling(http, f"http://127.0.0.1:{port}")
    assert (silent.state, "start `tertulia signaling`" in silent.fix) == ("broken", True)
    with process("redis-server", "--port", str(port), "--save", ""):
        await until_open(port)
        (stranger,) = await servers.signaling(http, f"http://127.0.0.1:{port}")
    assert f"another program has port {port}" in stranger.text
    assert "choose another with --port" in stranger.fix


async def test_media_ports_of_a_node_answer_a_check_and_only_with_the_secret(http: aiohttp.ClientSession) -> None:
    async with running_node() as deployment:
        assert (await servers.node(http, deployment.url)).state == "ok"
        (port,) = await media.node(http, deployment.url, SECRET)
        assert (port.state, port.text) == ("ok", "answers an ICE check")
        assert port.subject == f"UDP 127.0.0.1:{deployment.process.udp_ports[0]}"
        (refused,) = await media.node(http, deployment.url, "guessed")
        assert (refused.state, "--node-secret-file" in refused.fix) == ("broken", True)


async def test_a_node_that_is_not_there_and_a_stranger_in_its_place_are_broken(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    absent = f"http://127.0.0.1:{free_tcp_port()}"
    assert "start `tertulia node`" in (await servers.node(http, absent)).fix
    (no_probe,) = await media.node(http, absent, SECRET)
    assert (no_probe.state, "the line of the node above" in no_probe.fix) == ("broken", True)
    async with running(tmp_path) as server:
        assert (await servers.node(http, server.url)).text == "answers, but is not registered"
        (stranger,) = await media.node(http, server.url, SECRET)
    assert (stranger.state, bool(stranger.fix)) == ("broken", True)


async def test_signaling_without_its_database_is_broken_and_says_where_to_look(
    tmp_path: Path, http: aiohttp.ClientSession, postgres: Postgres
) -> None:
    async with running(tmp_path, database=postgres.database()) as server:
        assert the(await servers.signaling(http, server.url), "signaling").state == "ok"
        postgres.stop()
        try:
            findings = await servers.signaling(http, server.url)
        finally:
            postgres.start()
    assert the(findings, "signaling").state == "broken"
    assert "see database below" in the(findings, "signaling").fix


async def test_an_address_at_which_no_packet_arrives_is_named(http: aiohttp.ClientSession) -> None:
    async with running_node(advertise=("127.0.0.2",), udp_host="127.0.0.1") as deployment:
        (port,) = await media.node(http, deployment.url, SECRET)
        assert port.state == "broken"
        assert port.subject.startswith("UDP 127.0.0.2:")
        assert "check --advertise" in port.fix


async def test_a_node_that_is_not_registered_is_broken(http: aiohttp.ClientSession) -> None:
    async with running_node() as deployment:
        await deployment.signaling.stop()

        async def is_broken_now() -> bool:
            return (await servers.node(http, deployment.url)).text == "answers, but is not registered"

        await eventually(is_broken_now, "the loss is noticed")


@pytest.mark.parametrize(
    ("page", "node", "state", "words"),
    [
        ("https://calls.example", "wss://calls.example/sfu1", "ok", ""),
        ("http://127.0.0.1:8080", None, "ok", ""),
        ("http://calls.example", None, "broken", "TLS proxy"),
        ("https://calls.example", "ws://calls.example:8081", "broken", "--public-url"),
    ],
)
def test_schemes_that_browsers_do_not_mix(page: str, node: str | None, state: str, words: str) -> None:
    finding = servers.schemes(page, node)
    assert finding.state == state
    assert words in finding.fix


def test_a_clock_that_is_off_is_broken() -> None:
    assert servers.clock("Mon, 01 Jan 2024 00:00:00 GMT", 1704067201.0).state == "ok"
    ahead = servers.clock("Mon, 01 Jan 2024 00:01:00 GMT", 1704067200.0)
    assert (ahead.state, "+60 s" in ahead.text, "chrony" in ahead.fix) == ("broken", True, True)
    hidden = servers.clock("", 0.0)
    assert (hidden.state, "Date header" in hidden.fix) == ("warning", True)


# TURN and STUN.


async def test_turn_gives_a_relay_for_our_credentials_and_says_when_it_does_not() -> None:
    with running_coturn() as coturn:
        now = time.time()
        good = await media.turn_server(coturn.url, SECRET_OF_RELAYS, now)
        by_tcp = await media.turn_server(f"{coturn.url}?transport=tcp", SECRET_OF_RELAYS, now)
        wrong = await media.turn_server(coturn.url, "another secret", now)
        seen = await media.stun_server(f"stun:127.0.0.1:{coturn.port}")
    assert good.text.startswith("gives a relay at 127.0.0.1:"), good
    assert by_tcp.state == "ok"
    assert (wrong.state, "static-auth-secret" in wrong.fix) == ("broken", True)
    assert seen.text == "sees us at 127.0.0.1"


async def test_stun_and_turn_that_are_not_there_are_broken() -> None:
    port = free_udp_port()
    for url in (f"stun:127.0.0.1:{port}", "stun:nowhere.invalid"):
        found = await media.stun_server(url)
        assert (found.state, "--stun" in found.fix) == ("broken", True)
    nowhere = await media.turn_server("turn:nowhere.invalid", SECRET_OF_RELAYS, 0.0)
    assert (nowhere.state, "--turn" in nowhere.fix) == ("broken", True)
    absent = await media.turn_server(f"turn:127.0.0.1:{port}?transport=tcp", SECRET_OF_RELAYS, 0.0)
    assert "start coturn" in absent.fix


# Redis and the database.


async def test_redis_is_judged_by_what_it_keeps() -> None:
    port = free_tcp_port()
    with process("redis-server", "--port", str(port), "--save", "", "--maxmemory-policy", "allkeys-lru"):
        await until_open(port)
        findings = await stores.redis(f"redis://127.0.0.1:{port}")
    assert the(findings, "Redis").state == "ok"
    assert "appendonly yes" in the(findings, "Redis persistence").fix
    assert "noeviction" in the(findings, "Redis memory").fix
    (absent,) = await stores.redis(f"redis://127.0.0.1:{port}")
    assert "start redis-server" in absent.fix


async def test_redis_with_a_password_is_well_with_it_and_says_how_to_give_it_without(tmp_path: Path) -> None:
    with running_redis(tmp_path, "hunter2") as redis:
        assert the(await stores.redis(redis.url, "hunter2"), "Redis").state == "ok"
        assert the(await stores.redis(redis.url.replace("://", "://:hunter2@")), "Redis").state == "ok"
        for password in ("", "hunter3"):
            (found,) = await stores.redis(redis.url, password)
            assert (found.state, "--redis-password-file" in found.fix) == ("broken", True)
            assert "hunter" not in found.text
    (unknown,) = await stores.redis(f"{redis.url}?tea=1")
    assert unknown.state == "broken"


async def test_a_database_that_refuses_us_is_broken_and_its_password_is_not_told(postgres: Postgres) -> None:
    url = postgres.guarded("hunter2")
    assert (await stores.database(url.replace("@", ":hunter2@"))).state == "warning"  # empty
    refused = await stores.database(url.replace("@", ":hunter3@"))
    assert (refused.state, "its password" in refused.fix) == ("broken", True)
    assert "hunter" not in refused.text


def test_redis_of_another_time_or_age_is_named() -> None:
    good = {"redis_version": "7.0.15", "aof_enabled": 1, "maxmemory_policy": "noeviction"}
    assert {finding.state for finding in stores.redis_findings(good, 0.0)} == {"ok"}
    off = the(stores.redis_findings(good, 3.0), "Redis clock")
    assert (off.state, "chrony" in off.fix) == ("warning", True)
    old = the(stores.redis_findings(good | {"redis_version": "6.0.1"}, 0.0), "Redis")
    assert (old.state, "6.2 or later" in old.fix) == ("broken", True)


async def test_the_database_is_judged_by_its_version(tmp_path: Path) -> None:
    assert (await stores.database(f"sqlite:///{tmp_path}/new.db")).state == "warning"
    assert "cannot be used" in (await stores.database(f"sqlite:///{tmp_path}/no/such.db")).text
    assert (await stores.database("mysql://x")).state == "broken"
    async with running(tmp_path):
        pass
    assert (await stores.database(f"sqlite:///{tmp_path}/tertulia.db")).state == "ok"
    assert "newer" in stores.database_version("x", "9999").fix
    assert stores.database_version("x", "0001").state == "warning"


# The machine.


def test_few_open_files_and_secrets_that_others_may_read_are_warnings(tmp_path: Path) -> None:
    assert "LimitNOFILE=" in machine.open_files(1024).fix
    assert machine.open_files(65_536).state == "ok"
    secret = tmp_path / "secret"
    secret.write_text("new\nold\n")
    secret.chmod(0o644)
    assert machine.secrets([secret])[0].fix == f"`chmod 600 {secret}`"
    secret.chmod(0o600)
    assert "2 secrets" in machine.secrets([secret])[0].text
    secret.write_text("")
    assert [finding.state for finding in machine.secrets([secret, tmp_path / "none"])] == ["broken", "broken"]


# The command.


async def test_the_command_exits_1_with_what_is_broken_and_says_it_as_json(tmp_path: Path) -> None:
    port = free_tcp_port()
    done = await run_console(
        *("doctor", "--json", "--data", str(tmp_path)),
        *("--url", f"http://127.0.0.1:{port}", "--node", f"http://127.0.0.1:{port + 1}"),
    )
    assert done.status == 1, done.err
    found = {finding["subject"]: finding for finding in json.loads(done.out)}
    assert found["signaling"]["state"] == "broken"
    assert found["Redis"]["state"] == "skipped"
    assert found["secret node-secret"]["fix"]


async def test_the_command_exits_0_where_nothing_is_broken(tmp_path: Path) -> None:
    (tmp_path / "node-secret").write_text(SECRET)
    (tmp_path / "secret").write_text("a secret of sixteen bytes or more")
    for name in ("node-secret", "secret"):
        (tmp_path / name).chmod(0o600)
    async with running_node() as deployment, running(tmp_path) as server:
        await server.node()
        done = await run_console(
            *("doctor", "--json", "--data", str(tmp_path), "--url", server.url, "--node", deployment.url)
        )
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--url", "http://["), "--url: "),
        (("--node", "http://127.0.0.1:tea"), "--node: "),
        (("--public-url", "calls.example"), "--public-url: "),
        (("--node-public-url", "wss://["), "--node-public-url: "),
        (("--stun", "stun:127.0.0.1:tea"), "--stun: "),
        (("--turn", "turn:127.0.0.1:99999"), "--turn: "),
        (("--turn", "turn:"), "--turn: "),
        (("--redis", "http://x"), "--redis: "),
        (("--redis", "redis://:hunter2@127.0.0.1"), "--redis: holds a password"),
    ],
)
def test_what_cannot_be_looked_at_is_one_line_naming_it(tmp_path: Path, options: tuple[str, str], says: str) -> None:
    done = CliRunner().invoke(app, ["doctor", "--data", str(tmp_path), *options], env={"NO_COLOR": "1"})
    assert (done.exit_code, done.stderr.startswith(f"error: {says}"), done.stderr.count("\n")) == (2, True, 1)
    assert "hunter2" not in done.stderr
