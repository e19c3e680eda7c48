"""The report as one page that needs nothing else: no script, no font, no picture from anywhere.

report -> summary, plots -> **html** -> file
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any, Final

from agents.load.plots import Line, plot
from agents.load.summary import rows

STYLE: Final = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; }
th { font-weight: 600; white-space: pre; }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; } figcaption span { font-weight: 400; margin-left: .5rem; }
svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: currentColor; opacity: .7; }
svg path { fill: none; stroke-width: 1.5; } .grid { stroke: currentColor; opacity: .15; }
.holds { color: #1a7f37; } .fails { color: #d1242f; font-weight: 600; }
.warning { border-left: 4px solid #9a6700; padding-left: 1rem; }
pre { overflow: auto; font-size: 12px; }
"""


def page(report: dict[str, Any]) -> str:
    """The whole page."""
    parts = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Load report, {escape(report['began'])}</title><style>{STYLE}</style></head><body>",
        f"<h1>Load report</h1><p>{escape(_where(report))}</p>",
        *_warning(report["tester"]),
        *_requirements(report["requirements"]),
        "<h2>Figures</h2>",
        _table(rows(report)),
        "<h2>Over time</h2>",
        *_plots(report["seconds_series"]),
        "<h2>What was asked for</h2>",
        f"<pre>{escape(json.dumps(report['plan'], indent=1))}</pre></body></html>\n",
    )
    return "\n".join(parts)


def _where(report: dict[str, Any]) -> str:
    machine = report["machine"]
    return (
        f"{report['began']}, {machine['cpus']} × {machine['cpu']}, {machine['system']}, Python {machine['python']}, "
        f"Tertulia {machine['tertulia']}"
    )


def _warning(tester: dict[str, Any]) -> Iterator[str]:
    if tester["bottleneck"]:
        why = escape("; ".join(tester["why"]))
        yield f'<p class="warning">The tester was the limit, so these are not the server\'s figures: {why}.</p>'


def _requirements(outcomes: list[dict[str, Any]]) -> Iterator[str]:
    if not outcomes:
        return
    yield "<h2>Conditions</h2><table>"
    for each in outcomes:
        verdict = '<td class="holds">holds' if each["holds"] else '<td class="fails">does not hold'
        value = "not measured" if each["value"] is None else f"{each['value']:.6g}"
        yield f"<tr><th>{escape(each['text'])}</th>{verdict}</td><td>{escape(value)}</td></tr>"
    yield "</table>"


def _table(lines: Iterable[tuple[str, str]]) -> str:
    return "<table>" + "".join(f"<tr><th>{escape(a)}</th><td>{escape(b)}</td></tr>" for a, b in lines) + "</table>"


def _plots(series: list[dict[str, Any]]) -> Iterator[str]:
    times = [float(row["t"]) for row in series]

    def line(name: str, key: str, scale: float = 1.0) -> Line:
        return Line(name, [None if row[key] is None else row[key] * scale for row in series])

    yield plot("packets a second", times, [line("sent", "sent"), line("received", "received")])
    yield plot("loss", times, [line("lost", "loss", 100)], unit="%")
    delays = [line("p50", "delay_p50_ms"), line("p99", "delay_p99_ms"), line("p90", "delay_p90_ms")]
    yield plot("delay, sender to receiver", times, delays, unit="ms")
    yield plot("late sends, p99", times, [line("late", "late_p99_ms")], unit="ms")
    cpu = [line("tester", "tester_cpu_share", 100), line("server", "server_cpu_share", 100)]
    yield plot("CPU", times, cpu, unit="% of a core")
    yield plot("server's memory", times, [line("resident", "server_rss", 1e-6)], unit="MB")
    yield plot("joins a second", times, [line("joins", "joins"), line("failed", "failed_joins")])
    yield plot("participants", times, [line("in", "participants")])
