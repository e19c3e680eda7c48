"""Conditions: what they compare, in which units, and what is said about a wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from agents.errors import ConfigError
from agents.load.require import FIGURES, parse

REPORT: dict[str, Any] = {
    "received": {"loss": 0.004, "lost": 4, "corrupt": 0, "packets_per_s": 1_000.0},
    "delay_ms": {"p50": 0.2, "p99": 30.0},
    "join_ms": {"total": {"p95": 140.0}, "phases": {"dtls": {"p95": 12.0}}},
    "tester": {"late_ms": {"p99": 0.5}},
    "server": {"us_per_packet": 3.5, "rss_peak": 200e6, "cpu_share": 0.9},
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("loss<0.5%", True),
        ("loss<0.4%", False),
        ("loss<=0.4%", True),
        ("loss<0.005", True),
        ("loss>0.5%", False),
        ("lost>=4", True),
        ("lost>4", False),
        ("corrupt=0", True),
        ("lost=0", False),
        ("delay.p99<=30ms", True),
        ("delay.p99<0.03s", False),
        ("delay.p50<=200us", True),
        ("delay.p50<200µs", False),
        ("join.p95<150", True),
        ("join.dtls.p95<12.5ms", True),
        ("join.dtls.p95<12ms", False),
        ("server.us_per_packet<3.6us", True),
        ("server.us_per_packet<0.0035ms", False),
        ("server.rss_peak<=200MB", True),
        ("server.cpu_share<90%", False),
        ("tester.late_p99<1ms", True),
        (" received.packets_per_s >= 1000 ", True),
    ],
)
def test_a_condition_holds_or_does_not(text: str, holds: bool) -> None:
    assert parse(text).judge(REPORT).holds is holds


def test_the_outcome_quotes_the_condition_and_the_value_in_the_reports_unit() -> None:
    outcome = parse(" delay.p99<0.1s ").judge(REPORT)
    assert (outcome.text, outcome.value, outcome.holds) == ("delay.p99<0.1s", 30.0, True)


@pytest.mark.parametrize("text", ["server.us_per_packet<5", "join.ring.p95<100ms"])
def test_what_was_not_measured_holds_no_condition(text: str) -> None:
    outcome = parse(text).judge({**REPORT, "server": None})
    assert outcome.value is None
    assert not outcome.holds


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not of the form NAME<NUMBER"),
        ("loss", "not of the form NAME<NUMBER"),
        ("loss<", "not of the form NAME<NUMBER"),
        ("loss<<1", "not of the form NAME<NUMBER"),
        ("loss<1e3", "not of the form NAME<NUMBER"),
        ("loss<-1", "not of the form NAME<NUMBER"),
        ("speed<1", "no figure is called 'speed'; there are "),
        ("join.dtls.p42<1", "no figure is called 'join.dtls.p42'"),
        ("loss<1ms", "loss has no unit 'ms', but %, none"),
        ("delay.p99<1%", "delay.p99 has no unit '%', but ms, s, us, µs, none"),
    ],
)
def test_a_wrong_condition_is_quoted_with_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text)
    assert "--require" in str(error.value)
    assert complaint in str(error.value)


def test_conditions_on_the_server_are_known_as_such() -> None:
    assert parse("server.cpu_share<1").needs_server
    assert not parse("loss<1%").needs_server


def test_every_figure_can_be_asked_for_by_its_name() -> None:
    assert [parse(f"{name}<1").figure for name in FIGURES] == list(FIGURES.values())
