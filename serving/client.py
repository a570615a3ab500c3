"""Ranks items for users with a model behind TensorFlow Serving; needs only gRPC and NumPy."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from types import TracebackType
from typing import Any

import grpc
import numpy as np

from serving import contract
from serving.connection import Connection, RankingError
from serving.inputs import User, candidate_tensors, user_tensors
from serving.signatures import SignatureCache, Signatures

__all__ = ["RankingClient", "RankingError", "UserState"]

Candidates = Sequence[Any] | Mapping[str, Any]
Scores = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class UserState:
    """What the model needs to know of users to score items for them; only the version that made it can read it.

    Attributes:
        blobs: An opaque string a user.
        version: The model version that made them.
    """

    blobs: list[bytes]
    version: int


class RankingClient:
    """A synchronous client of one model; several threads may share it.

    A user is a mapping of raw features: scalars, and lists along the history, the oldest event first. What is left
    out is absent. Candidates are item ids, or a mapping of candidate features; either is one list, or one list a user.

    Example:
        with RankingClient("localhost:8500") as client:
            user = {"user_id": "42", "timestamp": 1700000000, "history_item_id": ["10", "11"], ...}
            best = client.rank(user, ["12", "13", "14"], top=2)

    Args:
        address: `host:port` of the server's gRPC port.
        model_name: The model's name on the server.
        timeout_seconds: Seconds after which a request is given up.
        max_message_bytes: Bytes of the largest request or response; gRPC's own default, 4 MiB, is too little.
    """

    def __init__(
        self,
        address: str,
        model_name: str = "srp4ctr",
        timeout_seconds: float = 1.0,
        max_message_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self._connection = Connection(address, model_name, timeout_seconds, max_message_bytes)
        self._signatures = SignatureCache(self._connection)

    def encode_user(self, user: User | Sequence[User]) -> UserState:
        """The state of a user, or of several.

        Raises:
            RankingError: The server refused or didn't answer.
            ValueError: A feature is unknown, missing, or has the wrong type.
        """
        users = _as_list(user)
        answer = self._signatures.run_latest(lambda s: (contract.ENCODE_USER, user_tensors(users, s.user_inputs())))
        return UserState(answer.outputs[contract.USER_STATE].tolist(), answer.version)

    def score_items(self, state: UserState, candidates: Candidates) -> Scores:
        """Probabilities [B, N] a task, by the version that made `state`; 0 for an item id of "".

        Raises:
            RankingError: The server refused or didn't answer; code NOT_FOUND if it no longer serves that version.
            ValueError: A candidate feature is unknown, missing, or has the wrong type.
        """
        with_features = isinstance(candidates, Mapping)
        signature = contract.SCORE_ITEMS_WITH_FEATURES if with_features else contract.SCORE_ITEMS
        infos = self._signatures.of(state.version).candidate_inputs(signature)
        blobs = np.empty(len(state.blobs), object)
        blobs[:] = state.blobs
        inputs = {contract.USER_STATE: blobs} | candidate_tensors(_columns(candidates), infos, len(blobs))
        return self._connection.run(signature, inputs, state.version).outputs

    def predict(self, user: User | Sequence[User], candidates: Candidates) -> Scores:
        """Probabilities [B, N] a task in one request, by the latest version; no state leaves the server.

        Raises:
            RankingError: The server refused or didn't answer.
            ValueError: A feature is unknown, missing, or has the wrong type.
        """
        users, columns = _as_list(user), _columns(candidates)

        def build(signatures: Signatures) -> tuple[str, dict[str, np.ndarray]]:
            infos = signatures.candidate_inputs(contract.PREDICT)
            side = user_tensors(users, signatures.user_inputs())
            return contract.PREDICT, side | candidate_tensors(columns, infos, len(users))

        return self._signatures.run_latest(build).outputs

    def rank(
        self, user: User, candidate_ids: Sequence[Hashable], top: int | None = None, by: str | None = None
    ) -> list[tuple[Any, dict[str, float]]]:
        """One user's candidates, the best first.

        If the server moves to another version between the two requests, the state is made anew, once.

        Args:
            user: The user's raw features.
            candidate_ids: Item ids.
            top: How many to return; None for all.
            by: The task to sort by; may be left out if the model has only one.

        Returns:
            (item id, {task: probability}) pairs.

        Raises:
            RankingError: The server refused or didn't answer.
            ValueError: A feature is unknown, missing or of the wrong type, or `by` is no task of the model.
        """
        state = self.encode_user(user)
        try:
            scores = self.score_items(state, candidate_ids)
        except RankingError as error:
            if not _is_stale(error):
                raise
            scores = self.score_items(self.encode_user(user), candidate_ids)
        order = np.argsort(-scores[_task(by, scores)][0], kind="stable")[:top]
        return [(candidate_ids[i], {task: float(score[0, i]) for task, score in scores.items()}) for i in order]

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def __enter__(self) -> RankingClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _as_list(user: User | Sequence[User]) -> Sequence[User]:
    return [user] if isinstance(user, Mapping) else user


def _columns(candidates: Candidates) -> Mapping[str, Any]:
    if not isinstance(candidates, Mapping):
        return {contract.CANDIDATE_ITEM_ID: candidates}
    if contract.CANDIDATE_ITEM_ID not in candidates:
        raise ValueError(f"Candidates need '{contract.CANDIDATE_ITEM_ID}'. Received: {', '.join(sorted(candidates))}")
    return candidates


def _is_stale(error: RankingError) -> bool:
    refused = error.code == grpc.StatusCode.INVALID_ARGUMENT and contract.STALE_STATE in error.details
    return refused or error.code == grpc.StatusCode.NOT_FOUND


def _task(by: str | None, scores: Scores) -> str:
    if by in scores:
        return by
    if by is None and len(scores) == 1:
        return next(iter(scores))
    raise ValueError(f"`by` must be one of the model's tasks, {', '.join(sorted(scores))}. Received: by={by!r}")
