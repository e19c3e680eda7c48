"""The report: keys that others read, the page, the table, the CSV and the live view."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from agents.load.bottleneck import OwnUsage
from agents.load.distribution import Distribution
from agents.load.html import page
from agents.load.joining import Joins, JoinTimes
from agents.load.live import LiveView
from agents.load.plan import LoadPlan
from agents.load.plots import HEIGHT, POINTS, Line, plot
from agents.load.report import Measured, as_csv
from agents.load.require import parse
from agents.load.sampling import COLUMNS, Moment, Series
from agents.load.server import Usage
from agents.load.summary import rows
from agents.load.totals import Totals

EVIL = "<script>alert('&')</script>"
NOTHING_TOLD: dict[str, object] = {"events": {}, "again": {}, "frames": 0, "sdp_octets": 0}


def totals(second: int) -> Totals:
    return Totals(
        packets_sent=100 * second,
        octets_sent=100_000 * second,
        packets_received=990 * second,
        octets_received=990_000 * second,
        expected=1_000 * second,
        lost=10 * second,
        checked=60 * second,
        freezes=second,
        freeze_ns=100_000_000 * second,
        threads_cpu_ns=(100_000_000 * second,),
        delay_us=Distribution(((200.0, 50 * second), (5_000.0, 10 * second))),
        frame_delay_us=Distribution(((300.0, 20 * second),)),
        late_us=Distribution(((300.0, 100 * second),)),
    )


def moment(second: int, **changes: Any) -> Moment:  # noqa: ANN401
    told: dict[str, Any] = {
        "at": 50.0 + second,
        "totals": totals(second),
        "server": Usage(cpu_s=0.5 * second, rss=100_000_000 + second),
        "tester_cpu_s": 0.2 * second,
        "present": 4,
        "joined": 2 * second,
        "failed": 0,
    }
    return Moment(**(told | changes))


def measured() -> Measured:
    joins, series = Joins(), Series(began=50.0)
    times = JoinTimes(50.0)
    times.done("connect", 50.25)
    joins.succeed(times, 50.25)
    joins.fail(EVIL)
    for second in range(4):
        series.add("measure", moment(second), moment(second + 1))
    return Measured(
        plan=LoadPlan(url="http://x/?" + EVIL, participants=4),
        began_at=0.0,
        seconds=4.0,
        totals=totals(4),
        receivers=4,
        joins=joins,
        tester=OwnUsage(4.0, 0.8, 2, totals(4)),
        rows=series.rows,
    )


def report(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return measured().report([parse("loss<2%"), parse("lost=0")]) | changes


def test_the_figures_are_where_others_look_for_them() -> None:
    told = report()
    assert set(told) >= {
        *("plan", "machine", "seconds", "sent", "received", "delay_ms", "join_ms", "joins", "freezes", "server"),
        *("tester", "seconds_series", "requirements", "capacity"),
    }
    assert told["sent"] == {"packets": 400, "octets": 400_000, "packets_per_s": 100.0}
    assert told["received"] == {
        "packets": 3_960,
        "octets": 3_960_000,
        "packets_per_s": 990.0,
        "expected": 4_000,
        "lost": 40,
        "loss": 0.01,
        "recovered": 0,
        "duplicated": 0,
        "out_of_order": 0,
        "corrupt": 0,
        "checked": 240,
        "unmapped": 0,
    }
    assert told["delay_ms"] == {"p50": 0.2, "p90": 5.0, "p99": 5.0, "max": 5.0, "samples": 240}
    assert told["frame_delay_ms"] == {"p50": 0.3, "p90": 0.3, "p99": 0.3, "max": 0.3, "samples": 80}
    assert told["freezes"] == {"count": 4, "seconds": 0.4, "share": 0.025}
    assert told["joins"] == {"done": 1, "failed": 1, "per_s": 4.0, "errors": {EVIL: 1}, "told": NOTHING_TOLD}
    assert told["requirements"] == [
        {"text": "loss<2%", "value": 0.01, "holds": True},
        {"text": "lost=0", "value": 40.0, "holds": False},
    ]
    assert json.loads(json.dumps(told)) == told


def test_without_samples_there_is_no_delay() -> None:
    nothing = Measured(plan=LoadPlan(url="http://x"), began_at=0.0, tester=OwnUsage(0.0, 0.0, 1, Totals())).report()
    assert nothing["frame_delay_ms"] == nothing["delay_ms"]
    assert nothing["delay_ms"] == {"p50": None, "p90": None, "p99": None, "max": None, "samples": 0}
    assert nothing["received"]["loss"] == nothing["freezes"]["share"] == 0.0


def test_a_row_is_what_happened_in_its_second() -> None:
    row = report()["seconds_series"][2]
    assert row == pytest.approx(
        {
            "t": 3.0,
            "phase": "measure",
            "participants": 4,
            "joins": 2,
            "failed_joins": 0,
            "sent": 100.0,
            "received": 990.0,
            "mbit_received": 7.92,
            "lost": 10,
            "loss": 0.01,
            "freezes": 1,
            "delay_p50_ms": 0.2,
            "delay_p90_ms": 5.0,
            "delay_p99_ms": 5.0,
            "late_p99_ms": 0.3,
            "tester_cpu_share": 0.2,
            "server_cpu_share": 0.5,
            "server_rss": 100_000_003,
        }
    )


def test_a_loss_that_was_made_good_is_none_of_the_second_in_which_it_was() -> None:
    row = Series(0.0).add("measure", moment(2), moment(3, totals=Totals(lost=5, threads_cpu_ns=(0,))))
    assert row["lost"] == 0


def test_the_csv_has_a_line_a_second() -> None:
    (header, *lines) = csv.reader(io.StringIO(as_csv(report()["seconds_series"])))
    assert header == list(COLUMNS)
    assert [line[0] for line in lines] == ["1", "2", "3", "4"]
    assert lines[0][header.index("delay_p99_ms")] == "5"


def test_the_page_needs_nothing_else_and_lets_no_markup_in() -> None:
    made = page(report())
    assert EVIL not in made
    assert "&lt;script&gt;" in made
    assert not re.search(r"(src|href)=|url\(|<script|@import", made)
    assert made.count("<svg") == 8
    assert 'class="fails">does not hold' in made


def test_the_page_says_that_the_tester_was_the_limit() -> None:
    told = report()
    assert "The tester was the limit" not in page(told)
    told["tester"] |= {"bottleneck": True, "why": ["it was <busy>"]}
    assert "these are not the server's figures: it was &lt;busy&gt;." in page(told)


def test_the_page_of_a_run_that_measured_nothing_is_a_page() -> None:
    made = page(measured().report() | {"seconds_series": []})
    assert made.endswith("</html>\n")


def paths(svg: str) -> list[list[tuple[float, float]]]:
    """The points of each line of a plot."""
    (found,) = re.findall(r"<svg.*</svg>", svg)
    drawn = [path.attrib["d"] for path in ElementTree.fromstring(found).iter("path")]  # noqa: S314 - our own
    return [[(float(x), float(y)) for x, y in re.findall(r"[ML]([0-9.]+) ([0-9.]+)", one)] for one in drawn]


def test_a_line_goes_from_left_to_right_and_higher_values_stand_higher() -> None:
    ((first, second, third),) = paths(plot("a", [0.0, 1.0, 2.0], [Line("b", [0.0, 10.0, 5.0])]))
    assert first[0] < second[0] < third[0]
    assert first[1] > third[1] > second[1] >= 0
    assert first[1] <= HEIGHT


def test_a_line_is_broken_where_nothing_was_measured() -> None:
    svg = plot("a", [0.0, 1.0, 2.0, 3.0], [Line("b", [1.0, None, 3.0, 4.0]), Line("c", [None] * 4)])
    assert [len(path) for path in paths(svg)] == [3]
    assert svg.count("M") - svg.count("Mb") == 2


def test_a_long_run_keeps_its_peaks() -> None:
    times = [float(second) for second in range(10 * POINTS)]
    values: list[float | None] = [1.0] * len(times)
    values[777] = 10.0
    (points,) = paths(plot("a", times, [Line("b", values)]))
    assert len(points) == POINTS
    assert min(y for _, y in points) < max(y for _, y in points) - 50


def test_a_plot_of_nothing_and_of_zeros_is_a_plot() -> None:
    assert paths(plot("a", [], [Line("b", [])])) == []
    assert len(paths(plot("a", [0.0, 1.0], [Line("b", [0.0, 0.0])]))) == 1


def test_the_summary_says_what_matters() -> None:
    told = dict(
        rows(
            report(
                server={"us_per_packet": 3.25, "cpu_share": 0.9, "rss_before": 1e6, "rss_after": 2e6, "rss_peak": 3e6}
            )
        )
    )
    assert told["lost"].startswith("40 (1.000%)")
    assert told["delay, ms"].startswith("p50 0.20, p90 5.00")
    assert told["joins"] == "1 done, 1 failed, 4.0 a second"
    assert told["  connect"].startswith("p50 250.0")
    assert told["server"] == "90% of a core, 3.25 µs of CPU a packet received"
    assert told["was the tester the limit?"] == "no"


def test_the_summary_of_a_search_tells_of_each_load() -> None:
    trials = [
        {"load": 1, "holds": True, "failed": [], "bottleneck": False},
        {"load": 2, "holds": False, "failed": ["loss<1%"], "bottleneck": True},
    ]
    told = dict(rows(report(capacity={"what": "rooms", "largest": 1, "most": 9, "trials": trials})))
    assert told["capacity"] == "1 rooms"
    assert told["  2 rooms"] == "does not hold: loss<1% (the tester was the limit)"


def shown(*, terminal: bool, seconds: int) -> str:
    out = io.StringIO()
    view = LiveView(Console(file=out, force_terminal=terminal, width=140, highlight=False))
    series = Series(began=50.0)
    with view.shown():
        view.say("signed in 1 of 2 users")
        view.say("signed in 2 of 2 users")
        for second in range(seconds):
            view.row(series.add("measure", moment(second), moment(second + 1)))
    return out.getvalue()


def test_without_a_terminal_there_is_a_line_now_and_then() -> None:
    lines = shown(terminal=False, seconds=21).splitlines()
    assert lines[0] == "signed in 1 of 2 users"
    assert [line.split(",")[0] for line in lines[1:]] == ["1 s", "11 s", "21 s"]
    assert "990 packets/s received, loss 1.00%, delay p99 5.00 ms" in lines[1]


def test_on_a_terminal_the_view_is_redrawn() -> None:
    drawn = shown(terminal=True, seconds=3)
    assert "signed in 2 of 2 users" in drawn
    assert "received/s" in drawn
    assert "990" in drawn
