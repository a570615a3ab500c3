"""Whether requests come with the features that the model can't know by itself."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from serving.contract import Description

Unsent = Literal["warn", "raise", "ignore"]


class ShowingCheck:
    """Looks for features of showings that candidates lack, and for statistics that users lack.

    Args:
        unsent: What to do about them, see BaseClient.

    Raises:
        ValueError: `unsent` is none of these.
    """

    def __init__(self, unsent: Unsent) -> None:
        if unsent not in ("warn", "raise", "ignore"):
            raise ValueError(f"`unsent` must be warn, raise or ignore. Received: unsent={unsent!r}")
        self._unsent = unsent
        self._warned: set[tuple[int, str]] = set()

    def __call__(self, sent: Collection[str], description: Description, version: int) -> None:
        """Checks the names of features that are sent.

        Raises:
            ValueError: some are missing, and that is to be raised.
        """
        missing = [name for name in description.showing_inputs if name not in sent]
        if missing and self._unsent != "ignore":
            differ = "differs" if len(missing) == 1 else "differ"
            self._tell(
                version,
                missing,
                f"Version {version} was trained with {', '.join(missing)}, which {differ} from one "
                "showing of an item to the next. Send them with the candidates: without them the "
                "model takes those of another showing.",
            )

    def of_users(
        self, users: Sequence[Mapping[str, Any]], description: Description, version: int
    ) -> None:
        """Checks which statistics users have.

        Raises:
            ValueError: some are missing, and that is to be raised.
        """
        if self._unsent == "ignore" or not description.statistic_inputs:
            return
        missing: list[str] = []
        for name in description.statistic_inputs:
            if any(name not in user for user in users):
                missing.append(name)
        if missing:
            count = "counts" if len(missing) == 1 else "count"
            self._tell(
                version,
                missing,
                f"Version {version} was trained with {', '.join(missing)}, which {count} what "
                "happened to the user. Send them with the user, as `srp4ctr data users` writes "
                "them, and None where nothing has happened: without them the model takes it that "
                "nothing has.",
            )

    def _tell(self, version: int, missing: list[str], message: str) -> None:
        if self._unsent == "raise":
            raise ValueError(message)
        told = {(version, name) for name in missing}
        if not told <= self._warned:
            self._warned |= told
            logging.getLogger(__name__).warning(message)
