"""Says which component is running, how far the run is, and how long it has left."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from pipelines import node_ids
from pipelines.compat.launcher import launches_watched
from pipelines.errors import RunError

# What each component does, and about the seconds it takes: those of one run of
# configs/ml_100k.yaml on two cores, which other data, models and machines will differ from. Nothing
# but the time left that is printed depends on them, and of that only on their proportions: it is
# what they say of what is to come, times how much slower or faster this run has been so far.
# The order is that of tables; TFX itself decides which of several that are ready runs first.
COMPONENTS = {
    node_ids.EXAMPLE_GEN: ("turning the log into records", 22),
    node_ids.STATISTICS: ("computing statistics", 54),
    node_ids.SCHEMA: ("making the schema", 0),
    node_ids.VALIDATOR: ("checking records against the schema", 0),
    node_ids.PREVIOUS_STATISTICS: ("finding the statistics to compare with", 0),
    node_ids.SERVING_LOG: ("reading logged serving requests", 15),
    node_ids.SERVING_STATISTICS: ("computing statistics of logged serving requests", 30),
    node_ids.CHECKS: ("checking for drift and skew", 0),
    node_ids.TRANSFORM: ("building vocabularies and transforming", 272),
    node_ids.EARLIER_MODEL: ("finding the model to start from", 0),
    node_ids.PRETRAIN: ("pre-training FG-BERT", 413),
    node_ids.RANKER: ("fine-tuning SRP4CTR", 311),
    node_ids.BASELINE: ("training the baseline without the encoder", 347),
    node_ids.LATEST_BLESSED: ("finding the model to beat", 0),
    node_ids.EVALUATOR: ("evaluating SRP4CTR", 20),
    node_ids.BASELINE_EVALUATOR: ("evaluating the baseline", 36),
    node_ids.COUNTS: ("training trees on counts, and comparing", 83),
    node_ids.GATE: ("blessing the model, if its data allows", 0),
    node_ids.BASELINE_GATE: ("blessing the baseline, if the encoder doesn't pay", 0),
    node_ids.PUSHER: ("pushing the model", 0),
    node_ids.BASELINE_PUSHER: ("pushing the baseline", 0),
}
# What follows the components, in the same measure.
_REPORT_SECONDS = 45


class ComponentProgress:
    """Prints a line when a component starts, and one when it ends.

    The time left is of the whole run, with its report. It is said once a component has run, for
    before that nothing tells how fast this machine is with this data.

    Args:
        console: Where to print.
        ids: The components' ids, in the order they run.
    """

    def __init__(self, console: Console, ids: Sequence[str]) -> None:
        self._console = console
        self._ids = list(ids)
        # The components that ran so far: seconds that COMPONENTS expects, and those they took.
        self._typical = 0.0
        self._spent = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watches LocalDagRunner while the block runs.

        Raises:
            RunError: A resolver failed.
        """
        begun = time.monotonic()
        with launches_watched(self):
            yield
        self._console.print(
            f"All {len(self._ids)} components done in {_duration(time.monotonic() - begun)}."
        )

    def started(self, component: str) -> None:
        """Says what is done now, and how long the run has left."""
        at = self._ids.index(component)
        does, _ = COMPONENTS[component]
        line = f"[{at + 1}/{len(self._ids)}] {component}: {does}{self._left(at)}"
        self._console.print(line, markup=False)
        self._began = time.monotonic()
        self._has_run = False

    def _left(self, at: int) -> str:
        """How long the run has left from a component on; nothing where none has run."""
        if not self._typical:
            return ""
        typical = _REPORT_SECONDS
        for later in self._ids[at:]:
            _, of_component = COMPONENTS[later]
            typical += of_component
        return f" (about {_duration(typical * self._spent / self._typical)} left)"

    def ran(self) -> None:
        """Takes note that the component does its work: the cache doesn't have its output."""
        self._has_run = True

    def ended(self, component: str, has_output: bool) -> None:
        """Says how long the component took, or that the cache had its output.

        Raises:
            RunError: It is a resolver that failed. TFX would go on as if there were nothing to
                find; a resolver that finds nothing says so.
        """
        if node_ids.is_resolver(component) and not has_output:
            raise RunError(f"{component} failed; its traceback is in the log.")
        _, typical = COMPONENTS[component]
        if not self._has_run:
            # A component that takes no time anyway isn't worth a word about the cache.
            said = "  unchanged: taken from the cache" if typical else "  done"
            self._console.print(said)
            return
        seconds = time.monotonic() - self._began
        self._typical += typical
        self._spent += seconds
        self._console.print(f"  done in {_duration(seconds)}")


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 100 else f"{seconds:.0f} s"
