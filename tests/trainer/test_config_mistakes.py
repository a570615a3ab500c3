"""No mistake that a configuration alone can make is found after work has begun.

Every place under trainer/ that raises a ConfigError or a ValueError is in one of two tables: with a
configuration that would end there, which loading refuses, or with the reason why no configuration
alone can.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest

from pipelines.config import RunConfig
from tests.testing import small_spec

TRAINER = Path(__file__).parent.parent.parent / "trainer"
RAISED = ("ConfigError", "ValueError")
SAMPLED = {"negatives": {"per_request": 2}}

# Where it would be raised: what of the data set and of the trainer makes it, and what loading says
# instead.
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "config.py EncoderConfig._check": (
        {},
        {"encoder": {"dim": 6, "heads": 4}},
        "heads must divide dim",
    ),
    "config.py EncoderConfig.check_fits": (
        {},
        {"encoder": {"without": ["gpa"]}},
        "Received: gpa. Did you mean 'gap'",
    ),
    "config.py ExportConfig.check_fits": (
        {},
        {"export": {"max_history": 4}},
        "must not be less than .* 4 and 5",
    ),
    "config.py TrainerConfig.check_fits": (
        {
            "tasks": {
                "mean": {"column": "action", "equals": "buy"},
                "click": {"column": "clicked", "equals": 1},
            }
        },
        {},
        "can't be called mean",
    ),
    "fields.py Fields.without": (
        {},
        {"encoder": {"without": ["age"]}},
        "must name features of behaviours",
    ),
    "pretrain_config.py PredictingConfig._check_sampled": (
        {},
        {"pretrain": {"sampled_softmax_above": 10, "sampled_classes": 20}},
        "sampled_classes must not exceed",
    ),
    "pretraining/cloze_config.py MaskingConfig._check": (
        {},
        {"pretrain": {"masking": {"item_rate": 0.5, "behavior_rate": 0.5}}},
        "must lie between 0 and 1",
    ),
    "models/srp4ctr_config.py Srp4CtrConfig.check_fits": (
        SAMPLED,
        {"ranker": {"set_wise": True}},
        "set_wise",
    ),
    "models/bst_config.py BstConfig.check_fits": (
        {},
        {"ranker": {"model": "bst", "bst": {"heads": 3}}},
        r"must divide the width of an embedded behaviour, here 80 \(5 features",
    ),
    "layers/encoder_layer.py EncoderLayer.__init__": (
        {},
        {"ranker": {"model": "bst", "embedding_dim": 5, "bst": {"heads": 2}}},
        "must divide the width of an embedded behaviour, here 25",
    ),
    "layers/uni_cross_attention.py UniCrossAttention.__init__": (
        {},
        {"encoder": {"heads": 3}},
        "heads must divide",
    ),
    "layers/querying_transformer.py QueryingTransformer.__init__": (
        {},
        {"ranker": {"query_tokens": -1}},
        "query_tok",
    ),
    "layers/add_attended.py AddAttended.__init__": (
        {},
        {"encoder": {"feedforward": 0}},
        "encoder.feedforward",
    ),
    "layers/co_action.py CoAction.__init__": (
        {},
        {"ranker": {"model": "can", "can": {"widths": [8]}}},
        "widths",
    ),
    "layers/folded_din.py FoldedDin.__init__": (
        {},
        {"ranker": {"interest": "din", "attention_units": [8, 4, 2]}},
        "attention_units",
    ),
    "layers/folded_dense.py FoldedDense.__init__": (
        {},
        {"ranker": {"interest": "din", "attention_units": [0, 4]}},
        "attention_units.0",
    ),
    "layers/id_dropout.py IdDropout.__init__": (
        {},
        {"ranker": {"id_dropout": 1.0}},
        "ranker.id_dropout",
    ),
    "ranker_config.py RankerConfig._check_transitions": (
        {},
        {"ranker": {"transitions": True, "match": False}},
        "match: true",
    ),
    "ranker_config.py RankerConfig.check_fits": (
        {"features": {"match": {"item_id": {}}}},
        {"ranker": {"transitions": True}},
        "features.match",
    ),
    "layers/folded_mmoe.py FoldedMmoe.__init__": ({}, {"ranker": {"experts": 0}}, "ranker.experts"),
    "layers/field_embedding.py FieldEmbedding.__init__": (
        {},
        {"ranker": {"embedding_dim": 0}},
        "embedding_dim",
    ),
    "layers/number_embedding.py NumberEmbedding.__init__": (
        {},
        {"ranker": {"embedding_dim": 0}},
        "embedding_dim",
    ),
    "layers/augru.py Augru.__init__": (
        {},
        {"ranker": {"model": "dien", "embedding_dim": 0}},
        "embedding_dim",
    ),
    "layers/dropout.py Dropout.__init__": ({}, {"ranker": {"dropout": 1.0}}, "ranker.dropout"),
    "export/state_numbers.py numbers_of": ({}, {"export": {"state_dtype": "int4"}}, "state_dtype"),
}
# Where it is raised, and what beside a configuration it takes.
ELSEWHERE = {
    "made_by.py check_made_by": "the model directory's earlier export",
    "export/transform_graph.py TransformGraph.__call__": "the caller's own inputs",
    "flops.py count_flops": "an operation of a new layer",
    "warm_start.py _EarlierRanker.__init__": "the earlier model's directory",
    "warm_start.py earlier_ranker": "the caller, who asks whether there is one",
    "layers/transitions.py Transitions.__init__": "the words of the log",
    "compilation.py compiles": "the devices of the strategy",
    "compilation.py check_compiles": "the graph of the step",
    "distribution/cluster.py Cluster.from_environment": "TF_CONFIG",
    "distribution/cluster.py _create": "TF_CONFIG",
}


def _raises(tree: ast.AST, place: tuple[str, ...] = ()) -> Iterator[str]:
    """The function that each raise of these errors is in."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield from _raises(node, (*place, node.name))
            continue
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = node.exc.func
            if isinstance(name, ast.Name) and name.id in RAISED:
                yield ".".join(place)
        yield from _raises(node, place)


def test_every_raise_is_in_one_of_the_tables() -> None:
    found: Counter[str] = Counter()
    for path in TRAINER.rglob("*.py"):
        place = path.relative_to(TRAINER).as_posix()
        for function in _raises(ast.parse(path.read_text(encoding="utf-8"))):
            found[f"{place} {function}"] += 1
    assert set(found) == set(REFUSED) | set(ELSEWHERE), (
        "add the new place to a table, or take the old one out"
    )
    assert not set(REFUSED) & set(ELSEWHERE)


@pytest.mark.parametrize("place", REFUSED)
def test_a_mistake_of_a_configuration_is_refused_when_it_is_loaded(place: str) -> None:
    dataset, trainer, said = REFUSED[place]
    with pytest.raises(pydantic.ValidationError, match=said):
        RunConfig.model_validate(
            {"dataset": small_spec(**dataset).model_dump(), "trainer": trainer}
        )


@pytest.mark.parametrize("place", REFUSED)
def test_nor_does_tuning_try_it(place: str) -> None:
    """What tuning tries is checked as the run's own settings are."""
    dataset, trainer, _ = REFUSED[place]
    settings: dict[str, list[Any]] = {}
    for section, options in trainer.items():
        for key, value in options.items():
            settings[f"{section}.{key}"] = [value]
    tuning = {"trials": 1, "space": settings}
    content = {"dataset": small_spec(**dataset).model_dump(), "tuning": tuning}
    with pytest.raises(pydantic.ValidationError):
        RunConfig.model_validate(content)
