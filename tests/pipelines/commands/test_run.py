"""The whole pipeline, run by the command: what it leaves, what the cache reuses, what a killed run
resumes."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pipelines.config import load_run_config
from pipelines.counts.scores import BASE, RANKER, TREES
from pipelines.report.stored import read_scores
from pipelines.runners.progress import COMPONENTS
from tests.pipelines.conftest import SmallRun, srp4ctr
from trainer.metrics import auc

pytestmark = pytest.mark.slow
OPTIONAL = {
    "ServingLogExampleGen",
    "StatisticsGen.serving",
    "Resolver.earlier_model",
    "BlessingGate.baseline",
    "Pusher.baseline",
}  # by the config
EXPECTED = set(COMPONENTS) - OPTIONAL


def test_every_component_runs_and_says_so(small_run: SmallRun) -> None:
    announced = re.findall(r"^\[\d+/\d+\] (\S+):", small_run.output, re.MULTILINE)
    assert sorted(announced) == sorted(EXPECTED)
    assert "Report: " in small_run.output


def test_libraries_say_nothing(small_run: SmallRun) -> None:
    assert small_run.complaints == ""


def test_model_is_pushed_with_its_contract(small_run: SmallRun) -> None:
    (version,) = small_run.config.paths.serving_model.iterdir()
    for name in (
        "saved_model.pb",
        "assets.extra/tf_serving_warmup_requests",
        "assets.extra/srp4ctr.json",
    ):
        assert (version / name).is_file()


def test_metrics_have_the_promised_form(small_run: SmallRun) -> None:
    metrics = json.loads((small_run.config.paths.report / "metrics.json").read_text())
    assert set(metrics) == {
        "config",
        "git_revision",
        "stack",
        "seed",
        "records",
        "checks",
        "started_from",
        "pretrain",
        "tasks",
        "baseline_without_encoder",
        "seconds",
        "verdict",
        "to_beat",
        "pushed_version",
        "pushed_baseline",
        "serving_model",
        "rivals",
        "probabilities",
    }
    assert set(metrics["pretrain"]) == {"item_id", "tags", "weight", "action", "gap"}
    assert set(metrics["pretrain"]["action"]) == {"loss", "accuracy", "chance_accuracy", "hidden"}
    for tasks in (metrics["tasks"], metrics["baseline_without_encoder"]):
        assert set(tasks) == {"buy", "dear"}
        assert set(tasks["buy"]) == {"auc", "gauc", "logloss", "ne", "calibration", "slices"}
        assert set(tasks["buy"]["slices"]) == {"history_length", "popularity", "context_device"}
    assert set(metrics["seconds"]) == EXPECTED
    assert Path(metrics["serving_model"]).is_dir()
    assert metrics["checks"] == {"compared": {"drift": False, "skew": False}, "findings": []}


def test_trees_on_counts_are_compared_on_every_test_candidate(small_run: SmallRun) -> None:
    metrics = json.loads((small_run.config.paths.report / "metrics.json").read_text())
    counts = metrics["rivals"]["counts"]
    tested = metrics["records"]["test"]["candidates"]
    assert counts["missing"] is None and counts["splits"]["test"] == {
        "taken": tested,
        "all": tested,
    }
    for task, ours in metrics["tasks"].items():
        assert counts["tasks"][task]["model_auc"] == pytest.approx(
            ours["auc"], abs=1e-3
        )  # as the Evaluator has it
        assert f"“{task}”" in small_run.output
    assert (
        "Boosted trees on counts" in small_run.output
        or "boosted trees on counts" in small_run.output
    )


def test_the_report_has_every_models_score_of_every_test_candidate(small_run: SmallRun) -> None:
    metrics = json.loads((small_run.config.paths.report / "metrics.json").read_text())
    found = read_scores(small_run.config.paths.root)
    assert found is not None and len(found.users) == metrics["records"]["test"]["candidates"]
    sliced_by = {"history_length", "popularity", "context_device"}
    for task, counts in metrics["rivals"]["counts"]["tasks"].items():
        for model, expected in ((RANKER, counts["model_auc"]), (TREES, counts["auc"])):
            of_model = auc(found.labels[task], found.scores[model, task])
            assert of_model == pytest.approx(expected, abs=1e-6)
        gain = metrics["rivals"]["counts"]["encoder"][task]["points"]
        of_base = auc(found.labels[task], found.scores[BASE, task])
        assert counts["model_auc"] - of_base == pytest.approx(gain / 100, abs=1e-6)
        assert set(metrics["rivals"]["counts"]["slices"][task]) == sliced_by
        assert set(metrics["probabilities"][task]) == {"logloss", "calibration"}


def test_slices_cover_every_test_candidate_once(small_run: SmallRun) -> None:
    metrics = json.loads((small_run.config.paths.report / "metrics.json").read_text())
    for buckets in metrics["tasks"]["buy"]["slices"].values():
        assert (
            sum(bucket["candidates"] for bucket in buckets.values())
            == metrics["records"]["test"]["candidates"]
        )


def test_second_run_is_cached_and_pushes_nothing(small_run: SmallRun) -> None:
    versions = list(small_run.config.paths.serving_model.iterdir())
    done = srp4ctr("run", small_run.config_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lasting = [name for name, (_, seconds) in COMPONENTS.items() if seconds and name in EXPECTED]
    assert done.stdout.count("unchanged: taken from the cache") == len(lasting), done.stdout
    assert list(small_run.config.paths.serving_model.iterdir()) == versions


def test_killed_run_resumes_after_its_last_finished_component(small_run: SmallRun) -> None:
    announced = re.split(r"^\[\d+/\d+\] ", small_run.output, flags=re.MULTILINE)[1:]
    cached = [one.split(":")[0] for one in announced if "unchanged: taken from the cache" in one]
    assert cached == ["BehaviorLogExampleGen"]


@pytest.fixture
def cheaper(small_run: SmallRun, tmp_path: Path) -> Iterator[Path]:
    """The small run's configuration with `push: cheaper`; what it does is undone afterwards.

    It stays in its place, so that all that was trained comes from the cache.
    """
    folder = small_run.config_path.parent
    shutil.copytree(folder, tmp_path / "before", symlinks=True)
    config = yaml.safe_load(small_run.config_path.read_text())
    config["evaluation"]["push"] = "cheaper"
    path = folder / "cheaper.yaml"
    path.write_text(yaml.safe_dump(config))
    yield path
    shutil.rmtree(folder)
    shutil.move(tmp_path / "before", folder)


def test_the_base_ranker_is_pushed_where_the_encoder_does_not_pay(cheaper: Path) -> None:
    paths = load_run_config(cheaper).paths
    before = set(paths.serving_model.iterdir())
    done = srp4ctr("run", cheaper)
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = json.loads((paths.report / "metrics.json").read_text())
    # Two epochs on 200 users teach an encoder nothing that pays for sure.
    assert metrics["pushed_baseline"] and metrics["verdict"]["blessed"]
    assert "(the base ranker without the encoder, as evaluation.push: cheaper" in done.stdout
    (version,) = set(paths.serving_model.iterdir()) - before
    assert version.name == metrics["pushed_version"]
    assert "The base ranker was pushed" in (version / "assets.extra" / "model_card.md").read_text()
