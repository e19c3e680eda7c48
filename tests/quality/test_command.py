"""`make quality`: every bar has a row, bad flags are named, and the document gets its section."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.results import Entry
from tests.bench.row import at_least
from tests.quality import document
from tests.quality.__main__ import DOCUMENT, FULL, QUICK, options
from tests.quality.rows import FAMILIES

BARS = (
    *("loss3", "loss10", "rate_step", "uplink", "starved", "switches"),
    *("estimate", "late_joiner", "speaker"),
)


def test_every_bar_has_a_row() -> None:
    assert {name for family in FAMILIES for name in family.ids} == set(BARS)


def test_rows_are_chosen_by_name() -> None:
    assert [family.name for family in options(["--rows", "speaker,loss3"]).families] == ["speaker", "loss3"]
    assert options(["--quick"]).effort == QUICK
    assert options([]).effort == FULL


def test_a_row_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options(["--rows", "loss4"])
    assert ended.value.code == 2
    assert "loss4" in capsys.readouterr().err


def test_the_document_has_a_place_for_the_figures_and_they_stand_beside_a_direct_call(tmp_path: Path) -> None:
    file = tmp_path / "quality.md"
    file.write_text(DOCUMENT.read_text())
    row = at_least("loss3.shown", "pictures shown", 99.0, "%", bar=98.0, peer=97.5, how="600 of 606")
    document.write(file, [Entry(row, "2026-11-30T08:00:00Z")], ["loss3", "speaker", "unheard"])
    text = file.read_text()
    assert "| `loss3.shown` | pictures shown | 99 % | 97.50 | ≥ 98 | yes |" in text
    assert "- `loss3.shown`: 600 of 606" in text
    assert text.count("| `loss3") == 1, "other figures of that row were of another run"
    assert "| `speaker` |" in text, "what was not measured anew stays"
    assert "Not measured fully yet: `unheard`." in text
