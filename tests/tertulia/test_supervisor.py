"""The process tree of `tertulia serve`: its pauses, and what it tells when it can't start."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tertulia.serve import ServeConfig, children, prepare_data
from tertulia.supervisor import FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_AFTER_S, next_pause
from tests.support.ports import free_tcp_port, free_udp_port
from tests.support.system import run_console


def test_a_child_that_keeps_dying_is_started_ever_more_slowly() -> None:
    pauses = [0.0]
    for _ in range(10):
        pauses.append(next_pause(pauses[-1], ran_s=0.1))
    assert pauses[1:4] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_a_child_that_ran_steadily_is_started_again_at_once() -> None:
    assert next_pause(LONGEST_PAUSE_S, ran_s=STEADY_AFTER_S) == FIRST_PAUSE_S
    assert next_pause(LONGEST_PAUSE_S, ran_s=STEADY_AFTER_S - 0.1) == LONGEST_PAUSE_S


def test_the_secret_of_the_two_halves_is_made_once_and_is_ours_alone(tmp_path: Path) -> None:
    config = ServeConfig(data=tmp_path / "data")
    prepare_data(config)
    first = config.node_secret_file.read_text()
    prepare_data(config)
    assert config.node_secret_file.read_text() == first
    assert len(first) == 64
    assert config.node_secret_file.stat().st_mode & 0o777 == 0o600


def test_the_node_gets_what_was_asked_of_serve(tmp_path: Path) -> None:
    config = ServeConfig(port=9000, udp_port=41000, workers=3, advertise=("192.0.2.1", "192.0.2.2"), data=tmp_path)
    _, node = children(config)
    flags = " ".join(node.arguments)
    assert "--signaling http://127.0.0.1:9000 " in flags
    assert "--port 9001 --udp-port 41000 --workers 3 --advertise 192.0.2.1 --advertise 192.0.2.2" in flags


def test_signaling_has_its_drain_time_before_it_is_killed(tmp_path: Path) -> None:
    signaling, _ = children(ServeConfig(drain_timeout_s=60.0, data=tmp_path))
    assert "--drain-timeout 60.0" in " ".join(signaling.arguments)
    assert signaling.stop_grace_s > 60.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--turn", "stun:192.0.2.1", "--turn-secret-file", "no-such-file"), "--turn-secret-file"),
        (("--database", "sqlite:///var/x", "--redis", "http://192.0.2.1"), "--redis"),
        (("--stun", "turn:192.0.2.1"), "--stun"),
        (("--no-such-option",), "--no-such-option"),
    ],
)
async def test_what_serve_does_not_know_is_asked_of_signaling(
    options: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    done = await run_console("serve", *options, "--port", str(free_tcp_port()), "--data", str(tmp_path))
    assert (done.status, words in done.err, "Traceback" in done.err) == (2, True, False), done.err


async def test_the_secret_that_serve_keeps_cannot_be_another(tmp_path: Path) -> None:
    done = await run_console("serve", "--node-secret-file", "elsewhere", "--data", str(tmp_path))
    assert (done.status, "--node-secret-file: serve keeps" in done.err) == (2, True)


async def test_a_drain_time_of_nothing_is_named(tmp_path: Path) -> None:
    done = await run_console("serve", "--drain-timeout", "0", "--data", str(tmp_path))
    assert (done.status, "--drain-timeout" in done.err) == (2, True)


@pytest.mark.parametrize("port", ["0", "65535", "70000", "-1"])
async def test_a_port_without_a_neighbour_is_named(port: str, tmp_path: Path) -> None:
    done = await run_console("serve", "--port", port, "--data", str(tmp_path))
    assert (done.status, "--port" in done.err, "Traceback" in done.err) == (2, True, False)


@pytest.mark.e2e
@pytest.mark.parametrize("taken", ["signaling", "node", "media"])
async def test_a_taken_port_ends_serve_with_its_name(taken: str, tmp_path: Path) -> None:
    port, udp_port = free_tcp_port(), free_udp_port()
    kind = socket.SOCK_DGRAM if taken == "media" else socket.SOCK_STREAM
    number = {"signaling": port, "node": port + 1, "media": udp_port}[taken]
    with socket.socket(type=kind) as squatter:
        squatter.bind(("0.0.0.0" if taken == "media" else "127.0.0.1", number))
        if kind == socket.SOCK_STREAM:
            squatter.listen()
        flags = ("--port", str(port), "--udp-port", str(udp_port), "--workers", "1", "--data", str(tmp_path))
        done = await run_console("serve", *flags)
    assert done.status != 0
    assert str(number) in done.err
    assert "Traceback" not in done.err
