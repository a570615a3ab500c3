"""The private APIs of TFX and Beam that pipelines need are where they were."""

from __future__ import annotations

import types
from typing import Any

import pytest

from tests.compat import follows

pytestmark = pytest.mark.slow


class Noted:
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def started(self, component: str) -> None:
        self.told.append(("started", component))

    def ran(self) -> None:
        self.told.append(("ran",))

    def ended(self, component: str, has_output: bool) -> None:
        self.told.append(("ended", component, has_output))


def test_a_launch_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    with follows("pipelines/compat/launcher.py", "TFX's Launcher"):
        from tfx.orchestration.portable.launcher import Launcher

        from pipelines.compat.launcher import launches_watched

        assert callable(Launcher._run_executor)
        result = types.SimpleNamespace(output_dict={})
        monkeypatch.setattr(Launcher, "launch", lambda self: result)
        launcher = Launcher.__new__(Launcher)
        launcher._pipeline_node = types.SimpleNamespace(
            node_info=types.SimpleNamespace(id="Resolver.none")
        )
        watcher = Noted()
        with launches_watched(watcher):
            assert launcher.launch() is result
        assert watcher.told == [("started", "Resolver.none"), ("ended", "Resolver.none", False)]


def test_the_worker_of_beam_is_where_it_was() -> None:
    with follows("pipelines/compat/beam_worker.py", "Beam's worker"):
        from apache_beam.runners.worker import sdk_worker_main

        from pipelines.compat.beam_worker import provision_channel

        assert callable(sdk_worker_main.main)
        with provision_channel("localhost:1", "worker_1") as channel:
            assert callable(channel.unary_unary)
