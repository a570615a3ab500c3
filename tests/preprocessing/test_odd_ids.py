"""Ids that two systems write differently are told."""

from __future__ import annotations

import pyarrow as pa
import pytest

from preprocessing.odd_ids import twin_findings


@pytest.mark.parametrize(
    ("ids", "pair"),
    [
        (["16.0", "7", "16"], "'16' and '16.0'"),
        (["i3", " i3", "i3", ""], "' i3' and 'i3'"),
        (["007", "7"], "'007' and '7'"),
        (["Bob", "bob"], "'Bob' and 'bob'"),
    ],
)
def test_ids_that_are_alike_are_shown(ids: list[str], pair: str) -> None:
    (finding,) = twin_findings("sku", pa.array(ids))
    assert finding.startswith(f"1 of the {len(set(ids) - {''})} ids in column sku are like another")
    assert f"such as {pair}:" in finding


def test_ids_of_their_own_are_not() -> None:
    assert not twin_findings("sku", pa.array(["1", "10", "1", "", " ", "a", None, "0"]))
