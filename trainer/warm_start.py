"""Starts training from an earlier ranker.

Weights stay as they are, and embedding rows go where the tokens that they stand for are now.

Pre-training moves the earlier ranker's weights to today's vocabularies, starts from its encoder,
and leaves the whole ranker beside its own export; fine-tuning starts from that, and from the
encoder as pre-trained today.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf

from preprocessing.config import ConfigError, differences, validated
from preprocessing.features import model_features, oov_buckets
from preprocessing.hints import shortened
from preprocessing.kinds.kind import Kind
from preprocessing.spec import DatasetSpec
from preprocessing.spec_match import ITEM_ID
from serving import contract
from trainer.config import TrainerConfig
from trainer.example_features import absent_features
from trainer.inputs import StageInputs
from trainer.layers.field_embedding import built_embeddings
from trainer.models.ranker import Ranker
from trainer.moved_rows import Vocabulary, move_rows, moved_indices, moved_pairs
from trainer.registry import create_ranker

CHECKPOINT = "assets.extra/ranker/checkpoint"
# A checkpoint's key of a weight: its place in the list `weights` of ServingModule.
_WEIGHTS = "weights/"
_KEY = _WEIGHTS + "{number}/.ATTRIBUTES/VARIABLE_VALUE"
_SHOWN_CHARACTERS = 100  # of a setting


def earlier_ranker(inputs: StageInputs) -> Ranker:
    """Today's ranker, untrained, with the weights of the one in `inputs.start_from`.

    New items start from their kin's rows.

    Raises:
        ValueError: `inputs` name no ranker to start from.
        ConfigError: that ranker has other features, or is built in another way, so that its weights
            don't fit.
    """
    if inputs.start_from is None:
        raise ValueError(f"There is no ranker to start from. Received: {inputs.start_from=}")
    earlier = _EarlierRanker(inputs.start_from)
    earlier.check(inputs.spec, inputs.config)
    ranker = create_ranker(inputs.fields(), inputs.config)
    # Called once, so that its weights are made.
    ranker(absent_features(inputs.fields()))
    earlier.check_count(len(ranker.weights))
    adapters = {
        **_adapters_of_tables(ranker, _items_side_information(inputs)),
        **_adapters_of_indices(ranker),
        **_adapters_of_pairs(ranker),
    }
    before = earlier.vocabularies()
    now = _vocabularies(inputs)
    for number, weight in enumerate(ranker.weights):
        values = earlier.weight(number)
        adapter = adapters.get(weight.ref())
        if adapter is not None:
            name = adapter.vocabulary
            values = adapter.adapt(values, before[name], now[name])
        weight.assign(values)
    return ranker


class _Adapter(NamedTuple):
    """How a weight that depends on a vocabulary is fitted to today's.

    Attributes:
        vocabulary: The vocabulary's name.
        adapt: Makes today's values of the earlier ones, the earlier vocabulary and today's.
    """

    vocabulary: str
    adapt: Callable[[np.ndarray, Vocabulary, Vocabulary], np.ndarray]


# By reference to a weight: variables themselves can't be keys.
_Adapters: TypeAlias = dict[Any, _Adapter]


def _adapters_of_tables(ranker: Ranker, side_information: dict[str, np.ndarray]) -> _Adapters:
    """Of embedding tables, which have a row for each word."""
    adapters: _Adapters = {}
    for embedding in built_embeddings(ranker):
        if embedding.vocabulary is None:
            continue
        kin = side_information if embedding.vocabulary == ITEM_ID else None
        adapters[embedding.table.ref()] = _Adapter(
            embedding.vocabulary, functools.partial(move_rows, kin=kin)
        )
    return adapters


def _adapters_of_indices(ranker: Ranker) -> _Adapters:
    """Of the indices of words that matches count apart."""
    if ranker.match is None:
        return {}
    adapters: _Adapters = {}
    vocabularies = {field.name: field.feature.vocabulary for field in ranker.fields.all}
    for match in ranker.match.matches:
        vocabulary = None if match.by is None else vocabularies[match.by]
        if vocabulary is not None:
            indices = ranker.match.values_apart[match.name]
            adapters[indices.ref()] = _Adapter(vocabulary, moved_indices)
    return adapters


def _adapters_of_pairs(ranker: Ranker) -> _Adapters:
    """Of the tables of transitions, which have a row for each pair of words."""
    if ranker.transitions is None:
        return {}
    adapters: _Adapters = {}
    for field in ranker.fields.of("history"):
        table = ranker.transitions.tables.get(field.name)
        if table is not None and field.feature.vocabulary is not None:
            adapters[table.ref()] = _Adapter(field.feature.vocabulary, moved_pairs)
    return adapters


def _items_side_information(inputs: StageInputs) -> dict[str, np.ndarray]:
    """The values of all items, by feature: [rows, V] by item index."""
    tables = inputs.records().catalog(inputs.catalog).tables
    return {name: _with_mask(table.numpy()) for name, table in tables.items()}


def write_ranker(ranker: Ranker, model_dir: str) -> None:
    """Leaves a ranker beside a pre-training export."""
    tf.train.Checkpoint(ranker=ranker).write(os.path.join(model_dir, CHECKPOINT))


def load_ranker(ranker: Ranker, model_dir: str) -> bool:
    """Gives a built ranker the weights of the one beside a pre-training export.

    Returns:
        Whether there is one.
    """
    path = os.path.join(model_dir, CHECKPOINT)
    if not tf.io.gfile.exists(f"{path}.index"):
        return False
    tf.train.Checkpoint(ranker=ranker).read(path).assert_existing_objects_matched()
    return True


class _EarlierRanker:
    """An exported ranker's weights and vocabularies."""

    def __init__(self, model_dir: str) -> None:
        self._dir = model_dir
        path = os.path.join(model_dir, contract.CONFIG_FILE)
        if not tf.io.gfile.exists(path):
            raise ConfigError(
                f"{model_dir}: no exported ranker to start from: it has no {contract.CONFIG_FILE}"
            )
        with tf.io.gfile.GFile(path) as file:
            made_by = json.load(file)
        self._spec = validated(made_by["spec"], DatasetSpec, path, saved=True)
        self._config = validated(made_by["trainer"], TrainerConfig, path, saved=True)
        self._weights = tf.train.load_checkpoint(os.path.join(model_dir, "variables", "variables"))

    def check(self, spec: DatasetSpec, config: TrainerConfig) -> None:
        """Checks that a ranker of `spec` and `config` has the same weights, vocabularies apart.

        Raises:
            ConfigError: it hasn't.
        """
        before = _structure(self._spec, self._config)
        now = _structure(spec, config)
        changed = []
        for key, (then, today) in differences(before, now).items():
            changed.append(f"{key} ({_shown(then)} then, {_shown(today)} now)")
        if changed:
            raise self._misfit(f"it was made with another {'; '.join(changed)}")

    def check_count(self, expected: int) -> None:
        """Raises a ConfigError unless it has so many weights."""
        names = self._weights.get_variable_to_shape_map()
        # The others are the catalogue's.
        count = sum(name.startswith(_WEIGHTS) for name in names)
        if count != expected:
            raise self._misfit(
                f"an earlier version of srp4ctr made it: it has {count} weights, and today's "
                f"ranker of the same settings has {expected}"
            )

    def _misfit(self, why: str) -> ConfigError:
        return ConfigError(
            f"{self._dir}: this ranker's weights don't fit, for {why}. For the run that changes "
            "it, set warm_start: false or leave --start-from out; later ones can start from its "
            "model."
        )

    def weight(self, number: int) -> np.ndarray:
        """A weight, by its place in the ranker's list of them."""
        return self._weights.get_tensor(_KEY.format(number=number))

    def vocabularies(self) -> dict[str, Vocabulary]:
        """What the rows of its tables stand for, by the vocabulary's name."""
        vocabularies = {}
        for name, buckets in _oov_buckets(self._spec).items():
            vocabularies[name] = Vocabulary(self._tokens(name), buckets)
        return vocabularies

    def _tokens(self, name: str) -> list[bytes]:
        with tf.io.gfile.GFile(os.path.join(self._dir, "assets", name), "rb") as file:
            return [line.rstrip(b"\n") for line in file]


