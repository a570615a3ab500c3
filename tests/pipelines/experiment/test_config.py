"""Overrides, tuning settings, and the cells they make."""

from __future__ import annotations

import fcntl
import json
import tempfile
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from pathlib import Path

import pydantic
import pytest
from rich.console import Console

from pipelines.commands.tune.search import tune
from pipelines.config import RunConfig, load_run_config
from pipelines.errors import RunError
from pipelines.experiment import cells
from pipelines.experiment.cells import Cell, pretrain_cell
from pipelines.experiment.config import ExperimentConfig, ModelConfig
from pipelines.experiment.job import StageName
from pipelines.experiment.provenance import provenance
from pipelines.experiment.records import Records, with_history_length, without_counts
from pipelines.experiment.run import run_experiment, train_cells
from pipelines.tuning import TuningConfig, override
from preprocessing.config import ConfigError, load_yaml
from preprocessing.spec import DatasetSpec
from tests.pipelines.conftest import write_run
from tests.pipelines.experiment.testing_experiment import fingerprinted, small_experiment
from tests.testing import small_spec
from trainer.config import TrainerConfig

ROOT = Path(__file__).parent.parent.parent.parent
SPACE = {"ranker.dropout": (0.1, 0.2, 0.3), "finetune.optimizer.learning_rate": (0.01, 0.1)}


def test_overrides_keep_what_they_do_not_name() -> None:
    base = TrainerConfig.model_validate({"encoder": {"layers": 3}, "finetune": {"epochs": 9}})
    changed = override(
        base, {"ranker": {"model": "din"}, "encoder": {"dim": 8}}, {"finetune.patience": 5}, seed=4
    )
    assert (changed.ranker.model, changed.encoder.dim, changed.encoder.layers) == ("din", 8, 3)
    assert (changed.finetune.patience, changed.finetune.epochs, changed.seed) == (5, 9, 4)


def test_a_choice_is_one_of_the_models() -> None:
    models = {"din": {"baseline": True}}
    with pytest.raises(pydantic.ValidationError, match="one of models: din. Received: bst"):
        ExperimentConfig.model_validate({"run": "", "models": models, "choice": {"chosen": "bst"}})


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="ranker.modle"):
        override(TrainerConfig(), {"ranker": {"modle": "din"}}, {}, 1)


def test_a_model_differs_from_what_all_have_and_its_setting_from_both() -> None:
    in_all = {"encoder": {"layers": 3, "without": []}, "ranker": {"dropout": 0.2}}
    models = {
        "din": {
            "baseline": True,
            "trainer": {"ranker": {"model": "din"}, "encoder": {"without": ["gap"]}},
        }
    }
    config = ExperimentConfig.model_validate({"run": "", "trainer": in_all, "models": models})
    run = TrainerConfig.model_validate({"encoder": {"without": ["price"], "dim": 8}})
    trainer = config.trainer_config(run, "din", {"ranker.dropout": 0.4}, seed=5)
    assert (trainer.encoder.dim, trainer.encoder.layers, trainer.encoder.without) == (
        8,
        3,
        ("gap",),
    )
    assert (trainer.ranker.model, trainer.ranker.dropout, trainer.seed) == ("din", 0.4, 5)


def test_settings_that_do_not_fit_the_records_are_refused(tmp_path: Path) -> None:
    models = {"din": {"baseline": True}, "ours": {"trainer": {"ranker": {"set_wise": True}}}}
    experiment = small_experiment(tmp_path, {"models": models}, negatives={"per_request": 2})
    with pytest.raises(ConfigError, match="set_wise"):
        experiment.trainings_left(["din", "ours"])


def test_settings_are_distinct_reproducible_and_of_the_space() -> None:
    tuning = TuningConfig(trials=4, space=SPACE)
    settings = tuning.settings()
    assert (
        settings == tuning.settings() and len({tuple(setting.items()) for setting in settings}) == 4
    )
    assert all(setting[key] in SPACE[key] for setting in settings for key in SPACE)
    assert TuningConfig(trials=4, space=SPACE, seed=1).settings() != settings
    assert TuningConfig().settings() == [{}]


def test_more_trials_than_settings_are_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="the 6 settings of the space. Received: 7"):
        TuningConfig(trials=7, space=SPACE)


def test_a_cell_changes_with_what_its_result_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    base = TrainerConfig(seed=1)
    other = override(base, {"ranker": {"dropout": 0.1}}, {}, 1)
    data = fingerprinted("data")
    plain = Cell("rank", "m", base, None, data)
    pretrained = Cell("rank", "m", base, pretrain_cell(base, data), data)
    keys = {plain.key, pretrained.key, Cell("rank", "m", other, None, data).key}
    keys |= {Cell("rank", "m", base, None, fingerprinted("other data")).key}
    assert Cell("rank", "of another name", base, None, data).key == plain.key
    with monkeypatch.context() as patched:
        patched.setattr(cells, "_code", lambda stage: "other code")
        keys.add(plain.key)
    with monkeypatch.context() as patched:
        patched.setattr(cells, "installed_version", lambda name: "0.1")
        keys.add(plain.key)
    assert len(keys) == 6


