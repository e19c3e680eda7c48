"""What loss, delay and stillness make of a score."""

import pytest

from sfu.room.score import audio_score, together, video_score


@pytest.mark.parametrize(
    ("loss", "delay_ms", "score"),
    [
        (0.0, 0.0, 4.41),  # the most that the E-model gives: R = 93.2
        (0.0, 50.0, 4.385),
        (0.0, 177.3, 4.31),  # still unnoticed
        (0.0, 300.0, 3.71),
        (0.0, 600.0, 1.71),
        (0.01, 50.0, 4.27),
        (0.03, 50.0, 4.01),
        (0.10, 50.0, 3.12),
        (0.20, 50.0, 2.29),
        (0.03, 300.0, 3.11),
        (1.0, 50.0, 1.08),
        (1.0, 5_000.0, 1.0),
    ],
)
def test_sound_is_rated_by_the_e_model(loss: float, delay_ms: float, score: float) -> None:
    assert audio_score(loss=loss, delay_ms=delay_ms) == pytest.approx(score, abs=0.006)


@pytest.mark.parametrize(
    ("frozen", "below", "loss", "score"),
    [
        (0.0, 0, 0.0, 5.0),
        (0.125, 0, 0.0, 4.0),
        (0.5, 0, 0.0, 1.0),
        (1.0, 0, 0.0, 1.0),
        (0.0, 1, 0.0, 4.5),
        (0.0, 2, 0.0, 4.0),
        (0.0, 0.5, 0.0, 4.75),
        (0.0, 0, 0.1, 4.0),
        (0.125, 2, 0.1, 2.0),
        (1.0, 2, 1.0, 1.0),
    ],
)
def test_pictures_are_rated_by_stillness_layers_and_loss(
    frozen: float, below: float, loss: float, score: float
) -> None:
    assert video_score(frozen=frozen, below=below, loss=loss) == pytest.approx(score)


@pytest.mark.parametrize(
    ("audio", "video", "score"),
    [
        (None, None, None),
        (4.0, None, 4.0),
        (None, 3.0, 3.0),
        (4.0, 5.0, 4.5),
        (4.4, 1.0, 2.0),
        (1.0, 5.0, 2.0),
    ],
)
def test_a_call_is_little_better_than_the_worse_of_sound_and_pictures(
    audio: float | None, video: float | None, score: float | None
) -> None:
    assert together(audio, video) == score


def test_more_loss_or_delay_is_never_better() -> None:
    by_loss = [audio_score(loss=loss / 100, delay_ms=50) for loss in range(101)]
    by_delay = [audio_score(loss=0, delay_ms=delay) for delay in range(0, 2_000, 10)]
    assert by_loss == sorted(by_loss, reverse=True)
    assert by_delay == sorted(by_delay, reverse=True)
