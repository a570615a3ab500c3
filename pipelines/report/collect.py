"""Gathers what a report says from a run's artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tfx.dsl.io import fileio

from pipelines.checks.found import Checks
from pipelines.components.counts import read_counts
from pipelines.components.data_checks import read_checks
from pipelines.config import RunConfig
from pipelines.counts.scores import SCORES
from pipelines.data_report import DataReport
from pipelines.errors import RunError
from pipelines.evaluated import figures, load_evaluation, rule_auc
from pipelines.finished import config_of
from pipelines.metadata import RunMetadata
from pipelines.metrics import METRICS
from pipelines.node_ids import (
    BASELINE,
    BASELINE_EVALUATOR,
    BASELINE_GATE,
    BASELINE_PUSHER,
    CHECKS,
    COUNTS,
    EVALUATOR,
    EXAMPLE_GEN,
    GATE,
    PRETRAIN,
    PUSHER,
    RANKER,
)
from pipelines.report.probabilities import worse_probabilities
from pipelines.report.results import (
    WITH_ENCODER,
    WITHOUT_ENCODER,
    Bucket,
    Finetuned,
    Pretrained,
    Rivals,
    RunMetrics,
    RunResults,
    Slice,
    SplitCounts,
    TaskMetrics,
    Verdict,
)
from pipelines.report.verdict import verdict
from pipelines.revision import code_revision
from pipelines.runners.progress import COMPONENTS
from pipelines.text import finite
from pipelines.versions import installed_version
from preprocessing.artifact_files import serving_model_dir
from preprocessing.popularity import POPULARITY as POPULARITY_RULE
from preprocessing.quarantine import REPORT_FILE, read_report
from serving.version_dirs import version_number
from trainer import finetune, pretrain
from trainer.slices import HISTORY_LENGTH, POPULARITY

if TYPE_CHECKING:
    import tensorflow_model_analysis as tfma

_STACK = (
    "tensorflow",
    "tf-keras",
    "tfx",
    "apache-beam",
    "tensorflow-recommenders",
    "tensorflow-serving-api",
)

_TAKEN_BACK = (
    "It was pushed before and taken back by `srp4ctr rollback`, and the cache has nothing newer: "
    "change a setting or the data, or give --no-cache to train another."
)


def collect(run_dir: Path) -> RunResults:
    """Reads a finished run.

    Raises:
        RunError: `run_dir` is no run directory, or a component has not finished.
    """
    config = config_of(run_dir)
    run = RunMetadata(config.paths.metadata, config.dataset.name)
    evaluations = {
        WITH_ENCODER: load_evaluation(run.output(EVALUATOR, "evaluation")),
        WITHOUT_ENCODER: load_evaluation(run.output(BASELINE_EVALUATOR, "evaluation")),
    }
    pretrained = Pretrained.model_validate_json(
        _left_beside(run.output(PRETRAIN, "model"), pretrain.RESULTS)
    )
    finetuned = {}
    for name, node in ((WITH_ENCODER, RANKER), (WITHOUT_ENCODER, BASELINE)):
        text = _left_beside(run.output(node, "model"), finetune.RESULTS)
        finetuned[name] = Finetuned.model_validate_json(text)
    data = _data_report(run.output(EXAMPLE_GEN, "examples"), config.paths.quarantine)
    rivals = _rivals(config, run, data)
    checks = read_checks(run.output(CHECKS, "findings"))
    calibration: dict[str, dict[str, list[Bucket]]] = {}
    for name, evaluation in evaluations.items():
        of_tasks = {task: _calibration(evaluation, task) for task in config.dataset.tasks}
        calibration[name] = of_tasks
    curves = {name: found.curves for name, found in finetuned.items()}
    return RunResults(
        metrics=_metrics(config, run, data, checks, pretrained, evaluations, rivals),
        data=data,
        checks=checks,
        pretrain_curves=pretrained.curves,
        finetune_curves=curves,
        calibration=calibration,
    )


def test_scores(run_dir: Path) -> bytes | None:
    """The scores of all models on the test candidates, as scores.npz has them.

    None where the run compared nothing, or where an older version made it.
    """
    config = config_of(run_dir)
    return _test_scores(config, RunMetadata(config.paths.metadata, config.dataset.name))


def _test_scores(config: RunConfig, run: RunMetadata) -> bytes | None:
    if not config.evaluation.counts_rows:
        return None
    path = f"{run.output(COUNTS, 'counts')}/{SCORES}"
    if not fileio.exists(path):
        return None
    with fileio.open(path, "rb") as file:
        return bytes(file.read())


def _data_report(examples: str, quarantine: str) -> DataReport:
    """What lies beside the run's records, which may be from the cache.

    An older version left it in the quarantine folder alone, where the last run's is.
    """
    has_own = fileio.exists(f"{examples}/{REPORT_FILE}")
    return DataReport.model_validate(read_report(examples if has_own else quarantine))


def _left_beside(model_dir: str, name: str) -> str:
    """The text of a file that a stage of trainer/ left beside its model."""
    with fileio.open(f"{serving_model_dir(model_dir)}/{name}") as file:
        return file.read()


def _metrics(
    config: RunConfig,
    run: RunMetadata,
    data: DataReport,
    checks: Checks,
    pretrained: Pretrained,
    evaluations: Mapping[str, tfma.EvalResult],
    rivals: Rivals,
) -> RunMetrics:
    tasks = list(config.dataset.tasks)
    pushed = _pushed(config, run, checks)
    evaluation = run.output(EVALUATOR, "evaluation")
    records = {}
    for split, counts in data.splits.items():
        records[split] = SplitCounts(requests=counts.requests, candidates=counts.candidates)
    seconds = {}
    for node in COMPONENTS:
        of_node = run.seconds(node)
        if of_node is not None:
            seconds[node] = of_node
    with_encoder = evaluations[WITH_ENCODER]
    without = evaluations[WITHOUT_ENCODER]
    return RunMetrics(
        config=finite(config.model_dump(mode="json")),
        git_revision=code_revision(),
        stack={name: installed_version(name) for name in _STACK},
        seed=config.trainer.seed,
        records=records,
        checks=checks,
        started_from=pretrained.started_from,
        pretrain=pretrained.attributes,
        tasks={task: _task(with_encoder, task) for task in tasks},
        baseline_without_encoder={task: _task(without, task) for task in tasks},
        seconds=seconds,
        verdict=pushed.verdict,
        to_beat=_to_beat(evaluation, tasks),
        pushed_version=run.pushed_version(pushed.pusher) if pushed.verdict.blessed else None,
        pushed_baseline=pushed.pusher == BASELINE_PUSHER,
        serving_model=_newest(config.paths.pushed),
        rivals=rivals,
        probabilities=worse_probabilities(_test_scores(config, run)),
    )


class _Pushed(NamedTuple):
    """What became of a run's models, and the Pusher that tells."""

    verdict: Verdict
    pusher: str