@pytest.mark.parametrize("stage", ["pretrain", "rank", "counts"])
def test_a_cell_changes_with_the_data_sets_configuration_but_for_its_place(
    stage: StageName,
) -> None:
    def key(spec: DatasetSpec) -> str:
        return Cell(stage, "m", TrainerConfig(), None, fingerprinted("data", spec)).key

    run = load_run_config(ROOT / "configs/ml_100k.yaml")
    spec = run.dataset
    elsewhere = spec.with_data_dir("/elsewhere").model_copy(update={"name": "other"})
    assert key(elsewhere) == key(spec)
    # Matches by words alone are no features of records: the records are the same.
    features = spec.features.model_copy(update={"match": {}})
    assert key(spec.model_copy(update={"features": features})) != key(spec)


def test_trees_change_with_lightgbm_and_rankers_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def keys() -> list[str]:
        data = fingerprinted("data")
        stages: list[StageName] = ["rank", "counts"]
        return [Cell(stage, "m", TrainerConfig(), None, data).key for stage in stages]

    rank, counts = keys()
    monkeypatch.setattr(cells, "installed", lambda: "0.1")
    assert keys()[0] == rank and keys()[1] != counts


def test_records_on_other_machines_are_refused(tmp_path: Path) -> None:
    run_path = write_run(tmp_path, artifacts_dir="gs://bucket/artifacts")
    path = tmp_path / "compare.yaml"
    path.write_text(f"run: {run_path}\nmodels: {{din: {{baseline: true}}}}\n")
    with pytest.raises(ConfigError, match="Received: artifacts_dir=gs://bucket/artifacts"):
        run_experiment(path)
    content = load_run_config(run_path).model_dump(mode="json", exclude_unset=True)
    space = {"finetune.optimizer.learning_rate": [0.001, 0.002]}
    run_path.write_text(json.dumps(content | {"tuning": {"trials": 2, "space": space}}))
    with pytest.raises(ConfigError, match="Received: artifacts_dir=gs://bucket/artifacts"):
        tune(run_path)
    with pytest.raises(RunError, match="no files"):
        _ = Records(small_spec(), *(["gs://bucket/artifacts"] * 3)).fingerprint


def test_results_name_what_trained_them(tmp_path: Path) -> None:
    experiment = small_experiment(
        tmp_path, {"models": {"din": {"baseline": True}}, "seeds": [1, 2]}
    )
    made = provenance(experiment, Path("compare.yaml"))
    assert (made.commit, made.stack) == ("unknown", "TensorFlow unknown, one thread a training")
    trained = [("a" * 40, {"tensorflow": "2.1"}), ("b" * 40 + "+", {"tensorflow": "2.1"})]
    for seed, (commit, stack) in enumerate(trained, 1):
        folder = experiment.final_cell("din", seed).folder(tmp_path) if seed > 1 else None
        folder = folder or experiment.trials("din")[0].folder(tmp_path)
        folder.mkdir()
        result = {"validation_auc": 0.5, "commit": commit, "stack": stack}
        (folder / "result.json").write_text(json.dumps(result))
    made = provenance(experiment, Path("compare.yaml"))
    assert made.commit == f"{'a' * 12}, {'b' * 12}+"
    assert made.stack == "TensorFlow 2.1, one thread a training"


def test_models_with_one_encoder_share_its_pretraining() -> None:
    base = TrainerConfig(seed=1)
    same = override(base, {"ranker": {"dropout": 0.1}}, {}, 1)
    longer = override(base, {"encoder": {"layers": 3}}, {}, 1)
    half = override(base, {"precision": "bfloat16"}, {}, 1)
    configs = (base, same, longer, half)
    keys = [pretrain_cell(config, fingerprinted("data")).key for config in configs]
    assert keys[0] == keys[1] and len(set(keys)) == 3


def test_records_are_told_apart_by_their_contents(tmp_path: Path) -> None:
    def records(**changes: bytes) -> str:
        contents = {
            "raw/Split-test/a.gz": b"1",
            "new/Split-train/a.gz": b"2",
            "graph/transform_fn/assets/v": b"3",
        }
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        for path, content in (contents | changes).items():
            (folder / path).parent.mkdir(parents=True)
            (folder / path).write_bytes(content)
        return Records(
            small_spec(), *(str(folder / name) for name in ("raw", "new", "graph"))
        ).fingerprint

    changed = [
        records(**{name: b"other"})
        for name in ("raw/Split-test/a.gz", "graph/transform_fn/assets/v")
    ]
    assert records() == records() and len({records(), *changed}) == 3


def test_models_with_histories_of_another_length_train_on_records_of_their_own(
    tmp_path: Path,
) -> None:
    models = {"din": {"baseline": True}, "short": {"history_length": 2, "pretrained": True}}
    experiment = small_experiment(tmp_path, {"models": models})
    din, short = (experiment.trials(name)[0] for name in models)
    assert (din.records, short.records) == (experiment.records[None], experiment.records[2])
    assert (
        short.encoder is not None
        and short.encoder.records is short.records
        and din.key != short.key
    )


