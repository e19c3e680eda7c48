"""Packets a message count while a node is under full load, and only then."""

from __future__ import annotations

from tests.bench.run_length import RunLengths


def lengths(*totals: tuple[int, int]) -> RunLengths:
    made = RunLengths()
    for datagrams, messages in totals:
        made.note({"datagrams_out": datagrams, "messages_out": messages})
    return made


def test_times_with_fewer_packets_do_not_count() -> None:
    ramp, full, fuller = (0, 0), (100, 100), (1_100, 350)
    assert lengths(ramp, full, fuller, (2_050, 600), (2_100, 650)).at_full_load == (1_000 + 950) / 500


def test_nothing_known_is_one_packet_a_message() -> None:
    assert lengths().at_full_load == 1.0
    assert lengths((5, 5)).at_full_load == 1.0
    assert lengths((5, 5), (5, 5)).at_full_load == 1.0
