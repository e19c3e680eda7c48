"""docs/conformance.md names only tests that exist, and all of those that stand for a sentence."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8"))
SEED = "tests/signaling/test_seed_document.py"


def test_every_test_that_is_named_exists() -> None:
    missing = {(file, name) for file, name in NAMED if name not in _tests(file)}
    assert NAMED
    assert not missing


def test_every_test_of_the_seed_document_stands_for_a_sentence() -> None:
    assert _tests(SEED) == {name for file, name in NAMED if file == SEED}


def _tests(file: str) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE))
