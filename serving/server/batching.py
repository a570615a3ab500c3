"""Runs several requests at once, by the batch scheduler that TensorFlow Serving uses."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import numpy as np
import tensorflow as tf

from serving.compat.session import handle_of, run_unchecked
from serving.server.config.batching import BatchingParameters
from serving.server.errors import RequestError, from_tensorflow
from serving.server.merging import Task, count_rows, merge, split
from serving.server.metrics import Metrics
from serving.server.session import SavedModelSession

_log = logging.getLogger(__name__)
_POOL = "model_server_batch_threads"


class BatchingSession:
    """A SavedModelSession whose runs share batches.

    The scheduler is TensorFlow's BatchFunction, with a queue per signature on shared threads. Not
    the tensors go through it, but the number of their request, once per row. So merging and its
    errors are as in TensorFlow Serving, and queueing, timeouts, sizes and their errors are the
    scheduler's own. All outputs of a signature are computed, whichever are asked for.

    Args:
        session: The model.
        parameters: The scheduler's parameters.
        metrics: Where batches are counted.
    """

    def __init__(
        self, session: SavedModelSession, parameters: BatchingParameters, metrics: Metrics
    ) -> None:
        self.signatures = session.signatures
        self._model = session
        self._parameters = parameters
        self._metrics = metrics
        self._tasks: dict[int, Task] = {}
        self._numbers = itertools.count()
        self._began: dict[int, float] = {}
        graph = tf.Graph()
        with graph.as_default():
            numbers = tf.compat.v1.placeholder(tf.int64, [None])
            queues = {}
            for name, signature in self.signatures.items():
                if signature.inputs:
                    queues[name] = self._queue(name, numbers)
        self._input = handle_of(numbers)
        self._queues = {name: handle_of(queue) for name, queue in queues.items()}
        # Threads of its own: those that wait in `_run_batch` must not be those that the model
        # needs.
        config = tf.compat.v1.ConfigProto(
            use_per_session_threads=True,
            inter_op_parallelism_threads=parameters.num_batch_threads + 1,
        )
        self._scheduler = tf.compat.v1.Session(graph=graph, config=config)

    def run(
        self, signature: str, feeds: Mapping[str, np.ndarray], fetches: Sequence[str]
    ) -> list[np.ndarray]:
        """Runs a signature in a batch with others; see SavedModelSession.

        Raises:
            RequestError: Rows are unequal or too many, the queue is full, or the batch failed.
        """
        rows = count_rows(feeds)
        if rows == 0:
            return self._model.run(signature, feeds, fetches)
        number = next(self._numbers)
        task = Task(feeds, rows)
        self._tasks[number] = task
        self._began[number] = time.monotonic()
        try:
            # Returns when the batch that this request went into has run, in `_run_batch`.
            values = {self._input: np.full(rows, number, np.int64)}
            run_unchecked(self._scheduler, values, [self._queues[signature]])
        except tf.errors.OpError as error:
            found = from_tensorflow(error)
            raise RequestError(found.code, found.message.partition("\n")[0]) from None
        finally:
            del self._tasks[number], self._began[number]
        if task.error is not None:
            raise task.error
        return [task.outputs[name] for name in fetches]

    def close(self) -> None:
        """Frees the scheduler, the graph and the weights. No run may be under way or follow."""
        self._scheduler.close()
        self._model.close()

    def _queue(self, signature: str, numbers: tf.Tensor) -> tf.Tensor:
        @tf.function(autograph=False, input_signature=[tf.TensorSpec([None], tf.int64)])
        def run(batch: tf.Tensor) -> tf.Tensor:
            done = tf.numpy_function(
                lambda found: self._run_batch(signature, found), [batch], tf.int64
            )
            return tf.ensure_shape(done, [None])

        function = run.get_concrete_function()
        parameters = self._parameters
        return tf.raw_ops.BatchFunction(
            in_tensors=[numbers],
            captured_tensors=function.captured_inputs,
            f=function,
            num_batch_threads=parameters.num_batch_threads,
            max_batch_size=parameters.max_batch_size,
            batch_timeout_micros=parameters.batch_timeout_micros,
            max_enqueued_batches=parameters.max_enqueued_batches,
            allowed_batch_sizes=list(parameters.allowed_batch_sizes),
            Tout=[tf.int64],
            shared_name=_POOL,
            batching_queue=signature,
        )[0]

    def _run_batch(self, signature: str, numbers: np.ndarray) -> np.ndarray:
        """Runs the tasks of these numbers; whatever goes wrong is theirs to report."""
        # In order, each once: a request has as many entries as rows, and padding repeats one.
        found = list(dict.fromkeys(numbers.tolist()))
        tasks = [self._tasks[number] for number in found]
        now = time.monotonic()
        for number in found:
            self._metrics.queuing_latency.labels(_POOL).observe((now - self._began[number]) * 1e6)
        try:
            self._run_tasks(signature, tasks, len(numbers))
        except RequestError as error:
            _fail(tasks, error)
        except Exception as error:
            # Such as MemoryError, of which the scheduler would tell all of them a traceback.
            _log.exception("A batch of signature '%s' failed", signature)
            _fail(tasks, RequestError(grpc.StatusCode.INTERNAL, str(error)))
        return numbers

    def _run_tasks(self, signature: str, tasks: list[Task], rows: int) -> None:
        feeds = merge(tasks, rows, self._parameters.pad_variable_length_inputs)
        names: Any = sorted({info.name for info in self.signatures[signature].outputs.values()})
        self._metrics.batches.inc()
        arrays = self._model.run(signature, feeds, names)
        split(dict(zip(names, arrays, strict=True)), tasks, rows)


def _fail(tasks: list[Task], error: Exception) -> None:
    for task in tasks:
        task.error = error
