"""Log lines: what they look like, and what cannot be made of them."""

from __future__ import annotations

import logging

import pytest

from common.log import FieldLog


def test_a_line_is_an_event_and_its_fields_the_bound_ones_first(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    FieldLog("x", room="r").bind(peer="p").info("joined", seats=4)
    assert caplog.messages == ["joined room='r' peer='p' seats=4"]


def test_a_value_can_pass_neither_for_a_field_nor_for_a_line(caplog: pytest.LogCaptureFixture) -> None:
    FieldLog("x").warning("refused", reason="no\nadmin signed_in=True")
    assert caplog.messages == ["refused reason='no\\nadmin signed_in=True'"]


def test_a_fault_carries_the_exception_being_handled(caplog: pytest.LogCaptureFixture) -> None:
    try:
        dict[str, str]()["why"]
    except KeyError:
        FieldLog("x", room="r").fault("failed", frame="f")
    assert caplog.messages == ["failed room='r' frame='f'"]
    assert "KeyError: 'why'" in caplog.text


def test_what_nobody_listens_to_is_not_made(caplog: pytest.LogCaptureFixture) -> None:
    class Expensive:
        def __repr__(self) -> str:
            raise AssertionError("made into text for nobody")

    caplog.set_level(logging.INFO)
    FieldLog("x").debug("frame", value=Expensive())
    assert caplog.messages == []
