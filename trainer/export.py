"""Writes a ranker as a SavedModel with split signatures, its warm-up requests, and what made it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from preprocessing.features import RecordFeature, candidate_inputs, user_inputs
from serving import contract
from trainer.catalog import ItemCatalog
from trainer.input_checks import checked
from trainer.inputs import StageInputs
from trainer.manifest import write_manifest
from trainer.models.ranker import Ranker
from trainer.serving_module import ServingModule, dtype_of
from trainer.showings import event_fields, showing_features
from trainer.state_codec import StateCodec
from trainer.statistics_table import StatisticsTable
from trainer.transform_graph import TransformGraph
from trainer.warmup import write_warmup

EVALUATE = "evaluate"
_COMPARED_REQUESTS = 1024


def export(ranker: Ranker, inputs: StageInputs, model_dir: str) -> None:
    """Writes the SavedModel of serving/contract.py to `model_dir`, and `evaluate` for the Evaluator."""
    module = serving_module(ranker, inputs)
    signatures = build_signatures(module)
    tf.saved_model.save(module, model_dir, signatures=signatures)
    write_warmup(module, signatures, model_dir)
    made_by = {
        "spec": inputs.spec.model_dump(mode="json"),
        "trainer": inputs.config.model_dump(mode="json"),
    }
    description = dataclasses.asdict(module.description)
    with tf.io.gfile.GFile(os.path.join(model_dir, contract.CONFIG_FILE), "w") as file:
        file.write(json.dumps(made_by | {"description": description}, indent=1))
    write_manifest(model_dir)  # the last file: it lists the others


def serving_module(ranker: Ranker, inputs: StageInputs) -> ServingModule:
    """The ranker with its transform graph, catalogue, statistics table and state codec."""
    records = inputs.records()
    catalog, statistics = records.catalog(inputs.catalog), None
    if inputs.spec.features.statistics:
        statistics = StatisticsTable(records.statistic_lines(inputs.catalog), inputs.spec)
    transform = TransformGraph(inputs.transform_output().transform_savedmodel_dir)
    made_by = fingerprint(ranker, inputs.spec.model_dump_json())
    dtype = inputs.config.export.state_dtype
    row_integers = 0 if statistics is None else statistics.users_items.row_integers
    showings = _showing_inputs(inputs, catalog)
    return ServingModule(
        ranker,
        transform,
        catalog,
        inputs.spec,
        inputs.fields(),
        codec_of=lambda state: StateCodec(
            state, made_by, inputs.spec.history.length, dtype, row_integers
        ),
        describe=lambda codec: _description(inputs, codec.identity, showings),
        statistics=statistics,
    )


def _showing_inputs(inputs: StageInputs, catalog: ItemCatalog) -> tuple[str, ...]:
    """The candidate features that the catalogue can't know, from some requests of the validation split."""
    fields = event_fields(inputs.spec)
    if not fields:
        return ()
    requests = inputs.records().batches(inputs.validation, _COMPARED_REQUESTS).take(1)
    found = showing_features(fields, catalog, requests)
    if found:
        logging.warning(
            "%s differ from one showing of an item to the next: clients must send them with each candidate. What the "
            "catalogue has is of another showing.",
            ", ".join(found),
        )
    return found


def _description(
    inputs: StageInputs, state_identity: bytes, showings: tuple[str, ...]
) -> contract.Description:
    spec, config = inputs.spec, inputs.config.export
    sides = ("user", "context", "history")
    names = {side: tuple(f.name for f in user_inputs(spec) if f.side == side) for side in sides}
    return contract.Description(
        max_candidates=config.max_candidates,
        max_history=config.max_history,
        history_length=spec.history.length,
        tasks=tuple(spec.tasks),
        state_identity=state_identity.hex(),
        state_dtype=config.state_dtype,
        user_inputs=names["user"],
        context_inputs=names["context"],
        history_inputs=names["history"],
        showing_inputs=showings,
    )


def fingerprint(ranker: Ranker, spec: str) -> bytes:
    """8 bytes that change with any weight and with the spec."""
    digest = hashlib.sha256(spec.encode())
    for weight in ranker.get_weights():
        digest.update(weight.tobytes())
    return digest.digest()[:8]


def build_signatures(module: ServingModule) -> dict[str, Any]:
    """The concrete functions by signature name, with named inputs only."""
    user = {feature.name: _spec(feature) for feature in user_inputs(module.spec)}
    candidates = {feature.name: _spec(feature) for feature in candidate_inputs(module.spec)}
    ids = {contract.CANDIDATE_ITEM_ID: candidates[contract.CANDIDATE_ITEM_ID]}
    state = {contract.USER_STATE: tf.TensorSpec([None], tf.string, name=contract.USER_STATE)}
    examples = {contract.EXAMPLES: tf.TensorSpec([None], tf.string, name=contract.EXAMPLES)}
    request = {contract.REQUEST: tf.TensorSpec([None], tf.string, name=contract.REQUEST)}
    functions: dict[str, tuple[Callable[..., Any], dict[str, tf.TensorSpec]]] = {
        contract.ENCODE_USER: (module.encode_user, user),
        contract.SCORE_ITEMS: (module.score_items, state | ids),
        contract.SCORE_ITEMS_WITH_FEATURES: (module.score_items, state | candidates),
        contract.PREDICT: (module.predict, user | candidates),
        contract.SERVING_DEFAULT: (module.serve_examples, examples),
        contract.ENCODE_USER_EXAMPLES: (module.encode_user_examples, examples),
        contract.DESCRIBE: (module.describe, request),
        EVALUATE: (module.evaluate, examples),
    }
    limits = {
        "history": module.description.max_history,
        "candidate": module.description.max_candidates,
    }
    return {
        name: _concrete(function, specs, limits) for name, (function, specs) in functions.items()
    }


def _concrete(
    function: Callable[..., Any], specs: dict[str, tf.TensorSpec], limits: dict[str, int]
) -> Any:
    return tf.function(
        lambda **raw: function(**checked(raw, limits)), autograph=False
    ).get_concrete_function(**specs)


def _spec(feature: RecordFeature) -> tf.TensorSpec:
    return tf.TensorSpec(
        [None, None] if feature.is_list else [None], dtype_of(feature), name=feature.name
    )
