"""From users' records to stored states: what the batch and the streaming job share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import KeyedModelHandler, RunInference

from serving.cache import CachedState, dump
from serving.precompute.encode import EncodeUsers
from serving.precompute.model import ModelVersion
from serving.precompute.stores import StateStore, UserKey

METRICS = "precompute"
SEEN = "users_seen"
ENCODED = "users_encoded"
_KEYS_AT_ONCE = 500
_Keyed = tuple[UserKey, bytes]


class StoreStates(beam.PTransform):
    """From (user id, serialised tf.Example) to states in a store.

    Users whose states are there already are left out.

    Args:
        version: The model version that makes them.
        store: Where they go.
        renew_after: Seconds; a state that was made for a time this much earlier or later is made
            anew.
        batch_size: The most users encoded at once.
    """

    def __init__(
        self, version: ModelVersion, store: StateStore, renew_after: int, batch_size: int = 256
    ) -> None:
        super().__init__()
        self._version = version
        self._store = store
        self._renew_after = renew_after
        self._batch_size = batch_size

    def expand(self, records: beam.PCollection) -> beam.PCollection:
        return (
            records
            | "Key"
            >> beam.Map(lambda user, version: (version.key_of(user[1]), user[1]), self._version)
            | "Gather" >> beam.BatchElements(1, _KEYS_AT_ONCE)
            | "LeaveOutFresh" >> beam.ParDo(_LeaveOutFresh(self._store, self._renew_after))
            | "EncodeUsers"
            >> RunInference(KeyedModelHandler(EncodeUsers(self._version.path, self._batch_size)))
            | "Put" >> beam.ParDo(_Put(self._store))
        )


class _LeaveOutFresh(beam.DoFn):
    def __init__(self, store: StateStore, renew_after: int) -> None:
        super().__init__()
        self._store = store
        self._renew_after = renew_after

    def process(self, batch: Sequence[_Keyed]) -> Iterator[_Keyed]:
        Metrics.counter(METRICS, SEEN).inc(len(batch))
        ages = self._store.ages([key for key, _ in batch])
        for element, age in zip(batch, ages, strict=True):
            # The client takes a state for an earlier time no more than one for a later time.
            if age is None or abs(age) >= self._renew_after:
                yield element

    def teardown(self) -> None:
        self._store.close()


class _Put(beam.DoFn):
    """Puts as many states at once as the store likes, and the rest when a bundle ends."""

    def __init__(self, store: StateStore) -> None:
        super().__init__()
        self._store = store
        self._waiting: list[_Keyed] = []

    def start_bundle(self) -> None:
        # What a bundle that failed left here comes again with its next attempt.
        self._waiting = []

    def process(self, state: _Keyed) -> None:
        key, blob = state
        self._waiting.append((key, dump(CachedState(blob, key.made_for))))
        if len(self._waiting) >= self._store.states_at_once:
            self._flush()

    def finish_bundle(self) -> None:
        self._flush()

    def teardown(self) -> None:
        self._store.close()

    def _flush(self) -> None:
        if self._waiting:
            self._store.put(self._waiting)
            Metrics.counter(METRICS, ENCODED).inc(len(self._waiting))
        self._waiting = []
