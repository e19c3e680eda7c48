"""How good sound and pictures are, from 1.0 (of no use) to 5.0 (nothing to wish for), by what a network did to them.

perceived (what was heard and seen) -> **score** -> stay

Sound is rated by the E-model, as far as a network can spoil it: R = 93.2 - Id - Ie,eff (ITU-T G.107), made an opinion
score as its annex B does; flawless sound has 4.4 there.  Pictures are rated by a rule of our own.
docs/decisions/call-scores.md has sources and reasons.
"""

from typing import Final

WORST, BEST = 1.0, 5.0

FLAWLESS_R: Final = 93.2
"""R of the default values of G.107, with delay and loss taken out."""
NOTICED_MS: Final = 177.3
"""Delay from mouth to ear above which people talk into each other (Cole and Rosenbluth, 2001)."""
IE: Final = 0.0
"""What the codec costs: Opus at a call's rates is no worse than G.711, whose Ie is 0 (ITU-T G.113)."""
BPL: Final = 20.0
"""Per cent of loss that take half of what can be taken: Opus with in-band FEC, as browsers send it."""

FROZEN_COST: Final = 8.0
"""Points for pictures that stand still all the time: an eighth of it costs one point, half of it all."""
LAYER_COST: Final = 0.5
"""Points for each layer below what could have been shown."""
LOSS_COST: Final = 10.0
"""Points for losing everything: a tenth costs one, for most is repaired, and late."""
SPREAD: Final = 1.0
"""By so much at most the better of sound and pictures makes up for the worse."""


def audio_score(*, loss: float, delay_ms: float) -> float:
    """Of sound that lost a share of its packets (0 to 1), at this delay from mouth to ear."""
    return _opinion(FLAWLESS_R - _of_delay(delay_ms) - _of_loss(100 * loss))


def video_score(*, frozen: float, below: float, loss: float) -> float:
    """Of pictures that stood still for a share of the time, `below` layers under what could have been shown."""
    return _within(BEST - FROZEN_COST * frozen - LAYER_COST * below - LOSS_COST * loss)


def together(audio: float | None, video: float | None) -> float | None:
    """Of both, their mean, but little better than the worse; of one, that one; None if there was neither."""
    if audio is None or video is None:
        return video if audio is None else audio
    return min((audio + video) / 2, min(audio, video) + SPREAD)


def _of_delay(delay_ms: float) -> float:
    """Id of Cole and Rosenbluth's simplification."""
    return 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - NOTICED_MS)


def _of_loss(per_cent: float) -> float:
    """Ie,eff with loss at random (G.107 §7.4, BurstR = 1)."""
    return IE + (95.0 - IE) * per_cent / (per_cent + BPL)


def _opinion(r: float) -> float:
    """The mean opinion score of a transmission rating (G.107 annex B)."""
    r = min(max(r, 0.0), 100.0)
    return _within(1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6)


def _within(score: float) -> float:
    return min(max(score, WORST), BEST)
