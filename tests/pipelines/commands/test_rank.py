"""`srp4ctr rank`: what it asks the client, and that it asks without being told off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.commands.rank import rank_for_user
from tests.pipelines.conftest import srp4ctr, write_run


class _Client:
    """A client that notes how it was made and whom it was asked for."""

    options: dict[str, Any]
    user: dict[str, Any]

    def __init__(self, *_: str, **options: Any) -> None:
        _Client.options = options

    def __enter__(self) -> _Client:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def rank(self, user: dict[str, Any], items: list[str], top: int, by: str) -> list[Any]:
        _Client.user = user
        return [(item, {"buy": 0.5, "dear": 0.5}) for item in items[:top]]


def test_a_user_whom_the_log_has_not_is_ranked_for_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_for_user, "RankingClient", _Client)
    arguments = ("--user", "nobody", "--server", "localhost:1")
    done = srp4ctr("rank", write_run(tmp_path), *arguments)
    assert done.returncode == 0, done.stderr
    assert _Client.user["user_id"] == "nobody"
    # By default the client would warn of what only a log has.
    assert _Client.options["unsent"] == "ignore"
