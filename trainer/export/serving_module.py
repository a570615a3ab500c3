"""A ranker with everything around it that serving needs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import tensorflow as tf

from preprocessing.features import (
    HISTORY_ITEM_ID,
    USER_STATISTICS,
    RecordFeature,
    candidate_inputs,
    user_inputs,
)
from preprocessing.spec import DatasetSpec
from serving.contract import CANDIDATE_ITEM_ID, CANDIDATE_MASK, DESCRIPTION, USER_STATE, Description
from trainer.catalog import ItemCatalog
from trainer.data import densify
from trainer.export.input_checks import dense, with_checked_shapes
from trainer.export.placement import on_host
from trainer.export.state_codec import StateCodec
from trainer.export.statistics_table import StatisticsTable
from trainer.export.transform_graph import Features, TransformGraph
from trainer.fields import Fields
from trainer.models.ranker import Ranker, UserState
from trainer.padding import candidate_columns, history_columns, pad_columns
from trainer.slices import POPULARITY

RawFeatures = Mapping[str, tf.Tensor]
Method = TypeVar("Method", bound=Callable[..., dict[str, tf.Tensor]])
_DTYPES = {"string": tf.string, "int64": tf.int64, "float": tf.float32}


class _Functions:
    """Methods of a module as functions of TensorFlow, by name.

    This is no part of a SavedModel, which would trace the functions of a module once more and keep
    both.
    """

    def __init__(self) -> None:
        self.by_name: dict[str, Callable[..., dict[str, tf.Tensor]]] = {}


def _traced(method: Method) -> Method:
    """A method that is traced once, however many signatures call it.

    A signature made of another holds a call of it, not a copy.
    """

    @functools.wraps(method)
    def call(module: ServingModule, *arguments: tf.Tensor, **named: tf.Tensor) -> Any:
        functions = module.functions.by_name
        if method.__name__ not in functions:
            bound = functools.partial(method, module)
            functions[method.__name__] = tf.function(bound, autograph=False)
        return functions[method.__name__](*arguments, **named)

    return cast(Method, call)


class ServingModule(tf.Module):
    """Raw features in, probabilities out.

    Each side goes through the same transform graph as in training.

    Args:
        ranker: The trained ranker.
        transform: The transform graph.
        catalog: The item catalogue.
        spec: The dataset spec.
        fields: Its fields.
        codec: Packs the ranker's user states.
        description: What the signature `describe` tells.
        statistics: The statistics table, where the spec has statistics.
    """

    def __init__(
        self,
        ranker: Ranker,
        transform: TransformGraph,
        catalog: ItemCatalog,
        spec: DatasetSpec,
        fields: Fields,
        codec: StateCodec,
        description: Description,
        statistics: StatisticsTable | None = None,
    ) -> None:
        super().__init__(name="srp4ctr")
        self.functions = _Functions()
        # The weights are tracked, the Keras model is not: it would be traced and saved a second
        # time.
        self.weights = ranker.weights
        self._encode_user = ranker.encode_user
        self._score_items = ranker.score_items
        self.attention_weights = ranker.attention_weights
        self.transform = transform
        self.catalog = catalog
        self.statistics = statistics
        self.spec = spec
        self.fields = fields
        self.codec = codec
        self.description = description

    def user_state(self, raw: RawFeatures) -> UserState:
        """The user state of raw features.

        Args:
            raw: Dense user, context and history features, [B] or [B, L']; "" pads histories.
        """
        features = self.user_features(raw)
        columns = history_columns(
            tf.shape(features[HISTORY_ITEM_ID])[1], self.fields.history_length
        )
        for name, values in features.items():
            if name.startswith("history_"):
                features[name] = pad_columns(values, columns)  # see trainer/padding.py
        return self._encode_user(features, training=False)

    def user_features(self, raw: RawFeatures) -> dict[str, tf.Tensor]:
        """What the ranker reads of them: transformed features, of the latest behaviours.

        Args:
            raw: As for `user_state`.
        """
        with on_host():
            present = raw[HISTORY_ITEM_ID] != ""
            kept = {}
            for feature in user_inputs(self.spec):
                values = raw[feature.name]
                if feature.is_list:
                    values = _latest(values, present, self.fields.history_length)
                kept[feature.name] = values
            if self.statistics is not None:
                kept = self.statistics.fill_user(kept)
        return self._transformed(kept)

    def scores(
        self, state: UserState, raw: RawFeatures, rows: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Probabilities for each task.

        Args:
            state: The user state.
            raw: Dense candidate features [B, N]; a candidate whose item id is "" is none. Features
                other than the id may be left out: the catalogue and the statistics table have them.
            rows: What is counted of the user and items together, see UsersItems.

        Returns:
            By task [B, N], 0 where there is no candidate.
        """
        with on_host():
            count = tf.shape(raw[CANDIDATE_ITEM_ID])[1]
            present = raw[CANDIDATE_ITEM_ID] != ""
        columns = candidate_columns(count)
        padded = {}
        for name, values in self.candidate_features(raw, rows).items():
            padded[name] = pad_columns(values, columns)
        logits = self._score_items(state, padded, training=False)
        scores = {}
        for task, logit in logits.items():
            probabilities = tf.sigmoid(tf.cast(logit, tf.float32))
            with on_host():
                scores[task] = tf.where(present, probabilities[:, :count], 0.0)
        return scores

    def candidate_features(
        self, raw: RawFeatures, rows: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """What the ranker reads of raw candidate features: transformed ones, absent ones filled in.

        Args:
            raw: As for `scores`.
            rows: As for `scores`.
        """
        sent = {f.name: raw[f.name] for f in candidate_inputs(self.spec) if f.name in raw}
        with on_host():
            if self.statistics is not None:
                sent = self.statistics.fill_candidates(sent, rows)
            ragged = {name: tf.RaggedTensor.from_tensor(value) for name, value in sent.items()}
        return self._transformed(ragged)

    @_traced
    def encode_user(self, **raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """Signature `encode_user`."""
        return {USER_STATE: self.codec.encode(self.user_state(raw), self._rows(raw))}

    def score_items(self, user_state_bytes: tf.Tensor, **raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """Signatures `score_items` and `score_items_with_features`."""
        state = self.codec.decode(user_state_bytes)
        rows = self.codec.rows_of_items(user_state_bytes) if self._has_rows else None
        return self.scores(state, raw, rows)

    @_traced
    def predict(self, **raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """Signature `predict`: both sides at once, no state on the wire."""
        rows = self._rows(raw)
        with on_host():
            dense_rows = None if rows is None else _with_a_row(rows)
        return self.scores(self.user_state(raw), raw, dense_rows)

    @_traced
    def serve_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Signature `serving_default`: serialised raw tf.Examples [B]."""
        raw = self._parse(examples, user_inputs(self.spec) + candidate_inputs(self.spec))
        with on_host():
            mask = raw[CANDIDATE_ITEM_ID] != ""
        return self.predict(**raw) | {CANDIDATE_MASK: mask}

    def encode_user_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Signature `encode_user_examples`: the states [B, 1] of serialised raw tf.Examples [B]."""
        raw = self._parse(examples, user_inputs(self.spec))
        return {USER_STATE: self.encode_user(**raw)[USER_STATE][:, None]}

    def evaluate(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Signature `evaluate`: as `serving_default`, and each candidate's popularity.

        That is by training events, see ItemCatalog.
        """
        raw = self._parse(examples, user_inputs(self.spec) + candidate_inputs(self.spec))
        ids = raw[CANDIDATE_ITEM_ID]
        items = self._transformed({CANDIDATE_ITEM_ID: tf.RaggedTensor.from_tensor(ids)})
        popularity = self.catalog.popularity(items[CANDIDATE_ITEM_ID])
        # Features have one column at least, even where no request has a candidate.
        shown = popularity[:, : tf.shape(ids)[1]]
        return self.serve_examples(examples) | {POPULARITY: shown}

    def describe(self, request: tf.Tensor) -> dict[str, tf.Tensor]:
        """Signature `describe`: the description as JSON, whatever the requests [B] say."""
        return {DESCRIPTION: tf.fill(tf.shape(request), tf.constant(self.description.to_json()))}

    @property
    def _has_rows(self) -> bool:
        return self.statistics is not None and self.statistics.users_items.row_integers > 0

    def _rows(self, raw: RawFeatures) -> tf.RaggedTensor | None:
        """What is counted of the users and items together."""
        if self.statistics is None or not self._has_rows:
            return None
        with on_host():
            return self.statistics.users_items.rows(raw[USER_STATISTICS])

    def _transformed(self, raw: Features) -> dict[str, tf.Tensor]:
        with on_host():
            indices = densify(self.transform(raw), self.fields)
        return self.catalog.fill(indices)

    def _parse(self, examples: tf.Tensor, inputs: Sequence[RecordFeature]) -> dict[str, tf.Tensor]:
        """The raw features of serialised tf.Examples, dense."""
        how = {feature.name: _parsing(feature) for feature in inputs}
        raw = {}
        with on_host():
            for name, values in tf.io.parse_example(examples, how).items():
                is_list = isinstance(values, tf.RaggedTensor)
                raw[name] = dense(name, values) if is_list else values
            return with_checked_shapes(raw)


def dtype_of(feature: RecordFeature) -> tf.DType:
    """The TensorFlow dtype of a raw feature."""
    return _DTYPES[feature.dtype]


def _parsing(feature: RecordFeature) -> tf.io.RaggedFeature | tf.io.FixedLenFeature:
    """How tf.io.parse_example reads a raw feature."""
    if feature.is_list:
        return tf.io.RaggedFeature(dtype_of(feature))
    return tf.io.FixedLenFeature([], dtype_of(feature))


def _with_a_row(rows: tf.RaggedTensor) -> tf.Tensor:
    """Dense rows, at least one for each user, zeros where there are no more."""
    return pad_columns(rows.to_tensor(), 1)


def _latest(values: tf.Tensor, present: tf.Tensor, length: int) -> tf.RaggedTensor:
    """The last `length` present values of each row, [B, L'] -> ragged [B, (L)]."""
    return tf.ragged.boolean_mask(values, present)[:, -length:]
