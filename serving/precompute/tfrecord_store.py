"""States as TFRecord files, in a folder per shard of users.

A record is a tf.Example of user_id, key, made_for and state.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf

from preprocessing.paths import absolute, is_local
from preprocessing.stored_folders import StorageError, delete, fetch, list_folder, store
from preprocessing.tables import stable_hash
from serving.errors import ServingError
from serving.precompute.stores import StateStore, UserKey

_SHARD = re.compile(r"shard-\d+-of-(\d+)")
_NAME_BYTES = 16


class TFRecordStore(StateStore):
    """States in files under `<folder>/shard-<n>-of-<shards>/`.

    A file is whole as soon as it has its name, and never changes.

    Example:
        store = TFRecordStore("gs://bucket/states", shards=64)
        records | StoreStates(version, store, renew_after=43_200)

    A user whose history moved has a record in each of several files; the key tells them apart. Of
    two records with one key, `read_states` yields the one with the later `made_for`. Work that a
    runner does twice gives a file of the same name.

    Args:
        folder: On this machine, or in a store, as gs://bucket/states.
        shards: Folders that users are spread over, the same in every run.
        states_at_once: The most states per file.

    Raises:
        ServingError: The folder has another number of shards.
        StorageError: A store can't be asked.
    """

    def __init__(self, folder: str, shards: int, states_at_once: int = 2000) -> None:
        self.states_at_once = states_at_once
        self._folder = absolute(folder)
        self._shards = shards
        self._known: tuple[int, dict[str, set[int]]] = (-1, {})
        for name in _shards(folder):
            found = _SHARD.fullmatch(name)
            if found is None or int(found[1]) == shards:
                continue
            raise ServingError(
                f"{folder} has {found[0]}, but --shards={shards}: shards must stay as they were."
            )

    def check(self) -> None:
        """Puts an empty file there and removes it again."""
        name = f".{uuid.uuid4()}.part"
        try:
            if is_local(self._folder):
                os.makedirs(self._folder, exist_ok=True)
                Path(self._folder, name).touch()
                os.remove(os.path.join(self._folder, name))
                return
            with tempfile.TemporaryDirectory() as here:
                Path(here, name).touch()
                store(Path(here), [name], self._folder)
            delete(self._folder, [name])
        except OSError as error:
            reason = error if isinstance(error, StorageError) else error.strerror
            raise ServingError(f"{self._folder} can't be written: {reason}") from error

    def ages(self, keys: Sequence[UserKey]) -> list[int | None]:
        """Reads the keys of a shard once, if its users come one after the other.

        Of a key with several states, the age is that of the one for the nearest time.
        """
        ages: list[int | None] = []
        for key, shard in zip(keys, self._shards_of(keys), strict=True):
            times = self._times(shard).get(key.key, set())
            ages.append(min((key.made_for - time for time in times), key=abs, default=None))
        return ages

    def put(self, states: Sequence[tuple[UserKey, bytes]]) -> None:
        """Writes a file per shard, under another name first.

        So a killed worker leaves no file that is half-written.
        """
        shards = self._shards_of([key for key, _ in states])
        by_shard: dict[int, list[tuple[UserKey, bytes]]] = {}
        for state, shard in zip(states, shards, strict=True):
            by_shard.setdefault(shard, []).append(state)
        for shard, of_shard in sorted(by_shard.items()):
            self._write(shard, of_shard)

    def close(self) -> None:
        self._known = (-1, {})

    def _write(self, shard: int, states: Sequence[tuple[UserKey, bytes]]) -> None:
        digest = hashlib.blake2b(digest_size=_NAME_BYTES)
        for key, _ in states:
            digest.update(f"{key.key}@{key.made_for}\n".encode())
        folder = self._path(shard)
        name = f"{digest.hexdigest()}.tfrecord"
        if is_local(folder):
            os.makedirs(folder, exist_ok=True)
            part = os.path.join(folder, f"{uuid.uuid4()}.part")
            _write_states(part, states)
            os.replace(part, os.path.join(folder, name))
            return
        with tempfile.TemporaryDirectory() as here:
            _write_states(os.path.join(here, name), states)
            store(Path(here), [name], folder)

    def _times(self, shard: int) -> dict[str, set[int]]:
        if shard != self._known[0]:
            times: dict[str, set[int]] = {}
            with _files_here(self._path(shard)) as files:
                for key, _ in _records(files):
                    times.setdefault(key.key, set()).add(key.made_for)
            self._known = shard, times
        return self._known[1]

    def _path(self, shard: int) -> str:
        return os.path.join(self._folder, f"shard-{shard:05d}-of-{self._shards:05d}")

    def _shards_of(self, keys: Sequence[UserKey]) -> list[int]:
        hashes = stable_hash(pa.array([key.user_id for key in keys], pa.string()))
        return (hashes % np.uint64(self._shards)).astype(np.int64).tolist()


def read_states(folder: str) -> Iterator[tuple[UserKey, bytes]]:
    """The states in a folder and the folders in it, each as `serving.cache.dump` wrote it.

    Of several with one key, the one for the latest time. Files are read twice, one folder of a
    shard after another, so that at most the keys of one shard are held: some 300 bytes each.

    Args:
        folder: What TFRecordStore wrote, here or in a store. Several such folders may be in it, if
            they have the same number of shards.
    """
    with _files_here(folder) as files:
        by_shard: dict[str, list[str]] = {}
        for file in files:
            by_shard.setdefault(Path(file).parent.name, []).append(file)
        for shard in sorted(by_shard):
            yield from _latest(by_shard[shard])


def _latest(files: Sequence[str]) -> Iterator[tuple[UserKey, bytes]]:
    """Of each key in files, the state for the latest time, once."""
    times: dict[str, int] = {}
    for key, _ in _records(files):
        times[key.key] = max(key.made_for, times.get(key.key, key.made_for))
    for key, state in _records(files):
        if times.get(key.key) == key.made_for:
            del times[key.key]  # work that was done twice may have left it in two files
            yield key, state


@contextlib.contextmanager
def _files_here(folder: str) -> Iterator[list[str]]:
    """The files of states in a folder; those of a store are copied here for a while."""
    with contextlib.ExitStack() as copies:
        if not is_local(folder):
            url, folder = folder, copies.enter_context(tempfile.TemporaryDirectory())
            fetch(url, filter(_is_states, list_folder(url)), Path(folder))
        yield sorted(filter(_is_states, map(str, Path(folder).rglob("*"))))


def _records(files: Sequence[str]) -> Iterator[tuple[UserKey, bytes]]:
    for file in files:
        for record in tf.data.TFRecordDataset(file).as_numpy_iterator():
            yield _state_of(record)


def _is_states(name: str) -> bool:
    return name.endswith(".tfrecord")


def _state_of(record: bytes) -> tuple[UserKey, bytes]:
    features = tf.train.Example.FromString(record).features.feature
    user_id = features["user_id"].bytes_list.value[0].decode()
    key = features["key"].bytes_list.value[0].decode()
    made_for = features["made_for"].int64_list.value[0]
    return UserKey(user_id, key, made_for), features["state"].bytes_list.value[0]


def _write_states(path: str, states: Sequence[tuple[UserKey, bytes]]) -> None:
    with tf.io.TFRecordWriter(path) as writer:
        for key, state in states:
            writer.write(_example(key, state))


def _example(key: UserKey, state: bytes) -> bytes:
    example = tf.train.Example()
    values = {"user_id": key.user_id.encode(), "key": key.key.encode(), "state": state}
    for name, value in values.items():
        example.features.feature[name].bytes_list.value.append(value)
    example.features.feature["made_for"].int64_list.value.append(key.made_for)
    return example.SerializeToString()


def _shards(folder: str) -> set[str]:
    """The folders of a folder."""
    if is_local(folder):
        return set(os.listdir(folder)) if os.path.isdir(folder) else set()
    return {name.partition("/")[0] for name in list_folder(folder)}
