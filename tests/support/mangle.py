"""Seeded damage: texts and frames that are almost right, and some that are not at all."""

import random
from collections.abc import Callable, Sequence

ODD_TEXT = ["", "\x00", "\ud800", "é" * 9, "99999999999999999999", "-1", "nan", " ", "%s%n", "a=mid:", "\r", ";" * 40]


def mangled_text(text: str, rng: random.Random) -> str:
    """`text` with one to four of its lines or characters damaged."""
    rows = text.split("\r\n")
    for _ in range(rng.randint(1, 4)):
        rng.choice(_DAMAGES)(rows, rng)
    return "\r\n".join(rows)


def _delete(rows: list[str], rng: random.Random) -> None:
    if len(rows) > 1:
        del rows[rng.randrange(len(rows))]


def _double(rows: list[str], rng: random.Random) -> None:
    rows.insert(rng.randrange(len(rows)), rng.choice(rows))


def _swap(rows: list[str], rng: random.Random) -> None:
    first, second = rng.randrange(len(rows)), rng.randrange(len(rows))
    rows[first], rows[second] = rows[second], rows[first]


def _cut(rows: list[str], rng: random.Random) -> None:
    at = rng.randrange(len(rows))
    rows[at] = rows[at][: rng.randrange(len(rows[at]) + 1)]


def _insert(rows: list[str], rng: random.Random) -> None:
    at = rng.randrange(len(rows))
    place = rng.randrange(len(rows[at]) + 1)
    rows[at] = rows[at][:place] + rng.choice(ODD_TEXT) + rows[at][place:]


def _replace_word(rows: list[str], rng: random.Random) -> None:
    at = rng.randrange(len(rows))
    words = rows[at].split(" ")
    words[rng.randrange(len(words))] = rng.choice(ODD_TEXT)
    rows[at] = " ".join(words)


def _end(rows: list[str], rng: random.Random) -> None:
    del rows[rng.randrange(1, len(rows) + 1) :]


_DAMAGES: Sequence[Callable[[list[str], random.Random], None]] = (
    _delete,
    _double,
    _swap,
    _cut,
    _insert,
    _replace_word,
    _end,
)


def odd_value(rng: random.Random, depth: int = 0) -> object:
    """Any JSON value, shallow and odd."""
    kind = rng.randrange(9 if depth < 3 else 6)
    if kind == 0:
        return None
    if kind == 1:
        return rng.choice([True, False])
    if kind == 2:
        return rng.choice([0, -1, 1, 2**31, 2**63, -(2**80), 7])
    if kind == 3:
        return rng.choice([0.5, 1e308, float("inf"), float("nan")])
    if kind in (4, 5):
        return rng.choice([*ODD_TEXT, "0", "1", "camera", "alice", "x" * 500])
    if kind == 6:
        return [odd_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {str(odd_key(rng)): odd_value(rng, depth + 1) for _ in range(rng.randrange(5))}


def odd_key(rng: random.Random) -> str:
    """A key that some request might have."""
    return rng.choice(
        ["sdp", "seats", "0", "1", "source", "muted", "participant", "width", "priority", "id", *ODD_TEXT]
    )
