"""TFX's launcher, watched.

LocalDagRunner has no hook. It calls `Launcher.launch` once a component, which calls
`_run_executor` unless the cache has the component's output.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from unittest import mock


class Watcher(Protocol):
    """What is told of a run."""

    def started(self, component: str) -> None:
        """A component's turn has come."""

    def ran(self) -> None:
        """It isn't in the cache: its executor runs."""

    def ended(self, component: str, has_output: bool) -> None:
        """It is done; a resolver that failed has no output."""


@contextmanager
def launches_watched(watcher: Watcher) -> Iterator[None]:
    """Tells a watcher of each component that TFX launches in this process while the block runs."""
    from tfx.orchestration.portable.launcher import Launcher

    launch = Launcher.launch
    run_executor = Launcher._run_executor

    def watched_launch(launcher: Launcher) -> Any:
        component = launcher._pipeline_node.node_info.id
        watcher.started(component)
        result = launch(launcher)
        watcher.ended(component, bool(result.output_dict))
        return result

    def watched_run_executor(launcher: Launcher, *arguments: Any, **named: Any) -> Any:
        watcher.ran()
        return run_executor(launcher, *arguments, **named)

    with (
        mock.patch.object(Launcher, "launch", watched_launch),
        mock.patch.object(Launcher, "_run_executor", watched_run_executor),
    ):
        yield
