"""States as TFRecord files: tf.Examples of user_id, key, made_for and state, in a folder a shard of users."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import tensorflow as tf

from preprocessing.paths import absolute
from preprocessing.tables import stable_hash
from serving.errors import ServingError
from serving.precompute.stores import StateStore, UserKey

_SHARD = re.compile(r"shard-\d+-of-(\d+)/?")
_NAME_BYTES = 16


class TFRecordStore(StateStore):
    """Files under `<folder>/shard-<n>-of-<shards>/`: each is whole as soon as it has its name, and never changes.

    A user whose history moved has a record in each of several files; the key tells them apart, and
    of two records with one key the later `made_for` counts. Work that a runner does twice gives a
    file of the same name.

    Args:
        folder: On any file system that TensorFlow knows.
        shards: Folders that users are spread over, the same in every run.
        states_at_once: The most states a file.

    Raises:
        ServingError: The folder has another number of shards.
    """

    def __init__(self, folder: str, shards: int, states_at_once: int = 2000) -> None:
        self.states_at_once = states_at_once
        self._folder, self._shards = absolute(folder), shards
        self._known: tuple[int, dict[str, int]] = (-1, {})
        others = {
            found
            for name in _names(folder)
            if (found := _SHARD.fullmatch(name)) and int(found[1]) != shards
        }
        if others:
            raise ServingError(
                f"{folder} has {others.pop()[0]}, but --shards={shards}: shards must stay as they were."
            )

    def ages(self, keys: Sequence[UserKey]) -> list[int | None]:
        """Reads the keys of a shard once, if its users come one after the other."""
        found = [
            self._times(shard).get(key.key)
            for key, shard in zip(keys, self._shards_of(keys), strict=True)
        ]
        return [
            None if time is None else key.made_for - time
            for key, time in zip(keys, found, strict=True)
        ]

    def put(self, states: Sequence[tuple[UserKey, bytes]]) -> None:
        """Writes a file a shard under another name first, so that a killed worker leaves none that is half-written."""
        shards = self._shards_of([key for key, _ in states])
        for shard in sorted(set(shards)):
            self._write(
                shard, [state for state, its in zip(states, shards, strict=True) if its == shard]
            )

    def close(self) -> None:
        self._known = (-1, {})

    def _write(self, shard: int, states: Sequence[tuple[UserKey, bytes]]) -> None:
        digest = hashlib.blake2b(digest_size=_NAME_BYTES)
        for key, _ in states:
            digest.update(f"{key.key}@{key.made_for}\n".encode())
        part, final = (
            os.path.join(self._path(shard), name)
            for name in (f"{uuid.uuid4()}.part", digest.hexdigest())
        )
        tf.io.gfile.makedirs(self._path(shard))
        with tf.io.TFRecordWriter(part) as writer:
            for key, state in states:
                writer.write(_example(key, state))
        tf.io.gfile.rename(part, f"{final}.tfrecord", overwrite=True)

    def _times(self, shard: int) -> dict[str, int]:
        if shard != self._known[0]:
            times: dict[str, int] = {}
            for key, _ in read_states(self._path(shard)):
                times[key.key] = max(key.made_for, times.get(key.key, key.made_for))
            self._known = shard, times
        return self._known[1]

    def _path(self, shard: int) -> str:
        return os.path.join(self._folder, f"shard-{shard:05d}-of-{self._shards:05d}")

    def _shards_of(self, keys: Sequence[UserKey]) -> list[int]:
        hashes = stable_hash(pa.array([key.user_id for key in keys], pa.string()))
        return (hashes % np.uint64(self._shards)).astype(np.int64).tolist()


def read_states(folder: str) -> Iterator[tuple[UserKey, bytes]]:
    """All states in the files of a folder and the folders in it, each as `serving.cache.dump` wrote it."""
    files = [
        os.path.join(path, name) for path, _, names in tf.io.gfile.walk(folder) for name in names
    ]
    for file in sorted(file for file in files if file.endswith(".tfrecord")):
        for record in tf.data.TFRecordDataset(file).as_numpy_iterator():
            features = tf.train.Example.FromString(record).features.feature
            user_id, key, state = (
                features[name].bytes_list.value[0] for name in ("user_id", "key", "state")
            )
            yield (
                UserKey(user_id.decode(), key.decode(), features["made_for"].int64_list.value[0]),
                state,
            )


def _example(key: UserKey, state: bytes) -> bytes:
    example = tf.train.Example()
    for name, value in (
        ("user_id", key.user_id.encode()),
        ("key", key.key.encode()),
        ("state", state),
    ):
        example.features.feature[name].bytes_list.value.append(value)
    example.features.feature["made_for"].int64_list.value.append(key.made_for)
    return example.SerializeToString()


def _names(folder: str) -> list[str]:
    return tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
