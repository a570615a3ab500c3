"""Puts together what a ranker is exported with."""

from __future__ import annotations

import hashlib
import logging

from preprocessing.features import USER_STATISTICS, candidate_inputs, user_inputs
from preprocessing.kinds.column import ColumnKind
from preprocessing.spec import DatasetSpec
from serving import contract
from trainer.catalog import ItemCatalog
from trainer.example_features import user_specs, zeros
from trainer.export.serving_module import ServingModule
from trainer.export.showings import event_fields, showing_features
from trainer.export.state_codec import StateCodec
from trainer.export.statistics_table import StatisticsTable
from trainer.export.transform_graph import TransformGraph
from trainer.export.users_items import inputs_of, width_of
from trainer.inputs import StageInputs
from trainer.models.ranker import Ranker

_COMPARED_REQUESTS = 1024


def serving_module(ranker: Ranker, inputs: StageInputs) -> ServingModule:
    """The ranker with its transform graph, catalogue, statistics table and state codec."""
    records = inputs.records()
    fields = inputs.fields()
    catalog = records.catalog(inputs.catalog)
    statistics = None
    if inputs.spec.features.statistics:
        statistics = StatisticsTable(records.statistic_lines(inputs.catalog), inputs.spec)
    # The layout of states is read from one of a user of whom nothing is known.
    codec = StateCodec(
        ranker.encode_user(zeros(user_specs(fields, 1)), training=False),
        fingerprint(ranker, inputs.spec.model_dump_json()),
        inputs.spec.history.length,
        inputs.config.export.state_dtype,
        row_integers=0 if statistics is None else statistics.users_items.row_integers,
    )
    showings = _showing_inputs(inputs, catalog)
    return ServingModule(
        ranker,
        TransformGraph(inputs.transform_output().transform_savedmodel_dir),
        catalog,
        inputs.spec,
        fields,
        codec,
        _description(inputs, codec.identity, showings),
        statistics,
    )


def _showing_inputs(inputs: StageInputs, catalog: ItemCatalog) -> tuple[str, ...]:
    """The candidate features that the catalogue can't know, by some validation requests."""
    fields = event_fields(inputs.spec)
    if not fields:
        return ()
    requests = inputs.records().batches(inputs.validation, _COMPARED_REQUESTS).take(1)
    found = showing_features(fields, catalog, requests)
    if found:
        logging.warning(
            "%s differ from one showing of an item to the next: clients must send them with each "
            "candidate. What the catalogue has is of another showing.",
            ", ".join(found),
        )
    return found


def _description(
    inputs: StageInputs, state_identity: bytes, showings: tuple[str, ...]
) -> contract.Description:
    spec = inputs.spec
    config = inputs.config.export
    of_users_items = spec.statistics_of_users_items
    return contract.Description(
        max_candidates=config.max_candidates,
        max_history=config.max_history,
        history_length=spec.history.length,
        tasks=tuple(spec.tasks),
        state_identity=state_identity.hex(),
        state_dtype=config.state_dtype,
        user_inputs=_names(spec, "user"),
        context_inputs=_names(spec, "context"),
        history_inputs=_names(spec, "history"),
        showing_inputs=showings,
        statistic_inputs=_statistic_names(spec),
        ranges=_ranges(spec),
        users_items={name: width_of(spec, name) for name in of_users_items},
        users_items_inputs={name: inputs_of(spec, name) for name in of_users_items},
    )


def _names(spec: DatasetSpec, side: str) -> tuple[str, ...]:
    return tuple(feature.name for feature in user_inputs(spec) if feature.side == side)


def _statistic_names(spec: DatasetSpec) -> tuple[str, ...]:
    """What is counted of users."""
    found: list[str] = []
    for feature in user_inputs(spec):
        if feature.statistic is not None or feature.name == USER_STATISTICS:
            found.append(feature.name)
    return tuple(found)


def _ranges(spec: DatasetSpec) -> dict[str, tuple[float, float | None]]:
    """The least and the most of numbers that have limits."""
    found: dict[str, tuple[float, float | None]] = {}
    for feature in (*user_inputs(spec), *candidate_inputs(spec)):
        if feature.statistic is not None:
            is_count = feature.statistic.count in ("events", "positives")
            found[feature.name] = (0.0, None if is_count else 1.0)
        elif isinstance(feature.spec, ColumnKind) and feature.spec.between is not None:
            found[feature.name] = feature.spec.between
    return found


def fingerprint(ranker: Ranker, spec: str) -> bytes:
    """8 bytes that change with any weight and with the spec."""
    # The spec, too: with the same weights, other features would mean something else.
    digest = hashlib.sha256(spec.encode())
    for weight in ranker.get_weights():
        digest.update(weight.tobytes())
    return digest.digest()[:8]
