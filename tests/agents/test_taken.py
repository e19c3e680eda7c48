"""What the node says of our layers is read by m-line, and what makes no sense is left out."""

from __future__ import annotations

import pytest

from agents.taken import read_layers


def test_layers_are_read_by_m_line() -> None:
    assert read_layers({"p1:1": ["q", "f"], "p1:4": [], "p1:5": [""]}) == {"1": ("q", "f"), "4": (), "5": ("",)}


@pytest.mark.parametrize("data", [None, [], "layers", {"p1:1": None}, {"p1:1": "q"}, {"p1:1": {"q": 1}}])
def test_what_has_another_shape_is_left_out(data: object) -> None:
    assert read_layers(data) == {}


def test_a_name_of_another_shape_is_left_out_and_the_others_stay() -> None:
    assert read_layers({"p1:1": ["q", None, 7]}) == {"1": ("q",)}
