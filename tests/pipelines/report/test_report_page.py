"""The report's page and files, from made-up results."""

from __future__ import annotations

import base64
import copy
import hashlib
import itertools
import json
import re
import sys
import types
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipelines.counts.verdict import encoder_pays
from pipelines.report.encoder import encoder_lines
from pipelines.report.model_card import model_card
from pipelines.report.page import render
from pipelines.report.results import RunResults
from pipelines.report.rivals import rival_lines
from pipelines.report.trend import still_moves
from pipelines.report.write import save, write_report

HOSTILE = "<script>alert('x')</script> & \"$x^$"


def results(**changes: Any) -> RunResults:
    """What is made up, with parts of it replaced."""
    return RunResults.model_validate(CONTENT | changes)


def task(
    auc: float, slices: dict[str, list[float | None]], calibration: float = 1.042
) -> dict[str, Any]:
    history = zip(("1-9", "10-49", "50+"), slices["history_length"], (912, 2833, 6301), strict=True)
    popularity = zip(
        ("head", "middle", "tail"), slices["popularity"], (6644, 2390, 1012), strict=True
    )
    gender = zip(("M", "F"), slices["user_gender"], (7456, 2590), strict=True)
    named = {"popularity": popularity, "history_length": history, "user_gender": gender}
    return {
        "auc": auc,
        "gauc": auc - 0.0613,
        "logloss": 1.3427 - auc,
        "ne": 2 * (1.3427 - auc),
        "calibration": calibration,
        "slices": {
            name: {v: {"auc": a, "candidates": n, "positives": n // 2} for v, a, n in values}
            for name, values in named.items()
        },
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


RULES = {
    "unseen_positives": 0.731,
    "unseen_negatives": 0.0,
    "unseen_auc": 0.8655,
    "popularity_auc": None,
}


def split(records: int, requests: int, candidates: int, rate: float | None) -> dict[str, Any]:
    rates = {} if rate is None else {"like": rate}
    return {
        "records": records,
        "requests": requests,
        "candidates": candidates,
        "bytes": 2654 * records,
        "label_rate": rates,
        "label_rules": {"like": RULES} if rates else {},
    }


def gain(points: float | None, low: float | None, high: float | None) -> dict[str, Any]:
    return {"points": points, "low": low, "high": high}


def attribute(
    loss: float, accuracy: float | None, chance: float | None, hidden: int | None = 979
) -> dict[str, Any]:
    return {
        "loss": loss,
        "accuracy": accuracy,
        "chance_accuracy": chance,
        "hidden": hidden,
    }


CONTENT: dict[str, Any] = {
    "metrics": {
        "config": {
            "dataset": {
                "name": "ml_100k",
                "history": {"length": 100},
                "tasks": {"like": {"column": "rating", "at_least": 4}},
            },
            "trainer": {
                "seed": 7,
                "encoder": {"dim": 32, "layers": 2},
                "ranker": {"model": "srp4ctr", "encoder": "learned"},
                "finetune": {"evaluations_per_epoch": 2},
                "export": {"max_candidates": 1000},
            },
            "evaluation": {"min_auc": 0.7, "slices": ["user_gender"]},
        },
        "git_revision": "b1f9c1d2a3b4c5d6e7f8a9b0c1d2e3f4a5b6c7d8",
        "stack": {"tensorflow": "2.16.2", "tfx": "1.16.0", "apache-beam": "2.74.0"},
        "seed": 7,
        "records": {"test": {"requests": 4846, "candidates": 10046}},
        "started_from": None,
        "pretrain": {
            "item_id": attribute(6.302, 0.0212, 0.0057),
            "genres": attribute(0.301, 0.6431, 0.4112),
            "year": attribute(2.214, 0.3357, 0.2209),
            "rating": attribute(1.287, 0.4311, 0.3521, hidden=1024),
            "gap": attribute(1.514, 0.5014, 0.5123),
        },
        "tasks": {"like": WITH_ENCODER},
        "baseline_without_encoder": {"like": WITHOUT_ENCODER},
        "seconds": {
            "BehaviorLogExampleGen": 14.2,
            "StatisticsGen": 12.9,
            "CuratedSchemaGen": 0.21,
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
        "verdict": {"blessed": True, "reasons": []},
        "to_beat": {"like": 0.7702},
        "pushed_version": "1764000000",
        "serving_model": "/work/runs/ml_100k/serving_model/1722400000",
        "rivals": {
            "popularity": {"like": 0.7312},
            "counts": {
                "missing": None,
                "features": ["user_age"],
                "splits": {
                    "train": {"taken": 50_000, "all": 80_022},
                    "validation": {"taken": 9932, "all": 9932},
                    "test": {"taken": 10_046, "all": 10_046},
                },
                "tasks": {
                    "like": {
                        "auc": 0.7713,
                        "model_auc": 0.7731,
                        "points": 0.18,
                        "low": -0.41,
                        "high": 0.77,
                        "trees": 212,
                    }
                },
                "encoder": {"like": gain(1.34, 0.81, 1.9)},
                "slices": {
                    "like": {
                        "history_length": {
                            "1-9": gain(-0.39, -1.7, 0.9),
                            "10-49": gain(1.12, 0.2, 2.05),
                            "50+": gain(1.53, 0.8, 2.24),
                        }
                    }
                },
            },
        },
    },
    "checks": {
        "compared": {"drift": True, "skew": False},
        "findings": [
            {
                "check": "drift",
                "policy": "warn",
                "feature": "user_occupation",
                "message": (
                    "Since the previous run, user_occupation changed: "
                    "“librarian” made up 5.60 % of its values."
                ),
                "look_at": "what fills this column in the log",
                "distance": 0.1847,
                "allowed": 0.1,
            },
            {
                "check": "schema",
                "policy": "block",
                "feature": "user_age",
                "message": "In split train, user_age breaks the schema. Column dropped.",
                "look_at": "the log's columns",
                "distance": None,
                "allowed": None,
            },
        ],
    },
    "data": {
        "dataset": "ml_100k",
        "cut_offs": {
            "validation_from": "1998-03-07T03:00:00+00:00",
            "test_from": "1998-03-31T22:00:00+00:00",
        },
        "first_event": "1997-09-20T03:05:10+00:00",
        "last_event": "1998-04-22T23:10:38+00:00",
        "duplicate_keys": {"items": 0, "users": 3},
        "conflicting_keys": {"users": 2},
        "conflict_examples": {
            "users": {
                "key_column": "user_id",
                "key": "7",
                "column": "age",
                "used": "31",
                "other": "57",
            }
        },
        "history_length": {
            "mean": 61.9,
            "percentiles": {"10": 9, "25": 25, "50": 69, "75": 100, "90": 100, "99": 100},
        },
        "items": 1682,
        "users": 943,
        "joins": {
            "items": {
                "rows": 100_000,
                "matched": 80_000,
                "matched_keys": 80_000,
                "missing_keys": 310,
            }
        },
        "missing_examples": {"items": ["50", "258"]},
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
    "pretrain_curves": {
        "loss": [14.1 - 2.6 * (1 - 0.8**i) for i in range(20)],
        "val_loss": [13.7 - 1.9 * (1 - 0.74**i) + 0.004 * i for i in range(20)],
    },
    "finetune_curves": {
        "with_encoder": {"val_mean_auc": [0.7411, 0.7689, 0.7792, 0.7801, 0.7763, 0.7725, 0.7702]},
        "without_encoder": {
            "val_mean_auc": [0.7213, 0.7502, 0.7611, 0.7644, 0.7651, 0.7638, 0.7609, 0.7577]
        },
    },
    "calibration": {
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
}


CONTENT["metrics"]["checks"] = CONTENT["checks"]
MADE = RunResults.model_validate(CONTENT)


class Page(HTMLParser):
    """Checks nesting, and keeps text, tags, ids and references."""

    VOID = {"meta", "link", "br", "img", "hr"}

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open += [] if tag in self.VOID else [tag]
        for name, value in attrs:
            self.ids += [value or ""] if name == "id" else []
            self.references += (
                [value or ""] if name in ("src", "href", "xlink:href", "srcset", "data") else []
            )

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)


@pytest.fixture(scope="module")
def html() -> str:
    return render(results())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_plain_rules_and_joins_are_shown_and_few_matches_said(page: Page) -> None:
    assert "Test, “like” 73.1 % 0.0 % 0.866 –" in page.text
    assert "items 100,000 80,000 80.0 %" in page.text
    assert (
        "80,000 of 100,000 events (80.0%) find a row in the item table. It has no row for 310 "
        "keys, such as '50' and '258'."
    ) in page.text


def test_keys_whose_rows_differ_are_said(page: Page) -> None:
    assert "3 rows of users repeat a key; one row a key was used." in page.text
    assert "'7' has '31' and '57' in column age" in page.text


def test_is_self_contained(html: str, page: Page) -> None:
    assert page.tags.count("script") == 1
    assert page.references and all(reference.startswith("#") for reference in page.references)
    assert not re.search(
        r"url\((?!#)|@import|https?://(?!www\.w3\.org/)", html
    )  # w3.org: names of XML namespaces


def test_its_one_script_is_the_one_it_allows(html: str) -> None:
    (inside,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    (allowed,) = re.findall(r"'sha256-(.*?)'", html)
    assert allowed == base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()


def test_tables_have_scopes_and_names(html: str) -> None:
    tables = re.findall(r"<table.*?</table>", html, re.DOTALL)
    assert len(tables) == 16
    for table in tables:
        assert re.match(r'<table aria-label="[^"]+">', table)
        for head in re.findall(r"<th\b[^>]*>", table):
            assert re.match(r'<th scope="(col|row)"', head)
        assert (
            table.count('scope="row"')
            == table.count("<tr>") - 1
            == len(re.findall(r"<tr>(?=\s*<th)", table)) - 1
        )


def test_headings_go_down_one_by_one_and_landmarks_are_there_once(html: str, page: Page) -> None:
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in itertools.pairwise(levels))
    assert [page.tags.count(tag) for tag in ("header", "nav", "main", "footer")] == [1, 1, 1, 1]
    assert (
        page.tags.count("section") == html.count("<section id=") == html.count("aria-labelledby=")
    )


def test_pictures_have_names_and_captions_that_conclude(html: str) -> None:
    figures = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    names = [re.findall(r'role="img" aria-label="Chart: (.+?)"', figure) for figure in figures]
    assert len(figures) == 10 and all(len(name) == 1 for name in names)
    for figure in figures:
        caption = re.search(r"<figcaption><h3>.+?</h3><p>(.+?)</p>", figure)
        assert caption and re.search(r"\d", caption[1]) and caption[1].endswith(".")


def test_numbers_stay_with_their_units(html: str) -> None:
    assert not re.search(r">[^<{]*\d (%|min|points)\b[^<{]*<", html)
    assert "4.2\N{NO-BREAK SPACE}% too high" in html


def test_ids_are_unique_and_references_reach_them(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    assert {reference[1:] for reference in page.references} <= set(page.ids)


def test_pictures_take_their_colors_from_the_page(html: str) -> None:
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert (
        len(pictures) == 10
    )  # splits, histories, loss, attributes, AUC, three features, reliability, time
    assert all("var(--ink)" in picture or "var(--muted)" in picture for picture in pictures)
    assert "#0101" not in html
    assert not re.search(r"(fill|stroke): #", "".join(pictures))


@pytest.mark.parametrize(
    "said",
    [
        (
            "For “like” the ranker with the encoder reaches a test AUC of 0.7731, 1.34 points "
            "above the one without it (95 % interval +0.81 to +1.90), and 0.18 points above "
            "boosted trees on counts (95 % interval −0.41 to +0.77). The encoder pays."
        ),
        (
            "Worse with the encoder than without for “like”: calibration (1.042 against 0.971, "
            "where 1 is right)."
        ),
        "The test AUC that a model has to reach to be pushed, 0.700, is reached.",
        "events 100,000 225 0.22 % events: bad_timestamp – 211 0.21 % events: no_user – 14 0.01 %",
        "AUC (higher is better) 0.7731 0.7597 +0.0134",
        (
            "They learned from 50,000 of 80,022, a sample, training candidates; intervals are "
            "by a paired bootstrap"
        ),
        (
            "This model 0.7731 – – Popularity alone 0.7312 +4.19 – Trees on counts 0.7713 +0.18 "
            "−0.41 to +0.77"
        ),
        "GAUC (higher is better) 0.7118 0.6984 +0.0134",
        "Logloss (lower is better) 0.5696 0.5830 −0.0134",
        "Normalised entropy (lower is better) 1.1392 1.1660 −0.0268",
        "Calibration (1 is right) 1.0420 0.9710 +0.0710",
        "Metrics for “like” on 10,046 test candidates",
        "225 were rejected (0.22 %), most often events for “bad_timestamp” (211)",
        "“like” holds for 55.1 % of the training and 56.1 % of the test candidates",
        (
            "The log runs from 20 Sep 1997 to 22 Apr 1998. Candidates before 7 Mar 1998 train, "
            "80.0 % of them"
        ),
        "those from 31 Mar 1998 on test, 10.0 %",
        (
            "Half of the requests come after at most 69 behaviours. At least 25 % fill the 100 "
            "that are kept."
        ),
        "Train 39,642 39,642 80,022 2.0 55.1 % 105.2 MB 1,315",
        "Pre-training windows 1,147 – – – – 3.0 MB –",
        (
            "Anomalies were found: 1 of schema and 1 of drift. 1 of them kept the model from "
            "being pushed."
        ),
        "No serving log is configured to find skew against (checks.serving_log).",
        (
            "Schema In split train, user_age breaks the schema. Column dropped. the log's "
            "columns nothing is pushed – –"
        ),
        (
            "“librarian” made up 5.60 % of its values. what fills this column in the log a "
            "warning 0.185 0.100"
        ),
        (
            "FG-BERT fills in 4 of 5 hidden attributes better than always giving the most frequent "
            "value, not gap (50.1 % right against 51.2 %). Each was judged on 979 to 1,024 hidden "
            "values of held-out users. More epochs"
        ),
        "item_id 2.1 % 0.57 % 3.72 979 6.302",
        "The held-out loss fell from 13.700 to 11.879 in epoch 17 of 20 and ended at 11.882",
        (
            "At its best the validation AUC is 0.7801 with the encoder, 1.50 points above the "
            "0.7651 without it."
        ),
        (
            "With the encoder it peaked after 2 of 3.5 epochs; without it peaked after 2.5 of "
            "4 epochs."
        ),
        (
            "By their 95 % intervals the encoder raises the AUC in 2 of the 3 slices that have at "
            "least 500 test candidates, and lowers it in none."
        ),
        (
            "The difference goes from +1.53 points at “50+” (95 % interval +0.80 to +2.24) to "
            "−0.39 at “1-9” (95 % interval −1.70 to +0.90)."
        ),
        (
            "0 – – – – 0 1-9 −0.39 −1.70 to +0.90 0.7012 0.7051 912 10-49 +1.12 +0.20 to +2.05 "
            "0.7533 0.7421 2,833 50+ +1.53 +0.80 to +2.24 0.7846 0.7693 6,301"
        ),
        (
            "head +0.82 – 0.7581 0.7499 6,644 middle +1.57 – 0.7302 0.7145 2,390 tail +3.97 – "
            "0.6904 0.6507 1,012 unseen – – – – 0"
        ),
        (
            "Predictions of “like” are, on average, 4.2 % too high with the encoder and 2.9 % "
            "too low without it."
        ),
        "predictions are about 0.65 (17.3 % of the candidates): there the label rate is 0.60",
        "The components took 7.6 min in all, 75.5 % of it training. The slowest was Trainer.ranker",
        "fine-tuning SRP4CTR 3.1 min 41.0 %",
        "Seed 7 Git revision b1f9c1d2a3b4c5d6e7f8a9b0c1d2e3f4a5b6c7d8",
        "/work/runs/ml_100k/serving_model/1722400000",
        "tensorflow 2.16.2",
        "evaluations_per_epoch: 2",
    ],
)
def test_says_what_the_numbers_mean(page: Page, said: str) -> None:
    assert said in page.text


def test_bars_have_their_candidates_beside_them(html: str) -> None:
    picture = next(svg for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL) if "unseen" in svg)
    assert {"head", "tail", "6,644 candidates", "0 candidates", "0.758", "0.750"} <= set(
        Page(picture).words
    )


@pytest.mark.usefixtures("without_pictures")
def test_findings_follow_the_numbers() -> None:
    """The same page with the two models exchanged says the opposite."""
    metrics = CONTENT["metrics"] | {
        "tasks": {"like": WITHOUT_ENCODER},
        "baseline_without_encoder": {"like": WITH_ENCODER},
        "config": CONTENT["metrics"]["config"] | {"evaluation": {"min_auc": 0.9, "slices": []}},
    }
    curves = {"val_loss": [3.0, 2.5, 2.0]}
    del metrics["rivals"]
    text = Page(render(results(metrics=metrics, pretrain_curves=curves))).text
    assert "reaches a test AUC of 0.7597, 1.34 points below the one without it. " in text
    assert "a model has to reach to be pushed, 0.900, is missed (like)." in text
    assert "How sure the differences in slices are isn't known of this run." in text
    assert "The difference goes from +0.39 points at “1-9” to −1.53 at “50+”." in text
    assert "for “like”: logloss (0.5830 against 0.5696)." in text
    assert "2.9 % too low with the encoder and 4.2 % too high without it" in text
    assert "from 3.000 to 2.000 and was lowest in the last epoch, 3: more epochs might help" in text


@pytest.mark.usefixtures("without_pictures")
def test_a_model_that_loses_to_counts_says_so_first() -> None:
    metrics = copy.deepcopy(CONTENT["metrics"])
    like = metrics["rivals"]["counts"]["tasks"]["like"]
    like |= {"auc": 0.8001, "points": -2.7, "low": -3.3, "high": -2.1}
    made = results(metrics=metrics)
    first = (
        "Boosted trees on counts rank better than this model: "
        "the test AUC of “like” is 0.7731, and that of the trees"
    )
    text = Page(render(made)).text
    assert (
        "2.70 points below boosted trees on counts (95 % interval −3.30 to −2.10)."
        in text[: text.index(first)]
    )
    assert (
        f"**{first} 0.8001 (−2.70 points, 95 % interval −3.30 to −2.10).**"
        in model_card(made).split("## The model")[0]
    )
    lines = rival_lines(made.metrics)
    assert lines[0].startswith(
        "The model loses. Beside boosted trees on counts, the test AUC of “like” is 0.7731"
    )
    assert lines[1] == "Test AUC of “like”: 0.7731; popularity alone 0.7312."


@pytest.mark.usefixtures("without_pictures")
def test_trees_that_are_missing_are_said_with_what_would_bring_them() -> None:
    metrics = copy.deepcopy(CONTENT["metrics"])
    metrics["rivals"]["counts"] = {
        "missing": "LightGBM isn't installed: pip install 'srp4ctr[counts]'"
    }
    made = results(metrics=metrics)
    said = (
        "weren't trained to compare with. LightGBM isn't installed: pip install 'srp4ctr[counts]'."
    )
    assert (
        said in Page(render(made)).text
        and said in model_card(made)
        and said in rival_lines(made.metrics)[-1]
    )
    del metrics["rivals"]
    assert "no rivals: an older version made it" in Page(render(results(metrics=metrics))).text


@pytest.mark.usefixtures("without_pictures")
def test_no_anomaly_is_said_only_of_what_was_compared() -> None:
    nothing = {"compared": {"drift": False, "skew": False}, "findings": []}
    text = Page(render(results(checks=nothing))).text
    assert (
        "Nothing unusual was found: every record keeps to the schema. There is no previous run"
        in text
    )
    everything = {"compared": {"drift": True, "skew": True}, "findings": []}
    assert (
        "compared with the previous run's, and with logged"
        in Page(render(results(checks=everything))).text
    )


@pytest.mark.slow
def test_one_epoch_is_no_trend() -> None:
    curve = {"val_mean_auc": [0.7]}
    one = results(
        pretrain_curves={"loss": [3.1], "val_loss": [3.0]},
        finetune_curves={"with_encoder": curve, "without_encoder": curve},
    )
    text = Page(render(one)).text
    assert "After its one epoch the held-out loss is 3.000." in text
    assert (
        "it peaked after 0.5 of 0.5 epochs and might rise further; without it peaked after" in text
    )
    assert "the validation AUC is 0.7000 with the encoder and without it" in text


@pytest.mark.slow
def test_text_from_the_data_is_escaped() -> None:
    made = copy.deepcopy(CONTENT)
    metrics = made["metrics"]
    data = made["data"]
    large = {"auc": 0.6, "candidates": 700, "positives": 300}
    metrics["tasks"]["like"]["slices"]["user_gender"][HOSTILE] = large
    metrics["baseline_without_encoder"]["like"]["slices"][HOSTILE] = {}
    metrics["tasks"]["like"]["slices"][HOSTILE] = {
        "$a_{$ 北京": large,
        "": large | {"candidates": 1},
    }
    metrics["pretrain"][HOSTILE] = metrics["pretrain"]["year"]
    metrics["config"]["dataset"]["name"] = data["dataset"] = HOSTILE
    data["rows"]["events"]["rejected"][HOSTILE] = 500
    page = Page(render(RunResults.model_validate(made)))
    assert page.tags.count("script") == 1
    assert page.text.count(HOSTILE) >= 5


@pytest.mark.slow
def test_a_feature_of_many_values_is_drawn_in_part_and_listed_in_full() -> None:
    metrics = copy.deepcopy(CONTENT["metrics"])
    for key in ("tasks", "baseline_without_encoder"):
        slices = metrics[key]["like"]["slices"]
        slices["user_city"] = {}
        for i in range(40):
            figures = {"auc": 0.7, "candidates": 1000 - i, "positives": 9}
            slices["user_city"][f"city {i}"] = figures
    html = render(results(metrics=metrics))
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    picture = next(svg for svg in pictures if "city 0" in svg)
    assert "city 11" in picture and "city 12" not in picture
    assert (
        "The difference is 0.00 points where there are enough candidates. The 12 largest of 40 "
        "are drawn." in Page(html).text
    )
    assert "city 39" in html


@pytest.mark.usefixtures("without_pictures")
def test_several_tasks_have_their_own_findings() -> None:
    ours = {"like": WITH_ENCODER, "buy": WITHOUT_ENCODER}
    without = {"like": WITHOUT_ENCODER, "buy": WITH_ENCODER}
    page = Page(
        render(
            results(
                metrics=CONTENT["metrics"] | {"tasks": ours, "baseline_without_encoder": without}
            )
        )
    )
    assert "For “like” the ranker" in page.text and "For “buy” the ranker" in page.text
    assert "By history length, “buy”" in page.text and "Reliability, “buy”" in page.text
    assert "No bucket of predictions was counted." in page.text


def without_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_numbers(inner) for key, inner in value.items()}
    return float("nan") if isinstance(value, float) else value


def test_missing_values_are_dashes() -> None:
    """Nothing was measured: neither NaN nor None reaches the page, nothing is concluded, nothing
    fails."""
    metrics = without_numbers(
        {key: CONTENT["metrics"][key] for key in ("tasks", "baseline_without_encoder", "pretrain")}
    )
    nothing: dict[str, Any] = {"git_revision": None, "serving_model": None, "seconds": {}}
    data = CONTENT["data"] | {
        "history_length": {},
        "splits": {},
        "rows": {"events": {"read": 0, "rejected": {}}},
    }
    page = Page(
        render(
            results(
                metrics=CONTENT["metrics"] | metrics | nothing,
                data=data,
                pretrain_curves={"loss": [float("nan")], "val_loss": [float("nan")]},
                finetune_curves={
                    "with_encoder": {},
                    "without_encoder": {"val_mean_auc": [float("nan")]},
                },
                calibration={
                    "with_encoder": {"like": [(float("nan"), 0.5, 3.0)]},
                    "without_encoder": {},
                },
            )
        )
    )
    assert "AUC (higher is better) – – –" in page.text
    assert "The AUC for “like” is not known with and without the encoder" in page.text
    assert "No component's time was recorded." in page.text
    assert "code of an unknown revision" in page.text
    assert not re.search(r"\bnan\b|\bNone\b", page.text, re.IGNORECASE)


@pytest.mark.usefixtures("without_pictures")
def test_all_files_are_written_and_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "index.html").write_text("old")
    chance = {"year": {"loss": 2.2, "accuracy": 0.3, "chance_accuracy": float("nan")}}
    written = save(results(metrics=CONTENT["metrics"] | {"pretrain": chance}), folder)
    assert written == folder / "index.html"
    assert written.read_text(encoding="utf-8").startswith("<!doctype html>")
    metrics = json.loads(
        (folder / "metrics.json").read_text(), parse_constant=lambda name: pytest.fail(name)
    )
    assert metrics["pretrain"]["year"]["chance_accuracy"] is None
    assert metrics["tasks"] == {"like": WITH_ENCODER}
    assert {path.name for path in folder.iterdir()} == {
        "index.html",
        "metrics.json",
        "model_card.md",
        "results.json",
    }


@pytest.mark.usefixtures("without_pictures")
def test_the_report_of_a_run_lies_in_its_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = types.SimpleNamespace(
        collect={tmp_path: results()}.__getitem__, test_scores={tmp_path: b"scores"}.__getitem__
    )
    monkeypatch.setitem(sys.modules, "pipelines.report.collect", fake)
    assert write_report(tmp_path) == tmp_path / "report" / "index.html"
    assert (tmp_path / "report" / "metrics.json").is_file()
    assert (tmp_path / "report" / "scores.npz").read_bytes() == b"scores"


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    ("of_encoder", "tone", "said"),
    [
        ((1.34, 0.81, 1.9), "good", None),
        (
            (0.12, -0.31, 0.55),
            "neutral",
            "It isn't clear that the encoder pays: +0.12 points of test AUC of “like” "
            "(95 % interval −0.31 to +0.55). The ranker without it is cheaper.",
        ),
        (
            (-0.9, -1.4, -0.4),
            "bad",
            "The encoder costs accuracy: −0.90 points of test AUC of “like” "
            "(95 % interval −1.40 to −0.40). The ranker without it is better.",
        ),
    ],
)
def test_an_encoder_that_gains_nothing_is_named_and_only_a_sure_gain_is_coloured(
    of_encoder: tuple[float, float, float], tone: str, said: str | None
) -> None:
    metrics = copy.deepcopy(CONTENT["metrics"])
    metrics["pretrain"].pop("gap")  # which it learned nothing of
    metrics["rivals"]["counts"]["encoder"] = {"like": gain(*of_encoder)}
    made = results(metrics=metrics)
    lines = encoder_lines(made.metrics)
    html = render(made)
    assert f'tile panel {tone}"><dt>Difference' in html
    if said is None:
        assert lines == []
        assert "The encoder pays." in Page(html).text
        return
    assert lines == [said]
    verdict, rest = said.split(": ")
    assert f"{verdict}. {rest.split('). ')[1]}" in Page(html).text
    assert f"**{said}**" in model_card(made).split("## The model")[0]


@pytest.mark.parametrize(
    ("buy", "click", "said"),
    [
        ((4.39, 15.74), (-1.2, 0.46), None),
        ((-4.39, 15.74), (-1.2, 0.46), "It isn't clear that the encoder pays"),
        ((4.39, 15.74), (-1.2, -0.46), "The encoder doesn't pay, for it costs a task accuracy"),
        ((-4.39, 15.74), (-1.2, -0.46), "The encoder costs accuracy"),
        ((None, None), (-1.2, 0.46), None),  # too few users to say that it doesn't
    ],
)
def test_an_encoder_is_said_to_pay_where_it_is_pushed_because_it_pays(
    buy: tuple[float | None, float | None], click: tuple[float, float], said: str | None
) -> None:
    metrics = copy.deepcopy(CONTENT["metrics"])
    metrics["pretrain"].pop("gap")
    encoder = {}
    for task, (low, high) in {"buy": buy, "click": click}.items():
        encoder[task] = {"points": 1.0, "low": low, "high": high}
    metrics["rivals"]["counts"]["encoder"] = encoder
    made = results(metrics=metrics).metrics
    assert made.rivals is not None and made.rivals.counts is not None
    assert encoder_pays(made.rivals.counts) == (said is None)
    lines = encoder_lines(made)
    if said is None:
        assert lines == []
        return
    (line,) = lines
    assert line.startswith(f"{said}: ") and "“buy”" in line and "“click”" in line


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    ("accuracy", "chance", "hidden", "learned"),
    [
        (0.013, 0.012, 90_000, False),  # rare, and hardly more often than the most frequent value
        (0.039, 0.029, 90_000, True),
        (0.656, 0.656, 979, False),
        (0.97, 0.95, 979, True),  # two fifths of the errors that are left
        (0.5, None, 979, None),  # not known, so nothing is said
        (0.724, 0.655, 29, False),  # 21 against 19 of 29, which is chance
        (0.724, 0.655, 979, True),
        (0.724, 0.655, None, True),  # of an older version: how sure that is isn't known
        (0.1666666716337204, 1 / 6, 30, False),  # the same, as float32 and float64 have it
        (0.1666666716337204, 1 / 6, None, False),
    ],
)
def test_an_attribute_is_learned_or_not_wherever_that_is_said(
    accuracy: float, chance: float | None, hidden: int | None, learned: bool | None
) -> None:
    metrics = copy.deepcopy(CONTENT["metrics"])
    metrics["pretrain"] = {
        "item_id": attribute(6.3, 0.0212, 0.0057),
        "type": attribute(3.1, accuracy, chance, hidden),
    }
    made = results(metrics=metrics)
    lines = encoder_lines(made.metrics)
    text = Page(render(made)).text
    number = {True: "2 of 2", False: "1 of 2", None: "1 of 1"}[learned]
    assert f"FG-BERT fills in {number} hidden attributes better than" in text
    assert bool(lines) == (learned is False)
    if lines:
        assert lines[0].startswith(f"FG-BERT fills in {number} hidden attributes ")
        assert ", not type (" in lines[0] and lines[0] in text
        assert lines[0] in model_card(made)


def test_accuracies_of_few_values_are_no_reason_to_train_for_longer() -> None:
    few = {
        "item_id": attribute(4.6, 0.167, 0.167, 30),
        "aisle": attribute(1.8, 0.269, 0.385, 26),
    }
    made = results(metrics=CONTENT["metrics"] | {"pretrain": few}).metrics
    (line,) = encoder_lines(made)
    assert line == (
        "FG-BERT fills in none of the 2 hidden attributes better than always giving the most "
        "frequent value: item_id (16.7 % right against 16.7 %) and aisle (26.9 % right against "
        "38.5 %). Each was judged on 26 to 30 hidden values of held-out users, too few to show "
        "small gains."
    )


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    ("low", "said"), [(-0.01, "; it may be chance)"), (0.01, "; beyond chance)"), (None, "0.971)")]
)
def test_probabilities_that_are_worse_are_said_to_be(low: float | None, said: str) -> None:
    interval = {"low": low, "high": 0.2}
    metrics = CONTENT["metrics"] | {"probabilities": {"like": {"calibration": interval}}}
    text = Page(render(results(metrics=metrics))).text
    worse = re.search(r"Worse with the encoder than without for “like”: (.+?)\.\s[A-Z]", text)
    assert worse and "logloss" not in worse[1]
    assert said.replace("0.971)", "where 1 is right)") in worse[1]


