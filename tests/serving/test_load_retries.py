"""A load that failed is tried again as often as --max_num_load_retries says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from serving.server.retries import RetryingLoad


class _Flaky:
    """Fails a number of times, then loads."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def __call__(self, name: str, path: Path) -> Any:  # a word in place of a session
        self.calls += 1
        if self.calls <= self.failures:
            raise OSError(f"try {self.calls}")
        return "loaded"


@pytest.mark.parametrize("retries", [2, 5])
def test_it_is_tried_until_it_loads(retries: int) -> None:
    load = _Flaky(2)
    loaded: object = RetryingLoad(load, retries, wait_seconds=0)("m", Path("m/1"))
    assert loaded == "loaded"
    assert load.calls == 3


@pytest.mark.parametrize("retries", [0, 1])
def test_the_last_failure_is_told(retries: int) -> None:
    load = _Flaky(9)
    with pytest.raises(OSError, match=f"try {retries + 1}"):
        RetryingLoad(load, retries, wait_seconds=0)("m", Path("m/1"))
    assert load.calls == retries + 1


def test_a_server_that_stops_waits_for_no_further_try() -> None:
    load = _Flaky(9)
    retrying = RetryingLoad(load, 5, wait_seconds=3600)
    retrying.stop()
    with pytest.raises(OSError, match="try 1"):
        retrying("m", Path("m/1"))
