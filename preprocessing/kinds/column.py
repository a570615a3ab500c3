"""The base class of the kinds of features that are read from a column."""

from __future__ import annotations

import abc
from typing import ClassVar, Literal

from preprocessing.kinds.kind import CheckedAs, Kind


class ColumnKind(Kind, abc.ABC):
    """A feature that a table has a column for.

    Attributes:
        column: The column it is read from; by default the feature's own name.
        table: The table that has the column. By default, item features come from the item table and
            user features from the user table, context features from the context table where the
            spec has one, and all else from the events.
    """

    checked_as: ClassVar[CheckedAs] = "text"

    column: str | None = None
    table: Literal["events", "items", "users", "context"] | None = None

    @property
    def between(self) -> tuple[float, float] | None:
        """The least and the largest number that a row may have; None: any."""
        return None
