"""docs/settings.md against the code: every setting is there, in the code's words, and every option exists."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import MISSING, fields
from itertools import pairwise
from pathlib import Path

import pytest

from sfu.config import NodeConfig
from signaling.config import DEFAULT_WEB, IssuerConfig, SignalingConfig
from signaling.rates import Rates
from tests.support.system import run_console

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "settings.md").read_text()
SECTIONS: dict[str, type[SignalingConfig | Rates | IssuerConfig | NodeConfig]] = {
    "Signaling": SignalingConfig,
    "Rates of signaling": Rates,
    "An issuer of tokens": IssuerConfig,
    "Nodes": NodeConfig,
}
NO_DEFAULT = (MISSING, None, "", ())


def described(settings: type) -> dict[str, str]:
    """The fields of a settings class, and what the code says of each."""
    (tree,) = ast.parse(inspect.getsource(settings)).body
    assert isinstance(tree, ast.ClassDef)
    body = tree.body
    found: dict[str, str] = {}
    for field, after in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
            text = ast.literal_eval(after.value)
            found[field.target.id] = " ".join(str(text).split())
    return found


def rows(section: str) -> list[list[str]]:
    """The table of a section, a list of cells a row."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_says_of_each_setting_what_the_code_says(section: str) -> None:
    assert {name.strip("`"): text for name, _, _, text in rows(section)} == described(SECTIONS[section])


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_has_the_defaults_of_the_code(section: str) -> None:
    known: dict[object, str] = {DEFAULT_WEB: "beside the packages"}
    defaults = {each.name: "see below" if each.name == "rates" else each.default for each in fields(SECTIONS[section])}
    expected = {name: "" if each in NO_DEFAULT else known.get(each, str(each)) for name, each in defaults.items()}
    assert {name.strip("`"): default.strip("`") for name, _, default, _ in rows(section)} == expected


@pytest.mark.parametrize(
    ("command", "sections"),
    [("signaling", ("Signaling", "Rates of signaling", "An issuer of tokens")), ("node", ("Nodes",))],
)
async def test_each_option_of_the_page_exists(command: str, sections: tuple[str, ...]) -> None:
    named = {option for each in sections for row in rows(each) for option in re.findall(r"--[a-z-]+", row[1])}
    shown = (await run_console(command, "--help")).out
    assert named
    assert {option for option in named if option not in shown} == set()
