"""Counters and histograms under TensorFlow Serving's names, and the Prometheus page."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from serving.server.statistics_times import StatisticsTimes

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
UNKNOWN_MODEL = "unknown"  # for names that aren't served: clients must not make time series
# As TensorFlow Serving: 10 microseconds to about 20 minutes.
_MICROS = tuple(10 * 1.8**power for power in range(33))
_SUFFIX = "_total"  # the Prometheus client adds it to counters; TensorFlow Serving's have none


class Metrics:
    """The metrics of one server.

    Latencies are in microseconds. A colon stands for each slash of TensorFlow Serving's own names.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = self._counter(
            "serving:request_count", "The total number of requests.", "model_name", "status"
        )
        self.request_latency = self._histogram(
            "serving:request_latency",
            "Distribution of wall time of a request.",
            "model_name",
            "API",
            "entrypoint",
        )
        self.runtime_latency = self._histogram(
            "serving:runtime_latency",
            "Distribution of wall time of the runtime.",
            "model_name",
            "API",
            "runtime",
        )
        self.warmup_latency = self._histogram(
            "serving:model_warmup_latency",
            "Distribution of wall time of a warm-up.",
            "model_path",
            "status",
        )
        self.warmup_records = self._counter(
            "serving:model_warmup_records_read", "Warm-up records read.", "model_path", "status"
        )
        self.loads = self._counter(
            "cc:saved_model:load_attempt_count",
            "Attempts to load a SavedModel.",
            "model_path",
            "status",
        )
        self.queuing_latency = self._histogram(
            "serving:batching_session:queuing_latency",
            "Distribution of wall time in a queue.",
            "thread_pool_name",
        )
        self.statistics_times = StatisticsTimes()
        self._registry.register(self.statistics_times)
        self.batches = self._counter("serving:batching_session:wrapped_run_count", "Batches run.")

    def page(self) -> bytes:
        """The page that Prometheus reads."""
        text = generate_latest(self._registry).decode()
        for name in self._counters():
            text = text.replace(f"{name}{_SUFFIX}", name)
        # The Prometheus client adds times of creation, which TensorFlow Serving's page has not.
        kept: list[str] = []
        for line in text.splitlines(keepends=True):
            name, _, _ = line.partition("{")
            if "_created" not in name:
                kept.append(line)
        return "".join(kept).encode()

    def _counters(self) -> list[str]:
        return [metric.name for metric in self._registry.collect() if metric.type == "counter"]

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f":tensorflow:{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(
            f":tensorflow:{name}", text, labels, registry=self._registry, buckets=_MICROS
        )
