"""docs/load.md against the code: figures, phases and flags that it names are there, and none is left out."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main

from agents.load.joining import PHASES
from agents.load.require import FIGURES
from tertulia.app import app

PAGE = (Path(__file__).parents[3] / "docs" / "load.md").read_text()


def conditions() -> set[str]:
    """Names of the paragraph on conditions; `.p90` goes on from the name before it."""
    text = PAGE.split("## Conditions")[1].split("Names: ")[1].split("Units:")[0]
    found: list[str] = []
    for name in re.findall(r"`([a-zA-Z_0-9.]+)`", text):
        found.append(found[-1].rpartition(".")[0] + name if name.startswith(".") else name)
    return set(found)


def test_every_figure_that_can_be_required_is_named() -> None:
    assert conditions() - {"join.PHASE.p95"} == set(FIGURES)


def test_every_phase_of_a_join_is_named() -> None:
    assert {phase for phase in PHASES if f"`{phase}`" not in PAGE and f".{phase}`" not in PAGE} == set()


def test_every_flag_that_is_named_exists() -> None:
    load = typer.main.get_command(app).commands["load"]  # type: ignore[attr-defined]
    known = {flag for parameter in load.params for flag in parameter.opts}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    assert named - known == {"--help", "--admin", "--rate"}
