"""What is written in Redis is read again as it was: rooms, devices and deliveries of all shapes that types allow."""

from __future__ import annotations

import types
from dataclasses import is_dataclass
from enum import Enum
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.qss.devices import Device
from signaling.qss.room import Room
from signaling.state import codec
from signaling.state.deliveries import Delivery

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)  # no half of a surrogate pair is ever sent
INTS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False)  # with infinity: a lost device may be kept for ever
ANYTHING = st.recursive(
    st.none() | st.booleans() | INTS | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
PLAIN: dict[object, st.SearchStrategy[Any]] = {
    Any: ANYTHING,
    type(None): st.none(),
    bool: st.booleans(),
    int: INTS,
    float: FLOATS,
    str: TEXT,
}


def values(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any type of a field
    """Values of a type as our frozen values use types."""
    if kind in PLAIN:
        return PLAIN[kind]
    if isinstance(kind, NewType):
        return values(kind.__supertype__)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        fields = get_type_hints(kind, include_extras=True)
        return st.builds(kind, **{name: values(of) for name, of in fields.items()})  # type: ignore[arg-type]
    return _generic(get_origin(kind), get_args(kind))


def _generic(origin: object, of: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin in (Union, types.UnionType):
        return st.one_of(*map(values, of))
    if origin is Literal:
        return st.sampled_from(of)
    if origin is Annotated:
        meta = next(meta for meta in of[1:] if isinstance(meta, msgspec.Meta))
        if meta.ge is not None:
            least, most = int(meta.ge), None if meta.le is None else int(meta.le)
            return st.integers(least, most) if of[0] is int else st.floats(least, most)
        return st.from_regex(meta.pattern, fullmatch=True) if meta.pattern else values(of[0])
    if origin is frozenset:
        return st.frozensets(values(of[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(values(of[0]), values(of[1]), max_size=3)
    assert origin is tuple, f"no values of {origin}[{of}]"
    if of[-1] is Ellipsis:
        return st.lists(values(of[0]), max_size=3).map(tuple)
    return st.tuples(*map(values, of))


@settings(max_examples=200, deadline=None)
@given(values(Room))
def test_every_room_is_read_as_it_was_written(room: Room) -> None:
    assert codec.room_of(codec.encode(room)) == room


@settings(max_examples=50, deadline=None)
@given(values(Device).filter(lambda device: "|" not in device.process + device.socket))
def test_every_device_is_read_as_it_was_written(device: Device) -> None:
    assert codec.device_of(codec.record_of(device)) == device


@pytest.mark.parametrize("kind", get_args(Delivery))
def test_every_delivery_is_read_as_it_was_written(kind: type) -> None:
    @settings(max_examples=30, deadline=None)
    @given(values(kind))
    def same(delivery: Any) -> None:  # noqa: ANN401 - of this kind
        assert codec.delivery_of(codec.encode(delivery)) == delivery

    same()
