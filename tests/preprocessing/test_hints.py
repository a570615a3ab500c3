"""Values in messages: a long one is cut, and dots say so."""

from __future__ import annotations

import pytest

from preprocessing.hints import shortened


@pytest.mark.parametrize(("value", "shown"), [("abc", "abc"), ("abcd", "abc..."), ("", "")])
def test_dots_stand_for_what_is_cut(value: str, shown: str) -> None:
    assert shortened(value, 3) == shown
