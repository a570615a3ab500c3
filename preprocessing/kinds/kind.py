"""The base class of all kinds of features."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, ClassVar, Literal

from preprocessing.config import Config

if TYPE_CHECKING:
    import tensorflow as tf

    from preprocessing.features import ModelFeature
    from preprocessing.transform import Analyses

MULTIVALENT_SEPARATOR = "|"
CheckedAs = Literal["text", "number", "multivalent"]


class Kind(Config, abc.ABC):
    """A feature as a spec declares it: what its values are, and how they become indices.

    The index 0 stands for an absent value. A kind's fields are its options, as a spec gives them.
    Its file imports TensorFlow inside `index` only, because specs are read without it. A kind that
    is read from a column is a ColumnKind, one of words a WordKind; others are derived from
    timestamps inside the transform graph, so that a serving request need not send them.

    Attributes:
        sides: What features of the kind may describe.
        checked_as: What the column that it is read from is checked as; None: it has none.
        has_vocabulary: Whether its values are words, counted in training.
        multivalent: Whether a value is several words; they are joined with `|`, and have indices of
            their own.
        has_number: Whether models also get a number for each value, beside its index.
        kind: Its name in preprocessing/registry.py.
    """

    sides: ClassVar[tuple[str, ...]] = ("user", "item", "behavior", "context")
    checked_as: ClassVar[CheckedAs | None] = None
    has_vocabulary: ClassVar[bool] = False
    multivalent: ClassVar[bool] = False
    has_number: ClassVar[bool] = False

    kind: str

    @property
    def width(self) -> int:
        """How many indices a value has."""
        return 1

    @property
    def size(self) -> int:
        """The largest index that a value may have; only for kinds without a vocabulary."""
        raise NotImplementedError(f"{type(self).__name__} has neither a vocabulary nor a size")

    @abc.abstractmethod
    def index(self, feature: ModelFeature, graph: Analyses) -> tf.Tensor | tf.RaggedTensor:
        """Indices int64, [B] or ragged [B, (L)], of a feature's values in the transform graph.

        Args:
            feature: Which.
            graph: The graph's inputs, and what is learned from the training split.
        """

    def number(self, feature: ModelFeature, graph: Analyses) -> tf.Tensor | tf.RaggedTensor:
        """Numbers float32 of a feature's values, shaped as their indices; 0 where absent.

        Only for kinds that say `has_number`.
        """
        raise NotImplementedError(f"{type(self).__name__} has indices alone")
