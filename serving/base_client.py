"""What the blocking and the asyncio client have in common: how they are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from serving.cache import StateCache
from serving.channel_options import ChannelOptions
from serving.contract import DEFAULT_MODEL_NAME
from serving.deadline import Deadline
from serving.io import AsyncIo, BlockingIo
from serving.ranking import Ranking
from serving.showings import Unsent
from serving.states import Freshness


class BaseClient:
    """A client of one model.

    Args:
        address: `host:port` of the server's gRPC port, or any name that gRPC resolves.
        model_name: The model's name on the server.
        timeout_seconds: Seconds after which a call is given up.
        channel: Limits, TLS, retries.
        caches: Where `rank` keeps users' states, asked in this order, such as [LruCache(),
            RedisCache(url)]; with none, each call makes its state.
        freshness: How old a cached state may be.
        unsent: What to do where candidates come without features that differ from one showing of an
            item to the next, such as its position, or users without statistics of users, and the
            model was trained with them: `warn`, once a version of each feature, `raise` a
            ValueError, or `ignore`.
    """

    _io_type: ClassVar[type[BlockingIo] | type[AsyncIo]]

    def __init__(
        self,
        address: str,
        model_name: str = DEFAULT_MODEL_NAME,
        timeout_seconds: float = 1.0,
        channel: ChannelOptions | None = None,
        caches: Sequence[StateCache] = (),
        freshness: Freshness | None = None,
        unsent: Unsent = "warn",
    ) -> None:
        channel = channel or ChannelOptions()
        self._timeout_seconds = timeout_seconds
        io = self._io_type(address, channel)
        self._ranking = Ranking(
            io, address, model_name, channel, caches, freshness or Freshness(), unsent
        )

    def counts(self) -> dict[str, int]:
        """How often `rank` did what with users' states.

        Returns:
            `hits` and `misses` of the caches, users `encoded`, and refused states `renewed`; what
            has not happened yet is left out.
        """
        return self._ranking.states.counters.snapshot()

    def _deadline(self, timeout_seconds: float | None) -> Deadline:
        return Deadline(self._timeout_seconds if timeout_seconds is None else timeout_seconds)
