"""`make bench`: bad flags are named, and a row that fails doesn't end the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.__main__ import measured, options
from tests.bench.effort import QUICK, Bench, Cores, Unmeasured
from tests.bench.family import Family
from tests.bench.row import Row, told
from tests.bench.rows import FAMILIES

ASKED_FOR = (
    *("fanout_cpu", "fanout_pps", "audio_cpu", "meetings", "growth"),
    *("delay", "memory", "joins", "workers", "tester"),
)


def bench(directory: Path) -> Bench:
    return Bench(QUICK, Cores.of_this_machine(), directory, lambda _text: None)


def test_every_figure_of_the_evidence_has_a_row() -> None:
    ids = [name for family in FAMILIES for name in family.ids]
    assert set(ASKED_FOR) <= set(ids)
    assert len(ids) == len(set(ids))


def test_a_full_run_takes_no_longer_than_it_may() -> None:
    assert sum(family.minutes for family in FAMILIES) < 45


def test_rows_are_chosen_by_family_or_id() -> None:
    given = options(["--rows", "fanout_pps,delay"])
    assert [family.name for family in given.families] == ["fanout", "delay"]
    assert len(options(["--rows", "fanout_pps,fanout_cpu"]).families) == 1
    assert options(["--quick"]).effort == QUICK
    assert options(["--runs", "2"]).effort.quick


@pytest.mark.parametrize(
    ("flags", "named"),
    [(["--rows", "fanout,speed"], "speed"), (["--runs", "0"], "--runs"), (["--seconds", "0"], "--seconds")],
)
def test_a_bad_flag_is_named(flags: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options(flags)
    assert ended.value.code == 2
    assert named in capsys.readouterr().err


def test_a_row_that_cannot_be_measured_says_why_and_the_others_go_on(tmp_path: Path) -> None:
    def absent(_bench: Bench) -> Iterator[Row]:
        yield told("one", "", 1.0, "us")
        raise Unmeasured("janus is not installed")

    def broken(_bench: Bench) -> Iterator[Row]:
        yield from ()
        raise ZeroDivisionError("no packets")

    def fine(_bench: Bench) -> Iterator[Row]:
        yield told("four", "", 4.0, "us")

    families = [
        Family("first", "", 0, absent, ("one", "two")),
        Family("three", "", 0, broken),
        Family("four", "", 0, fine),
    ]
    rows = {row.what: row for found in measured(families, bench(tmp_path)) for row in found}
    assert [(what, row.value) for what, row in rows.items()] == [
        ("one", 1.0),
        ("two", None),
        ("three", None),
        ("four", 4.0),
    ]
    assert rows["two"].how == "janus is not installed"
    assert rows["three"].how == "ZeroDivisionError: no packets"