@pytest.mark.parametrize(
    ("values", "moves"),
    [
        ([3.0], True),
        ([3.0, 2.5, 2.0], True),
        ([15.3, 14.4, 13.6, 13.2, 12.8, 12.6, 12.4, 12.39], True),
        ([15.3, 13.2, 12.2, 12.0, 11.9, 11.88, 11.87, 11.86], False),
        ([0.5, 0.7, 0.78, 0.781], False),
        ([0.5, 0.6, 0.7, 0.78], True),
        ([0.5, 0.5], False),
    ],
)
def test_a_curve_moves_at_its_end_or_is_flat_there(values: list[float], moves: bool) -> None:
    assert still_moves(values) == moves


@pytest.mark.usefixtures("without_pictures")
def test_more_training_is_advised_only_where_the_curve_still_moves() -> None:
    flat = [13.0, 12.0, 11.5, 11.4, 11.39, 11.38, 11.379, 11.378]
    rising = [0.7, 0.75, 0.77, 0.78, 0.781, 0.7811, 0.7812, 0.7813]
    curve = {"val_mean_auc": rising}
    curves = {"with_encoder": curve, "without_encoder": curve}
    made = results(pretrain_curves={"val_loss": flat}, finetune_curves=curves)
    text = Page(render(made)).text
    assert "lowest in the last epoch, 8, but hardly fell towards the end: longer training" in text
    assert "might help" not in text and "might rise" not in text
