"""Says which component is running, how far the run is, and how long it has left."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from rich.console import Console

from pipelines.errors import RunError

# What each component does, and a first guess at the seconds it takes: those of one earlier run on
# MovieLens-100K on two cores, which other data, models and machines will differ from. Nothing but
# the time left that is printed depends on them, and of that only on their proportions: it is what
# they say of the components to come, times how much slower or faster this run has been so far.
# The order is that of reports; TFX itself decides which of several that are ready runs first.
COMPONENTS = {
    "BehaviorLogExampleGen": ("turning the log into records", 8),
    "StatisticsGen": ("computing statistics", 14),
    "CuratedSchemaGen": ("making the schema", 0),
    "ExampleValidator": ("checking records against the schema", 0),
    "Resolver.previous_statistics": ("finding the statistics to compare with", 0),
    "ServingLogExampleGen": ("reading logged serving requests", 5),
    "StatisticsGen.serving": ("computing statistics of logged serving requests", 8),
    "DataChecks": ("checking for drift and skew", 0),
    "Transform": ("building vocabularies and transforming", 43),
    "Resolver.earlier_model": ("finding the model to start from", 0),
    "Trainer.pretrain": ("pre-training FG-BERT", 160),
    "Trainer.ranker": ("fine-tuning SRP4CTR", 230),
    "Trainer.baseline": ("training the baseline without the encoder", 87),
    "Resolver.latest_blessed": ("finding the model to beat", 0),
    "Evaluator": ("evaluating SRP4CTR", 47),
    "Evaluator.baseline": ("evaluating the baseline", 45),
    "Counts": ("training trees on counts, and comparing", 40),
    "BlessingGate": ("blessing the model, if its data allows", 0),
    "Pusher": ("pushing the model", 0),
}


class ComponentProgress:
    """Prints a line when a component starts and ends.

    Args:
        console: Where to print.
        ids: The components' ids, in the order they run.
    """

    def __init__(self, console: Console, ids: Sequence[str]) -> None:
        self._console = console
        self._ids = list(ids)
        # Seconds of the components that ran so far: by COMPONENTS, and really.
        self._typical = 0.0
        self._spent = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watches LocalDagRunner while the block runs; raises a RunError where a resolver failed.

        The runner has no hook of its own; it calls Launcher.launch once a component, which calls
        _run_executor unless the cache has the component's output.
        """
        from tfx.orchestration.portable.launcher import Launcher

        launch = Launcher.launch
        run_executor = Launcher._run_executor

        def watched_launch(component: Any) -> Any:
            name = component._pipeline_node.node_info.id
            self._start(name)
            result = launch(component)
            _check_resolver(name, result)
            self._end(name)
            return result

        def watched_run_executor(component: Any, *arguments: Any, **named: Any) -> Any:
            self._ran = True
            return run_executor(component, *arguments, **named)

        started = time.monotonic()
        with (
            mock.patch.object(Launcher, "launch", watched_launch),
            mock.patch.object(Launcher, "_run_executor", watched_run_executor),
        ):
            yield
        self._console.print(
            f"All {len(self._ids)} components done in {_duration(time.monotonic() - started)}."
        )

    def _start(self, name: str) -> None:
        at = self._ids.index(name)
        speed = self._spent / self._typical if self._typical else 1.0
        left = sum(COMPONENTS[later][1] for later in self._ids[at:]) * speed
        does, _ = COMPONENTS[name]
        place = f"[{at + 1}/{len(self._ids)}]"
        line = f"{place} {name}: {does} (about {_duration(left)} left)"
        self._console.print(line, markup=False)
        self._started = time.monotonic()
        self._ran = False

    def _end(self, name: str) -> None:
        _, typical = COMPONENTS[name]
        if not self._ran:
            # Where a component takes no time, the cache isn't worth a word.
            said = "  unchanged: taken from the cache" if typical else "  done"
            self._console.print(said)
            return
        seconds = time.monotonic() - self._started
        self._typical += typical
        self._spent += seconds
        self._console.print(f"  done in {_duration(seconds)}")


def _check_resolver(name: str, result: Any) -> None:
    """Ends the run where a resolver failed.

    TFX would go on as if there were nothing to find; a resolver that finds nothing says so.
    """
    if name.startswith("Resolver.") and not result.output_dict:
        raise RunError(f"{name} failed; its traceback is in the log.")


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 100 else f"{seconds:.0f} s"
