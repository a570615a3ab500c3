"""Whether candidates come with the features that the catalogue inside the model can't know."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Literal

from serving.contract import Description

Unsent = Literal["warn", "raise", "ignore"]


class ShowingCheck:
    """Looks for features of showings that candidates lack.

    Args:
        unsent: What to do about them, see BaseClient.

    Raises:
        ValueError: `unsent` is none of these.
    """

    def __init__(self, unsent: Unsent) -> None:
        if unsent not in ("warn", "raise", "ignore"):
            raise ValueError(f"`unsent` must be warn, raise or ignore. Received: unsent={unsent!r}")
        self._unsent = unsent
        self._warned: set[tuple[int, tuple[str, ...]]] = set()

    def __call__(self, sent: Collection[str], description: Description, version: int) -> None:
        """Checks the names of features that are sent.

        Raises:
            ValueError: some are missing, and that is to be raised.
        """
        missing = tuple(name for name in description.showing_inputs if name not in sent)
        if not missing or self._unsent == "ignore":
            return
        message = (
            f"Version {version} was trained with {', '.join(missing)}, which differ from one "
            "showing of an item to the next. Send them with the candidates: without them the "
            "model takes those of another showing."
        )
        if self._unsent == "raise":
            raise ValueError(message)
        if (version, missing) not in self._warned:
            self._warned.add((version, missing))
            logging.getLogger(__name__).warning(message)
