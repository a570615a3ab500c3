"""A gauge of when the statistics that are served were counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily

_NAME = ":srp4ctr:serving:statistics_as_of_seconds"


class StatisticsTimes:
    """A collector for the Prometheus client: a value for each loaded version that has statistics.

    Unlike a gauge of the client, it has no series of a version that is unloaded.
    """

    def __init__(self) -> None:
        self._times: dict[object, tuple[str, str, int]] = {}
        self._lock = threading.Lock()

    def add(self, model: str, version: str, time: int) -> Callable[[], None]:
        """Shows a version's time, seconds since 1970.

        Returns:
            Call it when the version is unloaded.
        """
        key = object()  # a version may be loaded anew before it is unloaded
        with self._lock:
            self._times[key] = (model, version, time)

        def remove() -> None:
            with self._lock:
                self._times.pop(key, None)

        return remove

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauge; nothing where no version has statistics."""
        with self._lock:
            times = {(model, version): time for model, version, time in self._times.values()}
        if times:
            text = "Seconds since 1970 that a version's statistics are as of."
            family = GaugeMetricFamily(_NAME, text, labels=["model_name", "version"])
            for labels, time in times.items():
                family.add_metric(labels, time)
            yield family
