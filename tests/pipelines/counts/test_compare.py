"""Which test candidates a run is compared on."""

from __future__ import annotations

import pytest

from pipelines.counts import compare
from tests.testing import small_spec

pytestmark = pytest.mark.slow  # imports TensorFlow


def test_test_candidates_are_the_same_with_every_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise runs of two seeds have no candidates in common to be compared on."""
    drawn: list[tuple[str, int, int]] = []

    class DrawnError(Exception):
        pass

    def raw_records(folder: str, most: int, seed: int) -> None:
        drawn.append((folder, most, seed))
        raise DrawnError

    monkeypatch.setattr(compare, "RawRecords", raw_records)
    for name in ("fields_of", "CandidateTable"):
        monkeypatch.setattr(compare, name, lambda *_: None)
    monkeypatch.setattr(compare.tft, "TFTransformOutput", lambda _: None)
    sources = compare.Sources("raw", "", "", "", "")
    for seed in (1, 2):
        with pytest.raises(DrawnError):
            compare.compare_with_counts(sources, small_spec(), 9, seed)
    assert drawn[0] == drawn[1] and drawn[0][:2] == ("raw/Split-test", 9)
