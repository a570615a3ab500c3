"""Users' states for ranking: from the caches, or made by the server."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from collections.abc import Callable, Sequence

import grpc
import numpy as np

from serving import contract
from serving.cache import CachedState, StateCache, check_ignored, request_time, state_key
from serving.connection import Answer, Connection, RankingError
from serving.deadline import Deadline
from serving.inputs import User, latest_events, user_tensors
from serving.io import Io
from serving.signatures import Signatures
from serving.single_flight import SingleFlight
from serving.value_checks import check_values
from serving.versions import Versions

UserCheck = Callable[[Sequence[User], contract.Description, int], None]


@dataclasses.dataclass(frozen=True)
class UserState:
    """What the model needs to know of users to score items for them.

    Only the version that made it can read it.

    Attributes:
        blobs: An opaque string per user.
        version: The model version that made them.
    """

    blobs: list[bytes]
    version: int


@dataclasses.dataclass(frozen=True)
class Freshness:
    """How old what a client remembers may be.

    Example:
        # A state may be a day old, and the user may have come by another device since.
        freshness = Freshness(86_400, ignored_context=frozenset({"context_device"}))
        client = RankingClient("localhost:8500", caches=[LruCache()], freshness=freshness)

    Attributes:
        staleness_seconds: How far the time of the request that a state was made for may lie from
            that of the request that it is used for. Time gaps, the hour and the weekday are as of
            the former.
        ignored_context: Context inputs whose change doesn't make a state anew, besides the
            request's time. The model must have them.
        version_seconds: Seconds after which to ask the server again which version is the latest.
    """

    staleness_seconds: float = 60.0
    ignored_context: frozenset[str] = frozenset()
    version_seconds: float = 5.0


class Counters:
    """Counts what happened, by name; several threads may share it."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, name: str) -> None:
        """One more."""
        with self._lock:
            self._counts[name] += 1

    def snapshot(self) -> dict[str, int]:
        """The counts so far."""
        with self._lock:
            return dict(self._counts)


