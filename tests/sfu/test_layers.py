"""A publisher is told by their names which layers are taken."""

import pytest

from sfu.session import wanted_rids
from tests.support.sdp import agreed, vector


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_layers_are_told_by_rid_from_low_to_high(browser: str) -> None:
    agreement = agreed(vector(f"{browser}_simulcast_4_seats"))
    (simulcast,) = [track.line.mid for track in agreement.tracks if track.rids]
    layers = [layer.rid for track in agreement.as_media(rtcp_ssrc=1).tracks for layer in track.layers if layer.rid]
    assert wanted_rids(agreement, {simulcast: [0, 2]}) == {simulcast: [layers[0], layers[2]]} == {simulcast: ["q", "f"]}
    assert wanted_rids(agreement, {simulcast: []}) == {simulcast: []}


def test_the_one_layer_of_a_track_without_simulcast_has_an_empty_rid() -> None:
    agreement = agreed(vector("chromium_plain_4_seats"))
    picture = next(track.line.mid for track in agreement.tracks if track.kind == "video")
    assert wanted_rids(agreement, {picture: [0]}) == {picture: [""]}
    assert wanted_rids(agreement, {picture: []}) == {picture: []}


def test_what_is_no_picture_or_not_sent_any_more_is_not_told() -> None:
    agreement = agreed(vector("chromium_simulcast_4_seats"))
    sound = next(track.line.mid for track in agreement.tracks if track.kind == "audio")
    picture = next(track.line.mid for track in agreement.tracks if track.rids)
    assert wanted_rids(agreement, {sound: [0], "gone": [0]}) == {}
    assert wanted_rids(agreement, {picture: [1, 7]}) == {picture: ["h"]}