def _pushed(config: RunConfig, run: RunMetadata, checks: Checks) -> _Pushed:
    """What became of the ranker, or of the base ranker where that was pushed instead."""

    def of(gate: str, evaluator: str) -> Verdict:
        evaluation = run.output(evaluator, "evaluation")
        blessing = run.output(gate, "blessing")
        found = verdict(blessing, evaluation, config.evaluation, checks.findings)
        if found.blessed and not run.is_blessed(gate):
            return Verdict(blessed=False, reasons=[_TAKEN_BACK])
        return found

    ours = of(GATE, EVALUATOR)
    if ours.blessed or config.evaluation.push == "ranker":
        return _Pushed(ours, PUSHER)
    base = of(BASELINE_GATE, BASELINE_EVALUATOR)
    if base.blessed:
        return _Pushed(base, BASELINE_PUSHER)
    # What refuses both, such as a finding, is said once.
    reasons = list(dict.fromkeys([*ours.reasons, *base.reasons]))
    return _Pushed(Verdict(blessed=False, reasons=reasons), PUSHER)


def _rivals(config: RunConfig, run: RunMetadata, data: DataReport) -> Rivals:
    popularity = {task: rule_auc(data, POPULARITY_RULE, task) for task in config.dataset.tasks}
    counts = read_counts(run.output(COUNTS, "counts")) if config.evaluation.counts_rows else None
    return Rivals(popularity=popularity, counts=counts)


def _newest(pushed: str) -> str | None:
    """The directory of the newest pushed version."""
    if not fileio.exists(pushed):
        return None
    versions: list[str] = []
    for name in fileio.listdir(pushed):
        folder = name.rstrip("/")  # object stores list folders with it
        if version_number(folder) is not None:
            versions.append(folder)
    return f"{pushed}/{max(versions, key=int)}" if versions else None


def _to_beat(uri: str, tasks: list[str]) -> dict[str, float | None] | None:
    """The AUC of the last blessed model by task, on the same candidates.

    None where there was no such model.
    """
    import tensorflow_model_analysis as tfma

    models = [spec.name for spec in tfma.load_eval_result(uri).config.model_specs]
    if "baseline" not in models:
        return None
    overall = dict(tfma.load_eval_result(uri, model_name="baseline").slicing_metrics)[()]
    return {task: figures(overall[task])["auc"] for task in tasks}


def _task(evaluation: tfma.EvalResult, task: str) -> TaskMetrics:
    scores: dict[str, float | None] = {}
    slices: dict[str, dict[str, Slice]] = {}
    for key, metrics in evaluation.slicing_metrics:
        values = figures(metrics[task])
        if not key:
            scores = {metric: values[metric] for metric in METRICS}
            continue
        ((feature, value),) = key
        candidates = values["example_count"] or 0.0
        slices.setdefault(feature, {})[str(value)] = Slice(
            auc=values["auc"],
            candidates=int(candidates),
            positives=round((values["mean_label"] or 0.0) * candidates),
        )
    missing = {HISTORY_LENGTH, POPULARITY} - set(slices)
    if not scores or missing:
        raise RunError(
            f"the evaluation of task {task} lacks {sorted(missing) or 'its overall slice'}."
        )
    return TaskMetrics(scores=scores, slices=slices)


def _calibration(evaluation: tfma.EvalResult, task: str) -> list[Bucket]:
    """The buckets by prediction that have candidates."""
    overall = dict(evaluation.plots)[()]  # the slice of all
    buckets = overall[task][""]["calibrationHistogramBuckets"]["buckets"]
    found = []
    for bucket in buckets:
        count = float(bucket["numWeightedExamples"])
        if count:
            label = float(bucket["totalWeightedLabel"]) / count
            score = float(bucket["totalWeightedRefinedPrediction"]) / count
            found.append(Bucket(score, label, count))
    return found
