"""What the signatures of a model take, asked of the server once a version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import numpy as np

from serving import contract
from serving.connection import Answer, Connection, Metadata, RankingError

_KEPT_VERSIONS = 4
_MAY_BE_OUTDATED = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)

Infos = dict[str, Any]
Build = Callable[["Signatures"], tuple[str, dict[str, np.ndarray]]]


class Signatures:
    """The inputs of one model version's signatures, name -> TensorInfo.

    Args:
        metadata: The version's metadata.
    """

    def __init__(self, metadata: Metadata) -> None:
        self.version = metadata.version
        self._inputs = metadata.inputs

    def inputs(self, signature: str) -> Infos:
        """The inputs of a signature.

        Raises:
            ValueError: The model has no such signature.
        """
        if signature not in self._inputs:
            raise ValueError(
                f"Version {self.version} has no signature '{signature}', only {', '.join(sorted(self._inputs))}: "
                "is it an srp4ctr model?"
            )
        return self._inputs[signature]

    def user_inputs(self) -> Infos:
        """The user's, context's and history's raw features."""
        return self.inputs(contract.ENCODE_USER)

    def candidate_inputs(self, signature: str) -> Infos:
        """The candidates' raw features among a scoring signature's inputs."""
        others = {contract.USER_STATE} | self.user_inputs().keys()
        return {name: info for name, info in self.inputs(signature).items() if name not in others}


class SignatureCache:
    """Remembers signatures by version, and which version was the latest; several threads may share it.

    Args:
        connection: The server to ask.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._by_version: dict[int, Signatures] = {}
        self._latest: Signatures | None = None

    def of(self, version: int) -> Signatures:
        """The signatures of a version.

        Raises:
            RankingError: The server refused or didn't answer; NOT_FOUND if it doesn't serve that version.
        """
        return self._by_version.get(version) or self._ask(version)

    def run_latest(self, build: Build) -> Answer:
        """Runs a request on the latest version.

        A request that doesn't fit is made anew if the server has moved to another version since it was last asked.

        Args:
            build: Signature name and input tensors, given the latest version's signatures.

        Raises:
            RankingError: The server refused or didn't answer.
            ValueError: What `build` raised.
        """
        known = self._latest or self._ask_latest()
        try:
            return self._connection.run(*build(known))
        except (RankingError, ValueError) as error:
            if isinstance(error, RankingError) and error.code not in _MAY_BE_OUTDATED:
                raise
            current = self._ask_latest()
            if current.version == known.version:
                raise
            return self._connection.run(*build(current))

    def _ask_latest(self) -> Signatures:
        self._latest = self._ask(None)
        return self._latest

    def _ask(self, version: int | None) -> Signatures:
        found = Signatures(self._connection.metadata(version))
        kept = sorted(self._by_version.items())[1 - _KEPT_VERSIONS :]
        self._by_version = dict(kept) | {found.version: found}
        return found
