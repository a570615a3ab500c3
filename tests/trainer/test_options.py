"""An option belongs to the ranker or objective that reads it; elsewhere it is refused by name, with
its owner."""

from __future__ import annotations

import re
from typing import Any

import pytest

from preprocessing.config import SAVED, ConfigError, changed, validated
from trainer.config import TrainerConfig

DIN_LIKE = "srp4ctr, din, can and unfolded_din"
REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"ranker": {"model": "din", "query_tokens": 8}},
        "`query_tokens` is an option of model srp4ctr, not of din",
    ),
    (
        {"ranker": {"model": "din", "encoder": "frozen"}},
        "`encoder` is an option of model srp4ctr, not of din",
    ),
    (
        {"ranker": {"model": "pnn", "set_wise": True}},
        "`set_wise` is an option of model srp4ctr, not of pnn",
    ),
    (
        {"ranker": {"model": "bst", "cross_projection": 8}},
        "`cross_projection` is an option of model srp4ctr, not of bst",
    ),
    (
        {"ranker": {"model": "pnn", "attention_units": [8, 4]}},
        f"`attention_units` is an option of model {DIN_LIKE}",
    ),
    (
        {"ranker": {"model": "dien", "bst": {"heads": 2}}},
        "`bst` is an option of model bst, not of dien",
    ),
    ({"ranker": {"bst": {"heads": 2}}}, "`bst` is an option of model bst, not of srp4ctr"),
    (
        {"ranker": {"model": "din", "can": {"orders": 2}}},
        "`can` is an option of model can, not of din",
    ),
    ({"ranker": {"model": "can", "dien": {}}}, "`dien` is an option of model dien, not of can"),
    (
        {"ranker": {"transfer": "user_vector", "uni_cross_attention": True}},
        "`uni_cross_attention` is an option of transfer attention, not of user_vector",
    ),
    (
        {"ranker": {"transfer": "embeddings", "query_tokens": 8}},
        "`query_tokens` is an option of transfer attention, not of embeddings",
    ),
    (
        {"ranker": {"encoder": "none", "query_tokens": 8}},
        "`query_tokens` is an option of encoder learned and frozen, not of none",
    ),
    (
        {"ranker": {"interest": "none", "attention_units": [8, 4]}},
        "`attention_units` is an option of interest din, not of none",
    ),
    (
        {"ranker": {"encoder": "none", "transfer": "embeddings"}},
        "`transfer` is an option of encoder learned and frozen, not of none",
    ),
    (
        {"pretrain": {"objective": "s3rec", "sampled_classes": 100}},
        "`sampled_classes` is an option of objective cloze and electra, not of s3rec",
    ),
    (
        {"pretrain": {"objective": "electra", "masking": {"behavior_rate": 0.2}}},
        "`behavior_rate` is an option of objective cloze",
    ),
    (
        {"pretrain": {"objective": "s3rec", "masking": {"item_rate": 0}}},
        "pretrain.masking.item_rate: Input should be greater than 0",
    ),
    (
        {"encoder": {"features": "ids", "without": ["gap"]}},
        "`without` is an option of features all, not of ids",
    ),
    (
        {"distribution": {"strategy": "one_device", "share_files": True}},
        "`share_files` is an option of strategy auto and multi_worker, not of one_device",
    ),
    (
        {"distribution": {"strategy": "multi_worker", "devices": ["GPU:0"]}},
        "`devices` is an option of strategy auto and mirrored, not of multi_worker",
    ),
    (
        {"distribution": {"strategy": "mirrored", "min_shard_bytes": 1}},
        "`min_shard_bytes` is an option of strategy auto and parameter_server, not of mirrored",
    ),
    ({"ranker": {"modle": "din"}}, "ranker.modle: unknown key. Did you mean 'model'?"),
    (
        {"ranker": {"model": "dinn"}},
        "ranker.model: must be one of srp4ctr, din, .* Did you mean 'din'?",
    ),
    (
        {"pretrain": {"objective": "close"}},
        "pretrain.objective: must be one of cloze, .* Did you mean 'cloze'?",
    ),
]


@pytest.mark.parametrize(("settings", "said"), REFUSED, ids=[said[:40] for _, said in REFUSED])
def test_an_option_that_would_not_count(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said).replace(r"\.\*", ".*")):
        validated(settings, TrainerConfig, "shop.yaml")


@pytest.mark.parametrize(("settings", "said"), REFUSED, ids=[said[:40] for _, said in REFUSED])
def test_nor_does_it_count_in_a_change(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(
        ValueError, match=re.escape(said.partition(": ")[2] or said).replace(r"\.\*", ".*")
    ):
        changed(TrainerConfig(), settings)


@pytest.mark.parametrize("model", ["din", "pnn", "bst", "dien", "can", "unfolded_din"])
def test_another_model_keeps_what_it_shares_and_loses_the_rest(model: str) -> None:
    ours = {
        "dropout": 0.4,
        "experts": 2,
        "query_tokens": 8,
        "cross_projection": 4,
        "encoder": "frozen",
    }
    other = changed(
        TrainerConfig.model_validate({"ranker": ours}), {"ranker": {"model": model}}
    ).ranker
    assert (other.model, other.dropout, other.experts) == (model, 0.4, 2)
    assert not {"query_tokens", "cross_projection", "encoder"} & set(other.model_dump())


def test_another_transfer_loses_what_it_does_not_read() -> None:
    config = TrainerConfig.model_validate({"ranker": {"query_tokens": 8, "set_wise": True}})
    other = changed(config, {"ranker": {"transfer": "user_vector"}})
    assert other == TrainerConfig.model_validate(
        {"ranker": {"transfer": "user_vector", "set_wise": True}}
    )
    assert "query_tokens" not in other.ranker.model_dump()


def test_what_an_earlier_version_wrote_is_read_without_what_it_ignored() -> None:
    """It wrote all options of all models."""
    options = {
        "attention_units": [80, 40],
        "cross_projection": 16,
        "encoder": "learned",
        "transfer": "attention",
    }
    options |= {
        "uni_cross_attention": True,
        "query_tokens": 4,
        "set_wise": False,
        "dien": {"auxiliary_weight": 1.0},
    }
    written = {"ranker": options | {"model": "bst", "bst": {"heads": 4}, "can": {"orders": 2}}}
    written["pretrain"] = {
        "objective": "s3rec",
        "masking": {"item_rate": 0.3, "behavior_rate": 0.2},
    }
    config = TrainerConfig.model_validate(written, context=SAVED)
    bst = {"model": "bst", "bst": {"heads": 4}}
    s3rec = {"objective": "s3rec", "masking": {"item_rate": 0.3}}
    assert config == TrainerConfig.model_validate({"ranker": bst, "pretrain": s3rec})
    with pytest.raises(ConfigError, match="unknown key"):
        validated({"ranker": {"querytokens": 4}}, TrainerConfig, "saved.json", saved=True)