def test_other_histories_have_artifacts_of_their_own() -> None:
    run = RunConfig(dataset=small_spec(history={"length": 8}))
    short = with_history_length(run, 2)
    assert short.dataset.history.length == 2 and short.paths.root.name == "small_history_2"
    assert with_history_length(run, None) is run and with_history_length(run, 8) is run


def test_counts_are_left_out_and_nothing_else() -> None:
    run = load_run_config(ROOT / "configs/ml_100k.yaml")
    plain = without_counts(run)
    assert run.dataset.features.match and run.dataset.features.statistics
    assert plain.paths.root.name == "ml_100k_without_counts"
    features = run.dataset.features.model_dump() | {"match": {}, "statistics": {}}
    content = run.dataset.model_dump() | {"name": plain.dataset.name, "features": features}
    assert plain.dataset == DatasetSpec.model_validate(content)
    assert plain.trainer == run.trainer


def test_trees_have_nothing_without_counts() -> None:
    models = {"din": {"baseline": True}, "trees": {"counts": True}}
    with pytest.raises(pydantic.ValidationError, match="nothing for trees to be of.*: trees"):
        ExperimentConfig.model_validate({"run": "", "without_counts": True, "models": models})


def test_the_setting_with_the_best_validation_auc_trains_the_other_seeds(tmp_path: Path) -> None:
    config = {
        "models": {"din": {"baseline": True}, "ours": {"pretrained": True}},
        "seeds": [1, 2],
        "tuning": {"trials": 2, "space": {"ranker.dropout": (0.1, 0.3)}},
    }
    experiment = small_experiment(tmp_path, config)
    waves = experiment.waves(["din", "ours"])
    first = next(waves)
    second = next(waves)
    assert [(cell.stage, cell.name) for cell in first] == [
        ("pretrain", "encoder"),
        ("rank", "din"),
        ("rank", "din"),
    ]
    assert [(cell.stage, cell.name) for cell in second] == [("rank", "ours"), ("rank", "ours")]
    assert experiment.trainings_left(["din", "ours"]) == {"din": 3, "ours": 3}
    for cell in first[1:] + second:
        cell.folder(tmp_path).mkdir(parents=True)
        score = 0.8 if (cell.trainer.ranker.dropout == 0.3) == (cell.name == "din") else 0.7
        (cell.folder(tmp_path) / "result.json").write_text(json.dumps({"validation_auc": score}))
    seed_2 = [cell for wave in waves for cell in wave if cell.stage == "rank"]
    assert {cell.name: cell.trainer.ranker.dropout for cell in seed_2} == {"din": 0.3, "ours": 0.1}
    assert experiment.trainings_left(["din", "ours"]) == {"din": 1, "ours": 1}


def test_trees_are_not_tuned_and_have_nothing_of_a_trainer_but_its_seed(tmp_path: Path) -> None:
    config = {
        "models": {"din": {"baseline": True}, "trees": {"counts": True}},
        "seeds": [1, 2],
        "tuning": {"trials": 2, "space": {"ranker.dropout": (0.1, 0.3)}},
    }
    experiment, wider = (
        small_experiment(tmp_path, config | {"trainer": {"encoder": {"dim": dim}}})
        for dim in (32, 64)
    )
    (cell,) = experiment.trials("trees")
    assert cell.stage == "counts" and cell.key == wider.trials("trees")[0].key
    assert [one.name for one in next(experiment.waves(["din", "trees"]))] == ["din", "din", "trees"]
    for refused in ({"trainer": {"encoder": {"dim": 8}}}, {"pretrained": True}):
        with pytest.raises(pydantic.ValidationError, match="trees, which have no trainer"):
            ModelConfig.model_validate({"counts": True} | refused)


def test_a_cell_that_another_experiment_trains_is_waited_for(tmp_path: Path) -> None:
    experiment = small_experiment(tmp_path, {"models": {"din": {"baseline": True}}, "seeds": [1]})
    folder = experiment.trials("din")[0].folder(tmp_path)
    folder.mkdir(parents=True)
    with ThreadPoolExecutor(1) as pool:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            training = pool.submit(train_cells, experiment, ["din"], 1, Console(quiet=True))
            with pytest.raises(TimeoutError):
                training.result(0.5)
            (folder / "result.json").write_text("{}")
        training.result(10)
    assert not (folder / "job.json").exists()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "configs/experiments").glob("*.yaml")), ids=lambda path: path.stem
)
def test_the_experiments_in_the_repository_are_valid(path: Path) -> None:
    from pipelines.config import load_run_config

    config = load_yaml(path, ExperimentConfig)
    run = load_run_config(ROOT / config.run)
    for name in config.models:
        for setting in config.tuning.settings():
            config.trainer_config(run.trainer, name, setting, 1)