class States:
    """Finds and makes the states of single users.

    Callers who want the same state at the same time share one request for it.

    Args:
        io: How to wait.
        connection: The server.
        versions: Its versions.
        caches: Asked in this order; what a later one has, or the server makes, goes into those
            before it.
        freshness: How old states may be.
        check_users: Looks for features that users lack.
    """

    def __init__(
        self,
        io: Io,
        connection: Connection,
        versions: Versions,
        caches: Sequence[StateCache],
        freshness: Freshness,
        check_users: UserCheck = lambda users, description, version: None,
    ) -> None:
        self._io = io
        self._connection = connection
        self._versions = versions
        self._caches = tuple(caches)
        self._freshness = freshness
        self._check_users = check_users
        self._flights = SingleFlight(io)
        self.counters = Counters()

    async def encode(self, users: Sequence[User], deadline: Deadline) -> UserState:
        """New states of users, which go into no cache."""

        def build(version: Signatures) -> tuple[str, list[dict[str, np.ndarray]]]:
            self._check_users(users, version.description, version.version)
            return contract.ENCODE_USER, [encoder_inputs(users, version)]

        (answer,) = await self._versions.run_latest(build, deadline)
        return UserState(state_blobs(answer), answer.version)

    async def of(self, user: User, deadline: Deadline) -> UserState:
        """A user's state, fresh enough.

        Raises:
            RankingError: The server refused or didn't answer.
            ValueError: A feature is unknown, missing, or has the wrong type.
        """
        if not self._caches:
            return await self.encode([user], deadline)
        version = await self._versions.latest(deadline)
        known = await self._key_if_known(user, version, deadline)
        if known is None:
            # The key of a state of the later version isn't known yet, but that version encodes.
            return await self.encode([user], deadline)
        key, time = known
        found = await self._look_up(key, time)
        if found is not None:
            self.counters.add("hits")
            return UserState([found.blob], version.version)
        self.counters.add("misses")
        return await self._shared_if_fresh(key, time, user, deadline)

    async def renew(self, user: User, stale: UserState, deadline: Deadline) -> UserState:
        """A new state for one that the server refused, by the version that is the latest now.

        Raises:
            RankingError: The server refused or didn't answer.
            ValueError: A feature is unknown, missing, or has the wrong type.
        """
        self.counters.add("renewed")
        version = await self._versions.ask_latest(deadline)
        if not self._caches:
            return await self.encode([user], deadline)
        key, time = self._key(user, version)
        # Another caller may have renewed it already.
        found = await self._look_up(key, time)
        if found is not None and found.blob not in stale.blobs:
            return UserState([found.blob], version.version)
        for cache in self._caches:
            await self._io.ask(cache.delete, key)
        return await self._shared_if_fresh(key, time, user, deadline)

    async def _key_if_known(
        self, user: User, version: Signatures, deadline: Deadline
    ) -> tuple[str, int] | None:
        """As `_key`; None if the request fits only a later version than the known one."""
        try:
            return self._key(user, version)
        except ValueError:
            current = await self._versions.ask_latest(deadline)
            if current.version == version.version:
                raise
            return None

    async def _shared_if_fresh(
        self, key: str, time: int, user: User, deadline: Deadline
    ) -> UserState:
        """A new state: by whoever asked first, unless that was for too different a time."""
        state, made_for = await self._shared(key, time, user, deadline)
        return state if self._is_fresh(made_for, time) else await self.encode([user], deadline)

    async def _shared(
        self, key: str, time: int, user: User, deadline: Deadline
    ) -> tuple[UserState, int]:
        """A new state and the time it was made for, by whoever asked first."""
        try:
            return await self._flights.once(key, deadline, lambda: self._make(user, time, deadline))
        except TimeoutError:
            code = grpc.StatusCode.DEADLINE_EXCEEDED
            what = "another caller's encode_user"
            raise self._connection.error(code, "The time was up.", deadline, what) from None

    async def _make(self, user: User, time: int, deadline: Deadline) -> tuple[UserState, int]:
        self.counters.add("encoded")
        state = await self.encode([user], deadline)
        try:
            version = await self._versions.of(state.version, deadline)
        except RankingError:  # it answered, and went: the state will be refused, and made anew
            return state, time
        # By the version that answered, which may be later than the one that was asked for.
        key, _ = self._key(user, version)
        for cache in self._caches:
            await self._io.ask(cache.put, key, CachedState(state.blobs[0], time))
        return state, time

    async def _look_up(self, key: str, time: int) -> CachedState | None:
        for place, cache in enumerate(self._caches):
            found = await self._io.ask(cache.get, key)
            if found is not None and self._is_fresh(found.made_for, time):
                # The caches before it are nearer: they answer the next time.
                for earlier in self._caches[:place]:
                    await self._io.ask(earlier.put, key, found)
                return found
        return None

    def _key(self, user: User, version: Signatures) -> tuple[str, int]:
        """The key of a user's state by a version, and the time of the request, see request_time.

        Raises:
            ValueError: A feature is unknown, missing, or has the wrong type, or the version has no
                context input that is to be ignored.
        """
        ignored = self._freshness.ignored_context
        check_ignored(ignored, version.description)
        inputs = encoder_inputs([user], version)
        name = self._connection.model_name
        key = state_key(name, version.version, version.description, inputs, ignored)
        return str(key), request_time(inputs)

    def _is_fresh(self, made_for: int, time: int) -> bool:
        return abs(time - made_for) <= self._freshness.staleness_seconds


def state_blobs(answer: Answer) -> list[bytes]:
    """The states in an answer of encode_user."""
    blobs: list[bytes] = answer.outputs[contract.state_name(answer.outputs)].tolist()
    return blobs


def encoder_inputs(users: Sequence[User], version: Signatures) -> dict[str, np.ndarray]:
    """What encode_user takes of users: the behaviours that count, and no more.

    Raises:
        ValueError: A feature is unknown, missing, has the wrong type, or a value that can't be.
    """
    inputs = user_tensors(users, version.user_inputs())
    check_values(inputs, set().union(*users), version.description)
    return latest_events(inputs, version.description.history_length)