def _vocabularies(inputs: StageInputs) -> dict[str, Vocabulary]:
    """What the rows of today's tables stand for, by the vocabulary's name."""
    transform = inputs.transform_output()
    vocabularies = {}
    for name, buckets in _oov_buckets(inputs.spec).items():
        vocabularies[name] = Vocabulary(transform.vocabulary_by_name(name), buckets)
    return vocabularies


def _oov_buckets(spec: DatasetSpec) -> dict[str, int]:
    """The number of buckets that unknown tokens share, by vocabulary."""
    buckets = {}
    for feature in model_features(spec):
        if feature.vocabulary is not None:
            buckets[feature.vocabulary] = oov_buckets(feature, spec)
    return buckets


def _structure(spec: DatasetSpec, config: TrainerConfig) -> dict[str, Any]:
    """All that decides which weights a ranker has, but for its vocabularies, by config key."""
    features: dict[str, str] = {}
    for feature in model_features(spec):
        if feature.spec is not None:
            features[feature.name] = _described(feature.spec)
    matches = {name: match.model_dump() for name, match in spec.features.match.items()}
    return {
        "dataset.features": features,
        "dataset.features.match": matches,
        "oov_buckets": _oov_buckets(spec),
        "dataset.tasks": list(spec.tasks),
        "dataset.history.length": spec.history.length,
        # Dropout has no weights, so it may change.
        "trainer.encoder": config.encoder.model_dump(exclude={"dropout"}),
        "trainer.ranker": config.ranker.model_dump(exclude={"dropout", "id_dropout"}),
    }


def _described(kind: Kind) -> str:
    """What of a kind decides about weights; vocabularies may change."""
    return kind.kind if kind.has_vocabulary else f"{kind.kind}, {kind.size} values"


def _shown(value: Any) -> str:
    return "none" if value is None else shortened(str(value), _SHOWN_CHARACTERS)


def _with_mask(values: np.ndarray) -> np.ndarray:
    """Side information [items] or [items, V] by item index as [rows, V].

    The row that is added belongs to the mask.
    """
    return np.pad(values.reshape(len(values), -1), [(0, 1), (0, 0)])
