"""Wrong calls are exceptions that name what is wrong; right ones after the end too."""

import dataclasses
import socket
from collections.abc import Callable

import pytest

from sfu._core import Core
from sfu.media import Extensions
from tests.core.client import OPUS, PASSWORD, PUBLISHER, VIEWER, Client


@pytest.mark.parametrize(
    ("host", "udp_port", "workers", "named"),
    [
        ("localhost", 0, 1, '"localhost" is not an IP address'),
        ("127.0.0.1", 0, 0, "workers is 0"),
        ("127.0.0.1", 65_535, 2, "ports above 65535"),
    ],
)
def test_settings_that_cannot_work_are_named(host: str, udp_port: int, workers: int, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Core(host=host, udp_port=udp_port, workers=workers)


def test_a_taken_port_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}: address already in use"):
            Core(host="127.0.0.1", udp_port=port, workers=1)


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(OSError, match=r"cannot bind UDP 192\.0\.2\.1"):
        Core(host="192.0.2.1", udp_port=0, workers=1)


CALLS: list[Callable[[Core, int], object]] = [
    lambda core, peer: core.restart_ice(peer, "ufrag-other", PASSWORD),
    lambda core, peer: core.send_dtls(peer, b"\x16"),
    lambda core, peer: core.set_keys(peer, "SRTP_AEAD_AES_128_GCM", bytes(16), bytes(12), bytes(16), bytes(12)),
    lambda core, peer: core.set_media(peer, PUBLISHER),
    lambda core, peer: core.show(peer, "0", None),
    lambda core, peer: core.set_track_enabled(peer, "0", True),
    lambda core, peer: core.remove_peer(peer),
]


@pytest.mark.parametrize("call", CALLS)
def test_an_unknown_peer_is_a_key_error(core: Core, call: Callable[[Core, int], object]) -> None:
    with pytest.raises(KeyError, match="no peer 77"):
        call(core, 77)


def test_every_call_after_close_says_so(core: Core) -> None:
    peer = core.add_peer(0, "ufrag-alice", PASSWORD)
    core.set_media(peer, dataclasses.replace(PUBLISHER, senders=(dataclasses.replace(VIEWER.senders[0], mid="9"),)))
    core.close()
    core.close()
    calls: list[Callable[[Core, int], object]] = [
        *CALLS[:4],
        lambda core, peer: core.show(peer, "9", None),
        *CALLS[5:],
        lambda core, _: core.add_peer(0, "ufrag-bob", PASSWORD),
        lambda core, _: core.stats(),
        lambda core, _: core.levels(),
        lambda core, _: core.counters(),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="the core is closed"):
            call(core, peer)
    assert core.events() == []


def test_wrong_arguments_are_named(core: Core) -> None:
    alice = core.add_peer(0, "ufrag-alice", PASSWORD)
    bob = core.add_peer(0, "ufrag-bob", PASSWORD)
    core.set_media(alice, PUBLISHER)
    core.set_media(bob, VIEWER)
    track = PUBLISHER.tracks[0]
    wrong: list[tuple[type[Exception], str, Callable[[], object]]] = [
        (ValueError, "no worker 3", lambda: core.add_peer(3, "ufrag-carol", PASSWORD)),
        (ValueError, "shorter than 8", lambda: core.add_peer(0, "abcd", PASSWORD)),
        (ValueError, "shorter than 22", lambda: core.add_peer(0, "ufrag-carol", "short")),
        (ValueError, "in use by peer", lambda: core.add_peer(0, "ufrag-alice", PASSWORD)),
        (ValueError, "in use by peer", lambda: core.restart_ice(bob, "ufrag-alice", PASSWORD)),
        (ValueError, "longer than 1500", lambda: core.send_dtls(alice, bytes(2_000))),
        (ValueError, 'unknown SRTP profile "NULL"', lambda: core.set_keys(alice, "NULL", b"", b"", b"", b"")),
        (
            ValueError,
            f"remote key of peer {alice}",
            lambda: core.set_keys(alice, "SRTP_AEAD_AES_128_GCM", b"1", bytes(12), bytes(16), bytes(12)),
        ),
        (KeyError, "no sender 7", lambda: core.show(bob, "7", None)),
        (KeyError, "no track 7", lambda: core.show(bob, "0", (alice, "7"))),
        (KeyError, "no track 7", lambda: core.set_track_enabled(alice, "7", True)),
        (
            ValueError,
            "mid 0 is there twice",
            lambda: core.set_media(alice, dataclasses.replace(PUBLISHER, tracks=(track, track))),
        ),
        (
            ValueError,
            "extension id 15",
            lambda: core.set_media(alice, dataclasses.replace(PUBLISHER, extensions=Extensions(mid=15))),
        ),
        (
            ValueError,
            "payload type 128",
            lambda: core.set_media(
                alice,
                dataclasses.replace(
                    PUBLISHER,
                    tracks=(dataclasses.replace(track, codecs=(dataclasses.replace(OPUS, payload_type=128),)),),
                ),
            ),
        ),
    ]
    for error, named, call in wrong:
        with pytest.raises(error, match=named):
            call()


def test_handles_and_ufrags_come_free_but_handles_are_never_used_again(core: Core) -> None:
    first = core.add_peer(0, "ufrag-alice", PASSWORD)
    core.remove_peer(first)
    second = core.add_peer(0, "ufrag-alice", PASSWORD)
    assert second != first
    assert [peer.peer for peer in core.stats()] == [second]


def test_a_thousand_peers_come_and_go(core: Core) -> None:
    for round_ in range(2):
        peers = [core.add_peer(0, f"ufrag-{round_}-{index}", PASSWORD) for index in range(1_000)]
        for peer in peers:
            core.set_media(peer, VIEWER)
        assert len(core.stats()) == 1_000
        for peer in peers:
            core.remove_peer(peer)
    assert core.stats() == []
    with Client.add(core, "alice") as alice:
        alice.connect(PUBLISHER)


def test_the_core_listens_on_ipv6_too() -> None:
    core = Core(host="::", udp_port=0, workers=1)
    try:
        with Client.add(core, "alice") as alice:
            alice.connect(PUBLISHER)
            assert core.stats()[0].address == alice.socket.getsockname()
    finally:
        core.close()
