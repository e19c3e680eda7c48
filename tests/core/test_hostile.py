"""What strangers, forgers and liars get: nothing, and nobody else notices."""

import random
import socket

from sfu._core import AddressValidated, Core
from tests.core.client import (
    PASSWORD,
    PUBLISHER,
    Client,
    rtp,
    vp8_payload,
    wait_for_counter,
    wait_for_event,
    watched,
)


def video(index: int) -> bytes:
    payload = vp8_payload(picture=index, keyframe=index == 0)
    return rtp(ssrc=7, payload_type=96, sequence=index, timestamp=index * 3_000, payload=payload, marker=True)


def test_a_strangers_datagrams_are_not_looked_at(core: Core) -> None:
    with watched(core) as (alice, bob), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        alice.send_rtp(video(0))
        bob.receive_rtp()
        core.events()
        sealed = alice.sealing.protect(video(1))
        # An empty datagram, a ClientHello, a plaintext fatal alert, the publisher's own media.
        for datagram in (b"", b"\x16\xfe\xfd" + bytes(100), b"\x15\xfe\xfd" + bytes(9) + b"\x02\x02\x28", sealed):
            stranger.sendto(datagram, ("127.0.0.1", core.ports[0]))
        wait_for_counter(core, "strangers", 3)
        assert core.events() == []
        alice.socket.send(sealed)
        assert bob.receive_rtp().ssrc == 100
        assert core.counters()["rtp_in"] == 2


def test_forged_checks_validate_nothing(core: Core) -> None:
    with Client.add(core, "alice") as alice:
        alice.check(password="not the password of alice")
        alice.check(ufrag="ufrag-nobody")
        wait_for_counter(core, "stun_forged", 2)
        assert (core.events(), core.stats()[0].address) == ([], None)
        alice.check()
        wait_for_event(core, lambda event: isinstance(event, AddressValidated))


def test_replayed_media_is_dropped(core: Core) -> None:
    with watched(core) as (alice, _bob):
        sealed = alice.send_rtp(video(0))
        for _ in range(20):
            alice.socket.send(sealed)
        wait_for_counter(core, "srtp_replayed", 20)
        assert core.counters()["rtp_out"] == 1


def test_an_ice_restart_keeps_the_old_credentials_until_the_new_ones_are_used(core: Core) -> None:
    with Client.add(core, "alice") as alice:
        alice.connect(PUBLISHER)
        core.restart_ice(alice.peer, "ufrag-again", PASSWORD)
        alice.check()
        wait_for_counter(core, "stun_in", 2)
        alice.check(ufrag="ufrag-again")
        wait_for_counter(core, "stun_in", 3)
        alice.check()
        wait_for_counter(core, "stun_forged", 1)


def test_a_flood_of_noise_leaves_the_call_alone(core: Core) -> None:
    noise = random.Random(5)  # noqa: S311 - the same noise every time
    with watched(core) as (alice, bob), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        alice.send_rtp(video(0))
        bob.receive_rtp()
        for index in range(1, 301):
            for _ in range(20):
                datagram = noise.randbytes(noise.randrange(1, 200))
                stranger.sendto(datagram, ("127.0.0.1", core.ports[0]))
                bob.socket.send(datagram)
            alice.send_rtp(video(index))
            assert bob.receive_rtp().ssrc == 100
