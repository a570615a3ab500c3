"""The pipeline's checks, run by TFX: two days of a log, and logged requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx.components.evaluator import constants
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import RunOptions
from tfx.types import standard_artifacts

from pipelines.beam import BeamConfig, beam_args
from pipelines.checks.config import Policy
from pipelines.checks.finding import Finding
from pipelines.checks.found import Checks, Compared
from pipelines.components import blessing_gate
from pipelines.components.data_checks import FINDINGS
from pipelines.components.earlier_model import LatestBlessedOfEarlierSpan
from pipelines.components.latest_blessed import LatestBlessedOtherModel
from pipelines.components.previous_statistics import PreviousStatistics
from pipelines.config import RunConfig
from pipelines.errors import explain
from pipelines.metadata import RunMetadata
from pipelines.node_ids import CHECKS
from pipelines.pipeline import create_pipeline
from preprocessing.errors import DataError
from tests.pipelines.checks.test_serving_log import prediction_log
from tests.testing import EVENT_COLUMNS, Row, small_log, small_spec, write_csv, write_small_dataset

pytestmark = pytest.mark.slow


def run_checks(folder: Path, rows: list[Row] | None, **checks: Any) -> dict[str, Any]:
    """Runs the pipeline up to DataChecks on a log, or on the last one again; returns what it
    wrote."""
    if rows is not None:
        write_csv(folder / "events.csv", rows, EVENT_COLUMNS)
    settings = {"data_dir": str(folder), "runs_dir": str(folder / "runs"), "checks": checks}
    config = RunConfig.model_validate({"dataset": small_spec().model_dump()} | settings)
    pipeline = create_pipeline(config, beam_args(BeamConfig()))
    LocalDagRunner().run(pipeline, run_options=RunOptions(to_nodes=[CHECKS]))
    output = RunMetadata(config.paths.metadata, config.dataset.name).output(CHECKS, "findings")
    return json.loads((Path(output) / FINDINGS).read_text())


def test_drift_between_runs_and_skew_to_serving(tmp_path: Path) -> None:
    write_small_dataset(tmp_path)
    monday = small_log()
    assert run_checks(tmp_path, monday) == {
        "compared": {"drift": False, "skew": False},
        "findings": [],
    }

    tuesday: list[Row] = []
    for n, row in enumerate(monday):
        tuesday.append(row | {"device": "phone" if n % 10 else row["device"]})
    with tf.io.TFRecordWriter(str(tmp_path / "requests.tfrecord")) as log:
        for n in range(200):
            log.write(
                prediction_log(
                    "encode_user", user_id=[b"u1"], context_device=[b"watch" if n % 2 else b"phone"]
                )
            )
    serving_log = str(tmp_path / "requests.tfrecord")
    found = run_checks(tmp_path, tuesday, serving_log=serving_log)
    assert found["compared"] == {"drift": True, "skew": True}
    drift = [f for f in found["findings"] if f["check"] == "drift"]
    assert [(f["feature"], f["policy"]) for f in drift] == [("context_device", "warn")]
    assert "“phone” made up" in drift[0]["message"]
    skew = {f["feature"]: f["message"] for f in found["findings"] if f["check"] == "skew"}
    assert "“watch” made up 0.0 % of its values, and now 50.0 %" in skew["context_device"]
    assert skew["user_age"] == "user_age is never sent when serving."

    with pytest.raises(DataError) as failed:
        run_checks(
            tmp_path, None, serving_log=serving_log, drift_policy="fail"
        )  # tuesday against monday again
    message, code = explain(failed.value)
    assert code == 1 and message is not None
    assert "Since the previous run, context_device changed: " in message
    assert message.endswith("set checks.drift_policy to block or warn.")


def artifact(kind: Any, folder: Path, **properties: int) -> Any:
    made = kind()
    folder.mkdir()
    made.uri = str(folder)
    for name, value in properties.items():
        made.set_int_custom_property(name, value)
    return made


@pytest.mark.parametrize(
    ("policy", "evaluated", "refused", "blessed"),
    [
        ("warn", 1, [], 1),
        ("block", 1, [], 0),
        ("warn", 0, [], 0),
        ("warn", 1, ["A rule is better."], 0),
    ],
)
def test_a_model_is_blessed_only_if_its_data_is_and_no_rule_beats_it(
    policy: Policy,
    evaluated: int,
    refused: list[str],
    blessed: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blessing_gate, "_refusals", lambda *_: refused)
    kinds = standard_artifacts
    properties = {"blessed": evaluated, "current_model_id": 7}
    verdict = artifact(kinds.ModelBlessing, tmp_path / "verdict", **properties)
    findings = artifact(kinds.ExampleAnomalies, tmp_path / "findings")
    finding = Finding("schema", policy, "user_age", "It is empty.", "the log")
    checks = Checks(compared=Compared(drift=False, skew=False), findings=[finding])
    (tmp_path / "findings" / FINDINGS).write_text(json.dumps(checks.to_json()))
    final = artifact(kinds.ModelBlessing, tmp_path / "final")
    inputs = {
        "evaluator_blessing": [verdict],
        "evaluation": [artifact(kinds.ModelEvaluation, tmp_path / "evaluation")],
        "findings": [findings],
        "examples": [artifact(kinds.Examples, tmp_path / "examples")],
    }
    settings = {"span": 3, "must_beat": "[]", "if_encoder": ""}
    blessing_gate.Executor().Do(inputs, {"blessing": [final]}, settings)
    assert json.loads((tmp_path / "final" / blessing_gate.REFUSALS).read_text()) == refused
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    assert (tmp_path / "final" / name).is_file()
    assert final.get_int_custom_property("blessed") == blessed

    model = kinds.Model()
    candidate = kinds.Model()
    model.id = 7
    candidate.id = 8
    # Whichever of a run's rankers was blessed, the run repeated doesn't compare it with itself.
    for other in ("ranker", "without_encoder"):
        for candidates in ([candidate], [model]):
            given = {
                "model": [model, candidate],
                "model_blessing": [verdict, final],
                "ranker": [candidate],
                "without_encoder": [candidate],
                "records": [kinds.Examples()],
            } | {other: candidates}
            resolved = LatestBlessedOtherModel().resolve_artifacts(None, given)
            is_found = blessed and candidates == [candidate]
            assert resolved is not None and resolved["model"] == ([model] if is_found else [])
            assert resolved.keys() == given.keys()  # all keys, or TFX fails, and goes on
    for span, records_id, starts in ((4, 9, blessed), (3, 9, False), (4, 6, False)):
        records = kinds.Examples()
        records.id = records_id
        records.set_int_custom_property("span", span)
        given = {"model": [model], "model_blessing": [verdict, final], "records": [records]}
        resolved = LatestBlessedOfEarlierSpan().resolve_artifacts(None, given)
        assert resolved == given | {
            "model": [model] if starts else []
        }  # all keys, or TFX fails, and goes on


def test_an_old_day_run_again_is_compared_with_days_up_to_it() -> None:
    models: list[Any] = []
    given: dict[str, Any] = {"model": models, "model_blessing": []}
    for number, span in enumerate((0, 3, 5, 4), 1):
        model = standard_artifacts.Model()
        model.id = number
        models.append(model)
        blessing = standard_artifacts.ModelBlessing()
        for name, value in (("final", 1), ("blessed", 1), ("current_model_id", number)):
            blessing.set_int_custom_property(name, value)
        blessing.set_int_custom_property("span", span)
        given["model_blessing"].append(blessing)
    for today, found in ((2, []), (3, [models[1]]), (4, [models[3]]), (0, [models[3]])):
        records = standard_artifacts.Examples()
        records.set_int_custom_property("span", today)
        given |= {"records": [records], "ranker": [], "without_encoder": []}
        resolved = LatestBlessedOtherModel().resolve_artifacts(None, given)
        assert resolved is not None and resolved["model"] == found


def test_drift_is_measured_against_an_earlier_day() -> None:
    def statistics(number: int, span: int, splits: str = '["train"]') -> Any:
        artifact = standard_artifacts.ExampleStatistics()
        artifact.id = number
        artifact.span = span
        artifact.split_names = splits
        return artifact

    earlier = [statistics(1, 0), statistics(2, 3), statistics(3, 5), statistics(4, 4)]
    earlier.append(statistics(5, 4, splits='["serving"]'))
    for current, found in (
        (statistics(9, 0), 4),
        (statistics(9, 3), None),
        (statistics(9, 4), 2),
        (statistics(9, 5), 4),
        (statistics(9, 6), 3),
        (statistics(3, 5), 2),
    ):
        given = {"statistics": [*earlier, current], "current": [current]}
        resolved = PreviousStatistics().resolve_artifacts(None, given)
        assert resolved is not None
        assert [one.id for one in resolved["statistics"]] == ([found] if found else [])
