"""What stood still between two looks, whether it has ended or not."""

from itertools import pairwise

import pytest

from sfu.room.freezes import Freezes
from tests.support.numbers import LayerOf


def of(*layers: LayerOf, may_rest: bool = False) -> Freezes:
    return Freezes.of(layers, may_rest=may_rest)


def test_freezes_count_once_they_end_and_last_from_their_beginning() -> None:
    looks = [
        of(LayerOf(freezes=3, frozen_ms=900)),
        of(LayerOf(freezes=3, frozen_ms=900, standing_ms=2_500)),
        of(LayerOf(freezes=3, frozen_ms=900, standing_ms=4_500)),
        of(LayerOf(freezes=5, frozen_ms=6_400)),
    ]
    grown = [after.since(before) for before, after in pairwise(looks)]
    assert [(one.ended, one.frozen_s) for one in grown] == [(0, [2.5]), (0, [2.0]), (2, [1.0])]


def test_a_pause_that_was_the_sources_own_brings_nothing_more() -> None:
    stood, moved = of(LayerOf(standing_ms=4_000)), of(LayerOf())
    assert moved.since(stood) == (0, [0.0])
    assert of(LayerOf(freezes=1, frozen_ms=300)).since(moved) == (1, [0.3])


def test_each_layer_stands_still_by_itself() -> None:
    before = of(LayerOf(freezes=1, frozen_ms=500), LayerOf())
    after = of(LayerOf(freezes=2, frozen_ms=700), LayerOf(freezes=1, frozen_ms=400))
    assert after.since(before).ended == 2
    assert after.since(before).frozen_s == pytest.approx([0.2, 0.4])


def test_a_picture_that_may_rest_has_stood_still_only_once_it_moves_again() -> None:
    moved = of(LayerOf(), may_rest=True)
    assert of(LayerOf(standing_ms=60_000), may_rest=True).since(moved) == (0, [0.0])
    assert of(LayerOf(freezes=1, frozen_ms=600), may_rest=True).since(moved) == (1, [0.6])


def test_a_track_that_is_new_or_has_other_layers_now_begins_anew() -> None:
    long = LayerOf(freezes=9, frozen_ms=9_000)
    assert of(long).since(None) == (0, [0.0])
    assert of(long, long).since(of(LayerOf())) == (0, [0.0, 0.0])
    assert of(LayerOf()).since(of(long)) == (0, [0.0])
