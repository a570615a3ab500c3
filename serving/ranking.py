"""What the blocking and the asyncio client do, written once for both (see io.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import numpy as np

from serving import contract
from serving.cache import StateCache
from serving.candidates import Candidates, Scores, as_columns, check_top, merge, ranked, split
from serving.channel_options import ChannelOptions
from serving.connection import Connection, RankingError
from serving.deadline import Deadline
from serving.inputs import User, absent_user, candidate_tensors, per_user
from serving.io import Io
from serving.showings import ShowingCheck, Unsent
from serving.signatures import Signatures
from serving.states import Freshness, States, UserState, encoder_inputs, state_blobs
from serving.value_checks import check_values
from serving.versions import Versions

_READY_POLL_SECONDS = 0.1
_NOT_READY = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
)


class Ranking:
    """Coroutines behind the clients' methods of the same names; see RankingClient.

    Args:
        io: How to wait.
        address: The server's address, for messages.
        model_name: The model's name on the server.
        channel: The connection's options.
        caches: Where states are kept, asked in this order.
        freshness: How old what is remembered may be.
        unsent: What to do about features that candidates lack, see BaseClient.
    """

    def __init__(
        self,
        io: Io,
        address: str,
        model_name: str,
        channel: ChannelOptions,
        caches: Sequence[StateCache],
        freshness: Freshness,
        unsent: Unsent = "warn",
    ) -> None:
        self._io = io
        self._check_showings = ShowingCheck(unsent)
        check_users = self._check_showings.of_users
        self.connection = Connection(io, address, model_name, channel.max_message_bytes)
        self._versions = Versions(self.connection, freshness.version_seconds)
        self.states = States(io, self.connection, self._versions, caches, freshness, check_users)

    async def encode_user(self, user: User | Sequence[User], deadline: Deadline) -> UserState:
        return await self.states.encode(_as_list(user), deadline)

    async def score_items(
        self, state: UserState, candidates: Candidates, deadline: Deadline
    ) -> Scores:
        version = await self._versions.of(state.version, deadline)
        self._check_showings(as_columns(candidates), version.description, version.version)
        return await self._score(state, candidates, deadline)

    async def _score(self, state: UserState, candidates: Candidates, deadline: Deadline) -> Scores:
        with_features = isinstance(candidates, Mapping)
        # Item ids alone are the smaller request: the catalogue in the model has the features.
        signature = contract.SCORE_ITEMS_WITH_FEATURES if with_features else contract.SCORE_ITEMS
        version = await self._versions.of(state.version, deadline)
        blobs = np.empty(len(state.blobs), object)
        blobs[:] = state.blobs
        columns = as_columns(candidates)
        inputs = candidate_tensors(columns, version.candidate_inputs(signature), len(blobs))
        check_values(inputs, columns, version.description)
        parts = split(inputs, version.description.max_candidates)
        state_input = version.state_input(signature)
        requests = [{state_input: blobs} | part for part in parts]
        answers = await self.connection.run(signature, requests, deadline, state.version)
        return merge([answer.outputs for answer in answers])

    async def predict(
        self, user: User | Sequence[User], candidates: Candidates, deadline: Deadline
    ) -> Scores:
        users = _as_list(user)
        columns = as_columns(candidates)

        def build(version: Signatures) -> tuple[str, list[dict[str, np.ndarray]]]:
            self._check_showings(columns, version.description, version.version)
            self._check_showings.of_users(users, version.description, version.version)
            side = encoder_inputs(users, version)
            inputs = candidate_tensors(
                columns, version.candidate_inputs(contract.PREDICT), len(users)
            )
            check_values(inputs, columns, version.description)
            parts = split(inputs, version.description.max_candidates)
            return contract.PREDICT, [side | part for part in parts]

        answers = await self._versions.run_latest(build, deadline)
        return merge([answer.outputs for answer in answers])

    async def rank(
        self,
        user: User,
        candidates: Candidates,
        top: int | None,
        by: str | None,
        deadline: Deadline,
    ) -> list[tuple[Any, dict[str, float]]]:
        check_top(top)
        ids = as_columns(candidates)[contract.CANDIDATE_ITEM_ID]
        (items,) = per_user(contract.CANDIDATE_ITEM_ID, ids, users=1)
        state = await self.states.of(user, deadline)
        try:
            scores = await self.score_items(state, candidates, deadline)
        except RankingError as error:
            if not _is_stale(error):
                raise
            scores = await self._score_anew(user, state, candidates, deadline)
        return ranked(items, scores, top, by)

    async def _score_anew(
        self, user: User, stale: UserState, candidates: Candidates, deadline: Deadline
    ) -> Scores:
        """Scores by a new state; without one where that is refused, too.

        Behind one address may be several servers. While a version is rolled out some have it and
        others don't, so that the one that makes a state and the one that is to score with it may
        disagree again.
        """
        renewed = await self.states.renew(user, stale, deadline)
        try:
            return await self.score_items(renewed, candidates, deadline)
        except RankingError as error:
            if not _is_stale(error):
                raise
        return await self.predict(user, candidates, deadline)

    async def wait_until_ready(self, deadline: Deadline) -> int:
        reason: RankingError | None = None
        while True:
            try:
                return await self._probe(deadline)
            except RankingError as error:
                if error.code not in _NOT_READY:
                    # What kept it from being ready says more than that time is up.
                    raise (reason or error) from None
                reason = error
            await self._io.sleep(min(_READY_POLL_SECONDS, deadline.remaining()))

    async def _probe(self, deadline: Deadline) -> int:
        """Scores an unknown item for an unknown user on the latest version; its number."""
        available = await self.connection.available_versions(deadline)
        version = await self._versions.ask_latest(deadline)
        if version.version not in available:
            details = (
                f"Version {version.version} is not among the available ones, {sorted(available)}."
            )
            raise self.connection.error(
                grpc.StatusCode.FAILED_PRECONDITION, details, deadline, "status"
            )
        user = absent_user(version.user_inputs())
        (answer,) = await self.connection.run(
            contract.ENCODE_USER, [user], deadline, version.version
        )
        state = UserState(state_blobs(answer), version.version)
        await self._score(state, ["0"], deadline)
        return version.version

    async def close(self) -> None:
        await self._io.close()


def _as_list(user: User | Sequence[User]) -> Sequence[User]:
    return [user] if isinstance(user, Mapping) else user


def _is_stale(error: RankingError) -> bool:
    refused = (
        error.code == grpc.StatusCode.INVALID_ARGUMENT and contract.STALE_STATE in error.details
    )
    return refused or error.code == grpc.StatusCode.NOT_FOUND
