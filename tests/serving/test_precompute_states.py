"""Which states a pre-computation makes anew, and which of several in files counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from serving.precompute.stores import StateStore, UserKey
from serving.precompute.tfrecord_store import TFRecordStore, read_states
from serving.precompute.transform import _LeaveOutFresh
from tests.ram_file_system import RamFileSystem

HALF = 100  # seconds after which a state is made anew


class Ages(StateStore):
    """A store that has a state of each age."""

    states_at_once = 10

    def __init__(self, ages: Sequence[int | None]) -> None:
        self._ages = list(ages)

    def check(self) -> None:
        """Is always there."""

    def ages(self, keys: Sequence[UserKey]) -> list[int | None]:
        return self._ages

    def put(self, states: Sequence[tuple[UserKey, bytes]]) -> None:
        raise AssertionError("nothing is to be put")

    def close(self) -> None:
        """Has nothing to let go of."""


def test_states_for_another_time_are_made_anew_be_it_earlier_or_later() -> None:
    ages = [None, 0, 99, 100, -99, -100, -5000]
    users = [(UserKey(f"u{n}", f"key{n}", 0), b"record") for n in range(len(ages))]
    made = list(_LeaveOutFresh(Ages(ages), HALF).process(users))
    assert [ages[users.index(user)] for user in made] == [None, 100, -100, -5000]


def key(user: int, made_for: int) -> UserKey:
    return UserKey(f"u{user}", f"key{user}", made_for)


@pytest.mark.parametrize("where", ["here", "in a store"])
def test_the_latest_state_of_a_key_counts_whatever_its_file_is_called(
    tmp_path: Path, where: str
) -> None:
    folder = str(tmp_path / "states")
    if where == "in a store":
        folder = f"{RamFileSystem.scheme()}://{tmp_path.name}/states"
    store = TFRecordStore(folder, shards=2)
    times = [300, 100, 500, 200, 400]
    for time in times:  # files are called by a hash of keys and times: in no order
        store.put([(key(user, time), f"{user} at {time}".encode()) for user in range(3)])
    store.put([(key(0, 500), b"0 at 500"), (key(9, 50), b"9 at 50")])  # once more, by a retry
    found = list(read_states(folder))
    expected = {key(user, 500): f"{user} at 500".encode() for user in range(3)}
    assert dict(found) == expected | {key(9, 50): b"9 at 50"}
    assert len(found) == 4


def test_a_state_for_the_nearest_time_is_what_a_run_finds(tmp_path: Path) -> None:
    store = TFRecordStore(str(tmp_path), shards=1)
    for time in (1000, 5000):
        store.put([(key(1, time), b"state")])
    asked = [1000, 1020, 4000, 5000, 5100]
    store.close()
    assert store.ages([key(1, time) for time in asked]) == [0, 20, -1000, 0, 100]
    assert store.ages([key(2, 1000)]) == [None]
