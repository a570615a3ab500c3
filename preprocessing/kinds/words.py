"""The base class of the kinds whose values are words of a vocabulary."""

from __future__ import annotations

import abc
from typing import ClassVar

import pydantic

from preprocessing.kinds.column import ColumnKind


class WordKind(ColumnKind, abc.ABC):
    """A feature with a vocabulary, counted in training; the most frequent word has index 1.

    Attributes:
        min_count: Values seen less often in training share the out-of-vocabulary buckets.
        oov_buckets: Rows for values outside the vocabulary, chosen by hash.
    """

    has_vocabulary: ClassVar[bool] = True

    min_count: int = pydantic.Field(1, ge=1)
    oov_buckets: int = pydantic.Field(1, ge=1)
