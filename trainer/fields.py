"""The model features with their number of rows: what a model must know of a transform output to size its tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from preprocessing.features import ModelFeature, Side, model_features, oov_buckets
from preprocessing.spec import DatasetSpec
from trainer.config import EncoderConfig


@dataclasses.dataclass(frozen=True)
class Field:
    """A model feature and its indices: 0 is absent, 1 to `size` - 1 are values.

    `width` is the number of values a cell has: 1, or `max_values` for a multivalent feature.
    """

    feature: ModelFeature
    size: int

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
    def mask(self) -> str:
        """Of a batch that `mask_history` made, the key of the mask that hides this field's cells."""
        return "item_mask" if self.feature.describes_item else "behavior_mask"

    @property
    def width(self) -> int:
        return self.feature.spec.width if self.feature.spec else 1


@dataclasses.dataclass(frozen=True)
class Fields:
    """All fields of a data set, by side."""

    all: tuple[Field, ...]
    history_length: int
    tasks: tuple[str, ...]

    def of(self, side: Side) -> list[Field]:
        """The fields of one side: user, context, history or candidate."""
        return [field for field in self.all if field.feature.side == side]

    def ids_only(self) -> Fields:
        """The same without anything but the item id."""
        return dataclasses.replace(self, all=tuple(field for field in self.all if field.field == "item_id"))

    def without(self, names: Sequence[str]) -> Fields:
        """The same without some features of behaviours and their items.

        Raises:
            ValueError: a name is no such feature.
        """
        known = [field.field for field in self.of("history") if field.field != "item_id"]
        if unknown := sorted(set(names) - set(known)):
            names_known = ", ".join(known)
            raise ValueError(f"encoder.without must name features of behaviours: {names_known}. Received: {unknown}")
        return dataclasses.replace(self, all=tuple(field for field in self.all if field.field not in names))

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


def fields_of(spec: DatasetSpec, transform_output: Any) -> Fields:
    """The fields of `spec`, sized by the vocabularies of a tft.TFTransformOutput."""
    sized = tuple(Field(feature, _size(feature, spec, transform_output)) for feature in model_features(spec))
    return Fields(sized, spec.history.length, tuple(spec.tasks))


def _size(feature: ModelFeature, spec: DatasetSpec, transform_output: Any) -> int:
    if feature.vocabulary is None:
        assert feature.spec is not None
        return feature.spec.size + 1
    return transform_output.vocabulary_size_by_name(feature.vocabulary) + oov_buckets(feature, spec) + 1
