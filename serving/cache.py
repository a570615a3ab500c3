"""User states in caches: what is kept, under which key, and how it is written.

A cache is an object with `get`, `put` and `delete`. While its store is down or slow, it finds
nothing; it never raises. Caches for the asyncio client may return awaitables.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Awaitable, Collection, Mapping
from typing import NamedTuple, Protocol
from urllib.parse import quote

import numpy as np

from serving.contract import HISTORY_ITEM_ID, TIMESTAMP, USER_ID, Description

_MAGIC = b"SRC1"
_HEADER = struct.Struct("<4sIq")  # magic, CRC-32 of the rest, made_for
HEADER_BYTES = _HEADER.size  # of what `dump` writes
_WATERMARK_BYTES = 16


class CachedState(NamedTuple):
    """A user state, and the time of the request that it was made for.

    Attributes:
        blob: The state.
        made_for: Seconds since 1970; 0 for a model that doesn't ask for the time.
    """

    blob: bytes
    made_for: int


class StateCache(Protocol):
    """Where states are kept by `str(StateKey)`; several threads may share one.

    Example:
        class DictCache:
            def __init__(self) -> None:
                self._states: dict[str, CachedState] = {}

            def get(self, key: str) -> CachedState | None:
                return self._states.get(key)

            def put(self, key: str, state: CachedState) -> None:
                self._states[key] = state

            def delete(self, key: str) -> None:
                self._states.pop(key, None)
    """

    def get(self, key: str) -> CachedState | None | Awaitable[CachedState | None]:
        """The state; None if there is none."""
        ...

    def put(self, key: str, state: CachedState) -> None | Awaitable[None]:
        """Keeps a state, if it can."""
        ...

    def delete(self, key: str) -> None | Awaitable[None]:
        """Forgets a state, if it can."""
        ...


class StateKey(NamedTuple):
    """What a cached state depends on, apart from the request's time.

    As a string it is `srp4ctr/` and its parts, joined with slashes.

    Attributes:
        model: The model's name.
        version: The version that made it.
        identity: The version's `state_identity`.
        user_id: The user.
        watermark: A hash of all else that the user's state was made of; see `state_key`.
    """

    model: str
    version: int
    identity: str
    user_id: bytes
    watermark: str

    def __str__(self) -> str:
        model = quote(self.model, safe="")
        user = quote(self.user_id, safe="")
        return f"srp4ctr/{model}/{self.version}/{self.identity}/{user}/{self.watermark}"


def state_key(
    model: str,
    version: int,
    description: Description,
    inputs: Mapping[str, np.ndarray],
    ignored: Collection[str] = (),
) -> StateKey:
    """The key of one user's state.

    The watermark hashes the behaviours that count (the latest `history_length`), with all their
    features, the user's features and the context. So a state is found only by a request that would
    make the same one. Two things are left out: the request's time, which is kept beside the state
    and compared with a tolerance, and `ignored`.

    Args:
        model: The model's name.
        version: The version that makes, or made, the state.
        description: That version's.
        inputs: encode_user's inputs for one user, as `user_tensors` gives them, [1] or [1, L'].
        ignored: Context inputs whose values don't matter enough to make a state anew.
    """
    ids = inputs[HISTORY_ITEM_ID][0]
    kept = np.flatnonzero(ids != b"")[-description.history_length :]
    digest = hashlib.blake2b(digest_size=_WATERMARK_BYTES)
    for name in sorted(set(inputs) - {USER_ID, TIMESTAMP, *ignored}):
        array = inputs[name]
        values = array[0][kept] if array.ndim == 2 else array
        digest.update(name.encode() + b"\0" + _content(values))
    return StateKey(
        model, version, description.state_identity, inputs[USER_ID][0], digest.hexdigest()
    )


def check_ignored(ignored: Collection[str], description: Description) -> None:
    """Refuses to leave out of keys what is no context input.

    Without its history, a state would be found by requests of another one; and a slip in a name
    would go unnoticed.

    Raises:
        ValueError: The model has no such context input.
    """
    for name in sorted(set(ignored) - set(description.context_inputs)):
        known = ", ".join(description.context_inputs)
        others = f", only {known}" if known else ": it has none"
        raise ValueError(
            f"ignored_context: the model has no context input '{name}' to ignore{others}."
        )


def request_time(inputs: Mapping[str, np.ndarray]) -> int:
    """When one user's request was made, seconds since 1970; 0 if the model doesn't ask."""
    return int(inputs[TIMESTAMP][0]) if TIMESTAMP in inputs else 0


def dump(state: CachedState) -> bytes:
    """A state as bytes for a store."""
    rest = struct.pack("<q", state.made_for) + state.blob
    return _HEADER.pack(_MAGIC, zlib.crc32(rest), state.made_for) + state.blob


def load(stored: bytes) -> CachedState | None:
    """What `dump` wrote; None if it was damaged, or never was a state."""
    if len(stored) < _HEADER.size:
        return None
    magic, checksum, made_for = _HEADER.unpack_from(stored)
    if magic != _MAGIC or checksum != zlib.crc32(memoryview(stored)[_HEADER.size - 8 :]):
        return None
    return CachedState(stored[_HEADER.size :], made_for)


def made_for(stored: bytes) -> int | None:
    """The time that a stored state was made for, from its first bytes.

    Args:
        stored: At least HEADER_BYTES of what `dump` wrote.

    Returns:
        Seconds since 1970; None if this never was a state.
    """
    if len(stored) < HEADER_BYTES:
        return None
    magic, _, time = _HEADER.unpack_from(stored)
    return time if magic == _MAGIC else None


def _content(values: np.ndarray) -> bytes:
    """Bytes that differ if the values do."""
    if values.dtype != object:
        return values.tobytes()
    texts = values.tolist()
    return struct.pack(f"<{len(texts)}q", *map(len, texts)) + b"".join(texts)
