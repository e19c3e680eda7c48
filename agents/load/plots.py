"""Lines over time as SVG.

report -> html -> **plots**
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 10, 24
COLOURS: Final = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700")
GRID_LINES: Final = 4
POINTS: Final = 1_000
"""Of a line; a longer run shows the largest value of each stretch, since peaks are what one looks for."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line; None where nothing was measured."""

    name: str
    values: Sequence[float | None]


def plot(title: str, times: Sequence[float], lines: Sequence[Line], *, unit: str = "") -> str:
    """One figure."""
    top = _nice(max((value for line in lines for value in line.values if value is not None), default=0.0))
    end = max(times, default=1.0) or 1.0
    return "".join(
        (
            f"<figure><figcaption>{escape(title)}{f' ({escape(unit)})' if unit else ''} {_legend(lines)}</figcaption>",
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
            *_grid(top, end),
            *(_path(line, times, top, end, colour) for line, colour in zip(lines, COLOURS, strict=False)),
            "</svg></figure>",
        )
    )


def _legend(lines: Sequence[Line]) -> str:
    named = zip(lines, COLOURS, strict=False)
    return " ".join(f'<span style="color:{colour}">{escape(line.name)}</span>' for line, colour in named)


def _grid(top: float, end: float) -> Iterator[str]:
    for step in range(GRID_LINES + 1):
        y = _y(top * step / GRID_LINES, top)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{top * step / GRID_LINES:,.6g}</text>'
        x = _x(end * step / GRID_LINES, end)
        anchor = "end" if step == GRID_LINES else "middle"
        yield f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{end * step / GRID_LINES:.3g} s</text>'


def _path(line: Line, times: Sequence[float], top: float, end: float, colour: str) -> str:
    strokes, pen = [], "M"
    for at, value in _thinned(times, line.values):
        if value is None:
            pen = "M"
            continue
        strokes.append(f"{pen}{_x(at, end):.1f} {_y(value, top):.1f}")
        pen = "L"
    return f'<path d="{"".join(strokes)}" stroke="{colour}"/>' if strokes else ""


def _thinned(times: Sequence[float], values: Sequence[float | None]) -> Iterator[tuple[float, float | None]]:
    step = -(-len(times) // POINTS) or 1
    for begin in range(0, len(times), step):
        there = [value for value in values[begin : begin + step] if value is not None]
        yield times[begin], max(there) if there else None


def _x(at: float, end: float) -> float:
    return LEFT + at / end * (WIDTH - LEFT - RIGHT)


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)


def _nice(highest: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    scale = 1e-6
    while scale * 10 < highest:
        scale *= 10
    return next((scale * step for step in (1, 2, 5, 10) if scale * step >= highest), 1.0) if highest > 0 else 1.0
