"""build/bench.json keeps each row's last figure, and the document says all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import document
from tests.bench.effort import Unmeasured
from tests.bench.results import Entry, merged, read, write
from tests.bench.row import Row, at_most, told, unmeasured

ORDER = ("fanout_cpu", "delay", "memory")


def entry(what: str, value: float = 1.0, *, quick: bool = False, at: str = "2026-11-28T08:00:00Z") -> Entry:
    return Entry(at_most(what, "about it", value, "us", bar=10.0, floor=0.5, peer=20.0, how="once"), at, quick)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "build" / "bench.json"
    entries = [entry("fanout_cpu"), Entry(unmeasured("memory", "RSS", "no janus"), "2026-11-28T08:00:00Z")]
    write(file, entries)
    assert read(file) == entries
    first = json.loads(file.read_text())[0]
    wanted = {"what": "fanout_cpu", "value": 1.0, "unit": "us", "floor": 0.5, "peer": 20.0, "bar": 10.0, "holds": True}
    assert wanted.items() <= first.items()


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"what": "a"}]', "null"])
def test_a_file_that_is_not_ours_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bench.json"
    file.write_text(text)
    assert read(file) == []


def test_rows_measured_alone_replace_their_family_and_leave_the_others() -> None:
    before = [entry("memory"), entry("delay"), entry("delay.p50"), entry("fanout_cpu", quick=True)]
    now = [entry("delay", 5.0, at="2026-11-29T08:00:00Z"), entry("delay.p99", at="2026-11-29T08:00:00Z")]
    found = merged(before, now, ORDER)
    assert [(one.row.what, one.at[8:10]) for one in found] == [("delay", "29"), ("delay.p99", "29"), ("memory", "28")]


def test_figures_have_few_digits(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    write(file, [entry("fanout_cpu", 1.23456789)])
    assert read(file)[0].row.value == 1.235


def test_the_document_gets_a_section_and_keeps_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    file.write_text(f"# Costs\n\n{document.BEGIN}\nformer\n{document.END}\n\nThe end.\n")
    rows: list[Row] = [told("fanout_cpu.relay", "a | b", 2_911.6, "us", how="once")]
    entries = [entry("fanout_cpu", 2.5), *(Entry(row, "2026-11-29T08:00:00Z") for row in rows)]
    document.write(file, entries, ["2 cores"], ["fanout_cpu", "joins"])
    text = file.read_text()
    assert text.startswith("# Costs\n\n")
    assert text.endswith(f"{document.END}\n\nThe end.\n")
    assert "former" not in text
    assert "Measured on 2026-11-28, 2026-11-29. 2 cores." in text
    assert "| `fanout_cpu` | about it | 2.50 us | 0.500 | 20 | ≤ 10 | yes |" in text
    assert "| `fanout_cpu.relay` | a \\| b | 2,912 us |  |  |  |  |" in text
    assert "- `fanout_cpu.relay`: once" in text
    assert "Not measured fully yet: `joins`." in text


def test_figures_of_rows_that_were_not_measured_anew_stay_with_when_and_where_they_were(tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    file.write_text(f"{document.BEGIN}\n{document.END}\n")
    first = [entry("fanout_cpu", 1.0), entry("delay.p50", 2.0), entry("delay", 2.0), entry("memory", 3.0)]
    document.write(file, first, ["2 cores"], ORDER)
    document.write(file, [entry("delay", 4.0, at="2026-11-29T08:00:00Z")], ["4 cores"], ORDER)
    document.write(file, [entry("memory", 5.0, at="2026-11-30T08:00:00Z")], ["8 cores"], (*ORDER, "joins"))
    text = file.read_text().splitlines()
    assert text[1:7:2] == [
        "Measured on 2026-11-30. 8 cores.",
        "Kept from before: `fanout_cpu`. Measured on 2026-11-28. 2 cores.",
        "Kept from before: `delay`. Measured on 2026-11-29. 4 cores.",
    ]
    rows = [line.split(" | ")[0:3:2] for line in text if line.startswith("| `")]
    assert rows == [["| `fanout_cpu`", "1 us"], ["| `delay`", "4 us"], ["| `memory`", "5 us"]]
    assert [line for line in text if line.startswith("- `")] == [f"- `{one}`: once" for one in ORDER]
    assert "Not measured fully yet: `joins`." in text


@pytest.mark.parametrize(
    "text", ["", document.BEGIN, f"{document.END} {document.BEGIN}", 2 * f"{document.BEGIN}{document.END}"]
)
def test_a_document_without_a_place_for_it_is_left_alone(tmp_path: Path, text: str) -> None:
    file = tmp_path / "performance.md"
    file.write_text(text)
    with pytest.raises(Unmeasured, match="no place"):
        document.write(file, [entry("fanout_cpu")], [], ORDER)
    assert file.read_text() == text
