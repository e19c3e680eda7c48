"""The report as words and numbers: rows for the table on the terminal and for the page.

report -> **summary** -> cli, html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Row = tuple[str, str]


def rows(report: dict[str, Any]) -> Iterator[Row]:
    """What a reader wants to know first."""
    plan = report["plan"]
    yield "load", f"{plan['rooms']} × {plan['members']} participants, {plan['senders']} of each room send"
    yield "measured for", f"{report['seconds']:.1f} s" + (" (stopped)" if report["interrupted"] else "")
    yield from _packets(report)
    yield from _joins(report)
    yield from _processes(report)
    yield from _capacity(report["capacity"])


def _packets(report: dict[str, Any]) -> Iterator[Row]:
    sent, received, delay, freezes = (report[name] for name in ("sent", "received", "delay_ms", "freezes"))
    yield "sent", f"{sent['packets']:,} packets, {sent['packets_per_s']:,.0f} a second"
    yield "received", f"{received['packets']:,} packets, {received['packets_per_s']:,.0f} a second"
    yield (
        "lost",
        f"{received['lost']:,} ({received['loss']:.3%}), {received['recovered']:,} more came by retransmission",
    )
    yield "duplicated, out of order", f"{received['duplicated']:,}, {received['out_of_order']:,}"
    yield "corrupt", f"{received['corrupt']:,} of {received['checked']:,} that were checked"
    yield "delay, ms", _delay(delay)
    yield "delay of frames, ms", _delay(report["frame_delay_ms"])
    yield "freezes", f"{freezes['count']:,}, {freezes['seconds']:.1f} s ({freezes['share']:.3%} of the time watched)"


def _delay(told: dict[str, Any]) -> str:
    if not told["samples"]:
        return "no packet could be told from when it was sent"
    quantiles = ", ".join(f"{name} {told[name]:.2f}" for name in ("p50", "p90", "p99", "max"))
    return f"{quantiles} ({told['samples']:,} samples)"


def _joins(report: dict[str, Any]) -> Iterator[Row]:
    joins, times = report["joins"], report["join_ms"]
    yield "joins", f"{joins['done']:,} done, {joins['failed']:,} failed, {joins['per_s']:.1f} a second"
    for text, count in list(joins["errors"].items())[:5]:
        yield "", f"{count} × {text}"
    yield "join, ms", _quantiles(times["total"])
    for name, phase in times["phases"].items():
        yield f"  {name.replace('_', ' ')}", _quantiles(phase)


def _quantiles(times: dict[str, float]) -> str:
    return ", ".join(f"{name} {times[name]:.1f}" for name in ("p50", "p95", "p99", "max"))


def _processes(report: dict[str, Any]) -> Iterator[Row]:
    server, tester = report["server"], report["tester"]
    if server is not None:
        each = "—" if server["us_per_packet"] is None else f"{server['us_per_packet']:.2f} µs of CPU a packet received"
        yield "server", f"{server['cpu_share']:.0%} of a core, {each}"
        before, after, peak = (server[name] / 1e6 for name in ("rss_before", "rss_after", "rss_peak"))
        yield "server's memory, MB", f"{before:.0f} before the first join, {after:.0f} at the end, {peak:.0f} at most"
    late = tester["late_ms"]
    yield (
        "tester",
        f"{tester['cpu_share']:.0%} of a core; media left late by p50 {late['p50']:.2f}, p99 {late['p99']:.2f} ms",
    )
    yield "was the tester the limit?", "; ".join(tester["why"]) if tester["bottleneck"] else "no"


def _capacity(capacity: dict[str, Any] | None) -> Iterator[Row]:
    if capacity is None:
        return
    largest = capacity["largest"] or "none"
    yield "capacity", f"{largest} {capacity['what']}"
    for trial in capacity["trials"]:
        verdict = "holds" if trial["holds"] else f"does not hold: {', '.join(trial['failed'])}"
        yield (
            f"  {trial['load']} {capacity['what']}",
            verdict + (" (the tester was the limit)" if trial["bottleneck"] else ""),
        )
