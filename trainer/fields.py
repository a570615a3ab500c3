"""The model features with their numbers of indices, by which a model sizes its tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from preprocessing.errors import DataError
from preprocessing.features import (
    CANDIDATE_ITEM_KEY,
    HISTORY_ITEM_KEY,
    ModelFeature,
    Side,
    model_features,
    oov_buckets,
)
from preprocessing.spec import DatasetSpec
from preprocessing.spec_match import ITEM_ID, Match
from trainer.config import EncoderConfig

if TYPE_CHECKING:
    from tensorflow_transform import TFTransformOutput

# Of a batch that pre-training reads: which cells' item-related and behaviour-related features are
# hidden, boolean [B, L] each.
ITEM_MASK = "item_mask"
BEHAVIOR_MASK = "behavior_mask"


@dataclasses.dataclass(frozen=True)
class Field:
    """A model feature and its indices: 0 is absent, 1 to `size` - 1 are values.

    `width` is the number of values a cell has: 1, or `max_values` for a multivalent feature. The
    last `oov_buckets` indices are shared by words outside of the vocabulary.
    """

    feature: ModelFeature
    size: int
    oov_buckets: int = 0

    @property
    def name(self) -> str:
        return self.feature.name

    @property
    def field(self) -> str:
        return self.feature.field

    @property
    def multivalent(self) -> bool:
        return self.feature.multivalent

    @property
    def number(self) -> str | None:
        """The name of the numbers that belong to its indices; None: it has indices alone."""
        return self.feature.number

    @property
    def mask(self) -> str:
        """The key, in a batch that `mask_history` made, of the mask that hides its cells."""
        return ITEM_MASK if self.feature.describes_item else BEHAVIOR_MASK

    @property
    def width(self) -> int:
        return self.feature.spec.width if self.feature.spec else 1


@dataclasses.dataclass(frozen=True)
class Compared:
    """What behaviours and candidates are compared by: a pair of transformed features.

    Attributes:
        history: The name of the behaviours' feature.
        candidate: The name of the candidates'.
        width: Values a cell has.
        known: The first value that several words share, which therefore matches nothing, as do
            those after it; None where each value is one word's.
    """

    history: str
    candidate: str
    width: int = 1
    known: int | None = None


@dataclasses.dataclass(frozen=True)
class MatchField:
    """A match feature of the spec, with the transformed features that it reads."""

    name: str
    spec: Match
    compared: tuple[Compared, ...]

    @property
    def by(self) -> str | None:
        """The behaviours' feature by whose values matches are counted apart."""
        return f"history_{self.spec.by}" if self.spec.by else None


@dataclasses.dataclass(frozen=True)
class Fields:
    """All fields of a data set, by side, and what candidates are matched with histories by."""

    all: tuple[Field, ...]
    history_length: int
    tasks: tuple[str, ...]
    matches: tuple[MatchField, ...] = ()

    @property
    def has_item_keys(self) -> bool:
        """Whether there are `history_item_key` and `candidate_item_key`.

        They are no fields, for they have no table.
        """
        for match in self.matches:
            for pair in match.compared:
                if pair.history == HISTORY_ITEM_KEY:
                    return True
        return False

    def of(self, side: Side) -> list[Field]:
        """The fields of one side: user, context, history or candidate."""
        return [field for field in self.all if field.feature.side == side]

    def embedded(self, side: Side) -> list[Field]:
        """The fields of one side that have embeddings; of a statistic there are only numbers."""
        return [field for field in self.of(side) if not field.feature.statistic]

    def ids_only(self) -> Fields:
        """The item id of histories and candidates, and nothing else."""
        only = tuple(field for field in self.all if field.field == "item_id")
        return dataclasses.replace(self, all=only)

    def without(self, names: Sequence[str]) -> Fields:
        """These fields without some features of behaviours and their items.

        Raises:
            ValueError: a name is no such feature.
        """
        known = [field.field for field in self.of("history") if field.field != "item_id"]
        if unknown := sorted(set(names) - set(known)):
            raise ValueError(
                f"encoder.without must name features of behaviours: {', '.join(known)}. "
                f"Received: {unknown}"
            )
        kept = tuple(field for field in self.all if field.field not in names)
        return dataclasses.replace(self, all=kept)

    def read_by(self, encoder: EncoderConfig) -> Fields:
        """What an encoder reads of these."""
        return self.ids_only() if encoder.features == "ids" else self.without(encoder.without)

    @property
    def item(self) -> list[Field]:
        """History fields that describe the item, its id first."""
        return [field for field in self.of("history") if field.feature.describes_item]

    @property
    def behavior(self) -> list[Field]:
        """History fields that describe the behaviour (rating, time gap, ...)."""
        return [field for field in self.of("history") if not field.feature.describes_item]


def fields_of(spec: DatasetSpec, transform_output: TFTransformOutput) -> Fields:
    """The fields of `spec`, sized by the vocabularies of a transform output.

    Raises:
        DataError: it lacks one, so it isn't that of `spec`.
    """

    def words_of(vocabulary: str) -> int:
        try:
            words: int = transform_output.vocabulary_size_by_name(vocabulary)
        except ValueError as error:
            raise DataError(
                f"{transform_output.transform_savedmodel_dir}: no vocabulary {vocabulary}, so this "
                "is no transform graph of this data set. Of a run it is in "
                "artifacts/Transform/transform_graph/N in its folder"
            ) from error
        return words

    return sized_fields(spec, words_of)


def sized_fields(spec: DatasetSpec, words_of: Callable[[str], int]) -> Fields:
    """The fields of `spec`, for vocabularies of which `words_of` tells the size by name."""
    fields = [_field(feature, spec, words_of) for feature in model_features(spec)]
    return with_matches(fields, spec)


def with_matches(fields: Sequence[Field], spec: DatasetSpec) -> Fields:
    """All of `fields`, with the spec's matches among them."""
    by_name = {field.name: field for field in fields}
    matches = []
    for name, match in spec.features.match.items():
        compared = tuple(_compared(field, by_name) for field in match.fields_of(name))
        matches.append(MatchField(name, match, compared))
    return Fields(tuple(fields), spec.history.length, tuple(spec.tasks), tuple(matches))


def _compared(name: str, fields: Mapping[str, Field]) -> Compared:
    if name == ITEM_ID:
        return Compared(HISTORY_ITEM_KEY, CANDIDATE_ITEM_KEY)
    field = fields[f"history_{name}"]
    return Compared(field.name, f"candidate_{name}", field.width, field.size - field.oov_buckets)


def _field(feature: ModelFeature, spec: DatasetSpec, words_of: Callable[[str], int]) -> Field:
    if feature.vocabulary is None:
        assert feature.spec is not None
        return Field(feature, feature.spec.size + 1)
    shared = oov_buckets(feature, spec)
    return Field(feature, 1 + words_of(feature.vocabulary) + shared, shared)
