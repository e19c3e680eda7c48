"""Which of signaling's processes is tried next."""

import pytest

from sfu.attempts import FIRST_ROUND_S, LAST_ROUND_S, NEXT_S, Attempts


def test_each_process_is_tried_at_once_before_any_is_tried_again() -> None:
    attempts = Attempts(("a", "b", "c"))
    tried = [(attempts.url, attempts.failed()) for _ in range(4)]
    assert tried == [("a", NEXT_S), ("b", NEXT_S), ("c", FIRST_ROUND_S), ("a", NEXT_S)]


@pytest.mark.parametrize("urls", [("a",), ("a", "b")])
def test_rounds_without_success_grow_apart_up_to_a_limit(urls: tuple[str, ...]) -> None:
    attempts = Attempts(urls)
    rounds = [pause for pause in (attempts.failed() for _ in range(8 * len(urls))) if pause != NEXT_S]
    assert rounds == [0.25, 0.5, 1.0, 2.0, 4.0, LAST_ROUND_S, LAST_ROUND_S, LAST_ROUND_S]


def test_a_loss_after_a_success_goes_to_the_other_process_at_once() -> None:
    attempts = Attempts(("a", "b"))
    for _ in range(7):
        attempts.failed()
    assert attempts.url == "b"
    attempts.succeeded()
    assert attempts.failed() == NEXT_S
    assert attempts.url == "a"
