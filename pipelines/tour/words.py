"""Turns indices back into what people read: titles, and the values of vocabularies."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow_transform as tft

from preprocessing.features import ModelFeature

_UNKNOWN = "(a value not seen in training)"


class Words:
    """Reads indices of a run's transform graph.

    Args:
        titles: Item id -> title; items without one are called by their id.
        transform_output: Has the vocabularies.
    """

    def __init__(self, titles: Mapping[str, str], transform_output: tft.TFTransformOutput) -> None:
        self._titles = titles
        self._transform_output = transform_output
        self._vocabularies: dict[str, list[str]] = {}

    def title(self, item: str) -> str:
        """An item's title, or else its id."""
        return self._titles.get(item, item)

    def items(self) -> list[str]:
        """The ids of all items that the model knows, the most frequent first."""
        return self._vocabulary("item_id")

    def of(self, feature: ModelFeature, index: int) -> str:
        """What an index of a feature stands for."""
        if feature.vocabulary is None:
            return f"bucket {index}"
        vocabulary = self._vocabulary(feature.vocabulary)
        # Index 0 is for absent values; those past the vocabulary are shared by unknown ones.
        word = vocabulary[index - 1] if 0 < index <= len(vocabulary) else _UNKNOWN
        return self.title(word) if feature.field == "item_id" else word

    def _vocabulary(self, name: str) -> list[str]:
        if name not in self._vocabularies:
            words = self._transform_output.vocabulary_by_name(name)
            self._vocabularies[name] = [word.decode(errors="replace") for word in words]
        return self._vocabularies[name]
