"""Which version is the latest, and what each takes; asked of the server now and then."""

from __future__ import annotations

import time
from collections.abc import Callable

import grpc
import numpy as np

from serving import contract
from serving.connection import Answer, Connection, Metadata, RankingError
from serving.deadline import Deadline
from serving.signatures import Signatures, inputs_of

_KEPT = 4  # versions that are remembered
_TRIES = 8  # where several servers may disagree about which version is the latest
_MAY_BE_OUTDATED = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.NOT_FOUND,
)

Requests = list[dict[str, np.ndarray]]
Build = Callable[[Signatures], tuple[str, Requests]]


class Versions:
    """Remembers versions, and which was the latest; several threads may share it.

    Args:
        connection: The server to ask.
        refresh_seconds: Seconds after which to ask again which is the latest.
    """

    def __init__(self, connection: Connection, refresh_seconds: float) -> None:
        self._connection = connection
        self._refresh_seconds = refresh_seconds
        self._by_number: dict[int, Signatures] = {}
        self._latest: Signatures | None = None
        self._ask_at = 0.0

    async def of(self, version: int, deadline: Deadline) -> Signatures:
        """A version.

        Raises:
            RankingError: The server refused or didn't answer; NOT_FOUND if it doesn't serve that
                version.
        """
        return self._by_number.get(version) or await self._ask(deadline, version)

    async def latest(self, deadline: Deadline) -> Signatures:
        """The latest version, as of at most `refresh_seconds` ago.

        Raises:
            RankingError: The server refused or didn't answer.
        """
        if self._latest is not None and time.monotonic() < self._ask_at:
            return self._latest
        # Before the answer is there: other threads go on with the version that is known.
        self._ask_at = time.monotonic() + self._refresh_seconds
        return await self.ask_latest(deadline)

    async def ask_latest(self, deadline: Deadline) -> Signatures:
        """The latest version, as of now.

        Raises:
            RankingError: The server refused or didn't answer.
        """
        self._latest = await self._ask(deadline, None)
        self._ask_at = time.monotonic() + self._refresh_seconds
        return self._latest

    async def run_latest(self, build: Build, deadline: Deadline) -> list[Answer]:
        """Runs requests on the latest version, all on the same one.

        Requests are made anew if the server has moved to another version since it was last asked,
        and they don't fit, or lack behaviours that count there.

        Args:
            build: Signature name and requests' input tensors, given the latest version.
            deadline: The time for all of it.

        Raises:
            RankingError: The server refused or didn't answer.
            ValueError: What `build` raised.
        """
        known = await self.latest(deadline)
        for tries_left in reversed(range(_TRIES)):
            try:
                return await self._run(build, known, deadline)
            except (RankingError, ValueError) as error:
                if isinstance(error, RankingError) and error.code not in _MAY_BE_OUTDATED:
                    raise
                current = await self.ask_latest(deadline)
                same = current.version == known.version and not _is_missing(error)
                if same or not tries_left:
                    raise
                known = current
        raise AssertionError("the last try returns or raises")

    async def _run(self, build: Build, version: Signatures, deadline: Deadline) -> list[Answer]:
        signature, requests = build(version)
        # Several requests must be answered by one version, a single one by the latest.
        pinned = version.version if len(requests) > 1 else None
        answers = await self._connection.run(signature, requests, deadline, pinned)
        if answers[0].version == version.version:
            return answers
        self._ask_at = 0.0  # a later one has come
        answering = await self.of(answers[0].version, deadline)
        if answering.description.history_length > version.description.history_length:
            # Histories were cut to what counts in the earlier one.
            return await self._run(build, answering, deadline)
        return answers

    async def _ask(self, deadline: Deadline, version: int | None) -> Signatures:
        """A version, or the latest for None.

        Several servers may be behind one address, and while a version is rolled out only some have
        it: the one that names it and the one that is to describe it may be two. Then another is
        asked, now one, now the other question.
        """
        metadata = await self._connection.metadata(deadline, version)
        for tries_left in reversed(range(_TRIES)):
            try:
                return await self._described(metadata, deadline)
            except RankingError as error:
                if version is not None or not _is_missing(error) or not tries_left:
                    raise
            if tries_left % 2:
                metadata = await self._connection.metadata(deadline)
        raise AssertionError("the last try returns or raises")

    async def _described(self, metadata: Metadata, deadline: Deadline) -> Signatures:
        known = self._by_number.get(metadata.version)
        if known is not None:
            return known
        inputs_of(metadata.inputs, contract.DESCRIBE, metadata.version)
        anything = {contract.REQUEST: np.array([b""], object)}
        (answer,) = await self._connection.run(
            contract.DESCRIBE, [anything], deadline, metadata.version
        )
        found = Signatures(
            metadata, contract.Description.from_json(answer.outputs[contract.DESCRIPTION][0])
        )
        kept = sorted(self._by_number.items())[1 - _KEPT :]
        self._by_number = dict(kept) | {found.version: found}
        return found


def _is_missing(error: Exception) -> bool:
    """Whether the server that was asked doesn't have a version; another may."""
    return isinstance(error, RankingError) and error.code == grpc.StatusCode.NOT_FOUND
