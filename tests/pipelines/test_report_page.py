"""The report's page and files, from made-up results."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
import sys
import types
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from pipelines.report.page import render
from pipelines.report.write import save, write_report

if TYPE_CHECKING:
    from pipelines.report.collect import RunResults

HOSTILE = "<script>alert('x')</script> & \"$x^$"


@dataclasses.dataclass(frozen=True)
class Made:
    """RunResults' twin: importing the original imports TFX, which takes longer than these tests."""

    metrics: dict[str, Any]
    data: dict[str, Any]
    pretrain_curves: dict[str, list[float]]
    finetune_curves: dict[str, dict[str, list[float]]]
    calibration: dict[str, dict[str, list[tuple[float, float, float]]]]


def results(**changes: Any) -> RunResults:
    return cast("RunResults", dataclasses.replace(copy.deepcopy(MADE), **changes))


def task(auc: float, slices: dict[str, list[float | None]], calibration: float = 1.042) -> dict[str, Any]:
    history = zip(("1-9", "10-49", "50+"), slices["history_length"], (912, 2833, 6301), strict=True)
    popularity = zip(("head", "middle", "tail"), slices["popularity"], (6644, 2390, 1012), strict=True)
    gender = zip(("M", "F"), slices["user_gender"], (7456, 2590), strict=True)
    named = {"popularity": popularity, "history_length": history, "user_gender": gender}
    return {
        "auc": auc,
        "gauc": auc - 0.0613,
        "logloss": 1.3427 - auc,
        "calibration": calibration,
        "slices": {name: {v: {"auc": a, "candidates": n} for v, a, n in values} for name, values in named.items()},
    }


WITH_ENCODER = task(
    0.7731,
    {
        "history_length": [0.7012, 0.7533, 0.7846],
        "popularity": [0.7581, 0.7302, 0.6904],
        "user_gender": [0.7771, 0.7588],
    },
)
WITHOUT_ENCODER = task(
    0.7597,
    {
        "history_length": [0.7051, 0.7421, 0.7693],
        "popularity": [0.7499, 0.7145, 0.6507],
        "user_gender": [0.7640, 0.7466],
    },
    0.971,
)


def split(records: int, requests: int, candidates: int, rate: float | None) -> dict[str, Any]:
    rates = {} if rate is None else {"like": rate}
    return {
        "records": records,
        "requests": requests,
        "candidates": candidates,
        "bytes": 2654 * records,
        "label_rate": rates,
    }


MADE = Made(
    metrics={
        "config": {
            "dataset": {
                "name": "ml_100k",
                "history": {"length": 100},
                "tasks": {"like": {"column": "rating", "at_least": 4}},
            },
            "trainer": {"seed": 7, "finetune": {"evaluations_per_epoch": 2}},
            "evaluation": {"min_auc": 0.7, "slices": ["user_gender"]},
        },
        "git_revision": "b1f9c1d2a3b4c5d6e7f8a9b0c1d2e3f4a5b6c7d8",
        "stack": {"tensorflow": "2.16.2", "tfx": "1.16.0", "apache-beam": "2.74.0"},
        "seed": 7,
        "records": {"test": {"requests": 4846, "candidates": 10046}},
        "pretrain": {
            "item_id": {"loss": 6.302, "accuracy": 0.0212, "chance_accuracy": 0.0057},
            "genres": {"loss": 0.301, "accuracy": 0.6431, "chance_accuracy": 0.4112},
            "year": {"loss": 2.214, "accuracy": 0.3357, "chance_accuracy": 0.2209},
            "rating": {"loss": 1.287, "accuracy": 0.4311, "chance_accuracy": 0.3521},
            "gap": {"loss": 1.514, "accuracy": 0.5014, "chance_accuracy": 0.5123},
        },
        "tasks": {"like": WITH_ENCODER},
        "baseline_without_encoder": {"like": WITHOUT_ENCODER},
        "seconds": {
            "BehaviorLogExampleGen": 14.2,
            "StatisticsGen": 12.9,
            "ImportSchemaGen": 0.21,
            "ExampleValidator": 0.74,
            "Transform": 31.8,
            "Trainer.pretrain": 96.3,
            "Trainer.ranker": 187.5,
            "Trainer.baseline": 61.4,
            "Resolver.latest_blessed": 0.08,
            "Evaluator": 27.7,
            "Evaluator.baseline": 24.1,
            "Pusher": 0.35,
        },
        "serving_model": "/work/runs/ml_100k/serving_model/1722400000",
    },
    data={
        "dataset": "ml_100k",
        "cut_offs": {"validation_from": "1998-03-07T03:00:00+00:00", "test_from": "1998-03-31T22:00:00+00:00"},
        "first_event": "1997-09-20T03:05:10+00:00",
        "last_event": "1998-04-22T23:10:38+00:00",
        "duplicate_keys": {"items": 0, "users": 0},
        "history_length": {"mean": 61.9, "percentiles": {"10": 9, "25": 25, "50": 69, "75": 100, "90": 100, "99": 100}},
        "items": 1682,
        "users": 943,
        "rows": {
            "events": {"read": 100000, "rejected": {"bad_timestamp": 211, "no_user": 14}},
            "items": {"read": 1682, "rejected": {}},
            "users": {"read": 943, "rejected": {}},
        },
        "splits": {
            "catalog": split(4, 0, 0, None),
            "pretrain": split(1147, 1147, 0, None),
            "pretrain_validation": split(66, 66, 0, None),
            "test": split(4846, 4846, 10046, 0.5615),
            "train": split(39642, 39642, 80022, 0.5509),
            "validation": split(4951, 4951, 9932, 0.5687),
        },
    },
    pretrain_curves={
        "loss": [14.1 - 2.6 * (1 - 0.8**i) for i in range(20)],
        "val_loss": [13.7 - 1.9 * (1 - 0.74**i) + 0.004 * i for i in range(20)],
    },
    finetune_curves={
        "with_encoder": {"val_mean_auc": [0.7411, 0.7689, 0.7792, 0.7801, 0.7763, 0.7725, 0.7702]},
        "without_encoder": {"val_mean_auc": [0.7213, 0.7502, 0.7611, 0.7644, 0.7651, 0.7638, 0.7609, 0.7577]},
    },
    calibration={
        "with_encoder": {
            "like": [
                (0.05 + 0.1 * i, min(0.98, 0.02 + 0.096 * i + 0.03 * (i % 2)), n)
                for i, n in enumerate((112, 402, 790, 1061, 1344, 1597, 1733, 1611, 1049, 347))
            ]
        },
        "without_encoder": {
            "like": [
                (0.05 + 0.1 * i, 0.12 + 0.084 * i, n)
                for i, n in enumerate((40, 295, 801, 1203, 1498, 1702, 1811, 1650, 903, 143))
            ]
        },
    },
)
