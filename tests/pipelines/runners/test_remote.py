"""The pipeline compiled for Kubeflow and Vertex: KFP's schema, what runs where, and that the image
can run it."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from google.protobuf import json_format, text_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.extensions.google_cloud_ai_platform.trainer.executor import (
    ENABLE_VERTEX_KEY,
    TRAINING_ARGS_KEY,
    VERTEX_REGION_KEY,
)

from pipelines.beam import BeamConfig
from pipelines.config import RunConfig
from pipelines.runners import submit
from pipelines.runners.remote import RemoteConfig, compile_pipeline, write_job
from preprocessing.config import ConfigError
from preprocessing.schema import build_schema, evaluated_schema
from tests.pipelines.conftest import srp4ctr
from tests.testing import small_spec

pytestmark = pytest.mark.slow

IMAGE = "registry/srp4ctr:1"
COMPONENTS = {
    "BehaviorLogExampleGen": [],
    "StatisticsGen": ["BehaviorLogExampleGen"],
    "CuratedSchemaGen": [],
    "ExampleValidator": ["CuratedSchemaGen", "StatisticsGen"],
    "DataChecks": ["ExampleValidator", "StatisticsGen"],
    "Transform": ["BehaviorLogExampleGen", "CuratedSchemaGen", "DataChecks"],
    "Trainer.pretrain": ["CuratedSchemaGen", "Transform"],
    "Trainer.ranker": ["CuratedSchemaGen", "Trainer.pretrain", "Transform"],
    "Trainer.baseline": ["CuratedSchemaGen", "Transform"],
    "Evaluator": ["BehaviorLogExampleGen", "CuratedSchemaGen", "Trainer.ranker"],
    "Evaluator.baseline": ["BehaviorLogExampleGen", "CuratedSchemaGen", "Trainer.baseline"],
    "Counts": ["BehaviorLogExampleGen", "Trainer.baseline", "Trainer.ranker", "Transform"],
    "BlessingGate": ["BehaviorLogExampleGen", "Counts", "DataChecks", "Evaluator"],
    "Pusher": ["BlessingGate", "Trainer.ranker"],
}
VERTEX = {"project": "p", "region": "europe-west1"}
GPU = {"accelerator": "NVIDIA_TESLA_T4", "accelerators": 2}


def config(**changes: Any) -> RunConfig:
    remote = {"data_dir": "gs://bucket/data", "artifacts_dir": "gs://bucket/runs/"}
    return RunConfig.model_validate({"dataset": small_spec().model_dump()} | remote | changes)


@pytest.fixture(scope="module")
def kubeflow() -> dict[str, Any]:
    return compile_pipeline(
        config(),
        "kubeflow",
        RemoteConfig(image=IMAGE, accelerator="nvidia.com/gpu", accelerators=1),
    )


@pytest.fixture(scope="module")
def vertex() -> dict[str, Any]:
    dataflow = ("--project=p", "--region=europe-west1", "--temp_location=gs://bucket/tmp")
    beam = BeamConfig(runner="dataflow", image="registry/worker:1", options=dataflow)
    remote = RemoteConfig(image=IMAGE, retries=3, retry_seconds=30, **VERTEX, **GPU)
    return compile_pipeline(config(beam=beam.model_dump()), "vertex", remote)


def containers(job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]
    found: dict[str, dict[str, Any]] = {}
    for name, executor in executors.items():
        if "container" in executor:
            found[name.removesuffix("_executor")] = executor["container"]
    return found


def constant(job: dict[str, Any], task: str, name: str) -> str:
    inputs = job["pipelineSpec"]["root"]["dag"]["tasks"][task]["inputs"]["parameters"]
    return inputs[name]["runtimeValue"]["constant"]


@pytest.mark.parametrize("runner", ["kubeflow", "vertex"])
def test_spec_follows_kfps_schema(runner: str, request: pytest.FixtureRequest) -> None:
    spec = request.getfixturevalue(runner)["pipelineSpec"]
    parsed = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    assert (parsed.schema_version, parsed.pipeline_info.name) == ("2.1.0", "small")
    deployment = pipeline_spec_pb2.PipelineDeploymentConfig()
    json_format.ParseDict(spec["deploymentSpec"], deployment)
    labels = {component["executorLabel"] for component in spec["components"].values()}
    assert labels == set(deployment.executors)


def test_kubeflow_tasks_and_what_they_wait_for(kubeflow: dict[str, Any]) -> None:
    tasks = kubeflow["pipelineSpec"]["root"]["dag"]["tasks"]
    waits_for = {name: sorted(task.get("dependentTasks", [])) for name, task in tasks.items()}
    assert waits_for == COMPONENTS


def test_vertex_resolves_what_earlier_runs_left(vertex: dict[str, Any]) -> None:
    tasks = vertex["pipelineSpec"]["root"]["dag"]["tasks"]
    resolvers = set(tasks) - set(COMPONENTS)
    assert resolvers == {
        "Resolver.previous_statistics",
        "Resolver.latest_blessed-model-blessing-resolver",
        "Resolver.latest_blessed-model-resolver",
    }
    assert "Resolver.previous_statistics" in tasks["DataChecks"]["dependentTasks"]
    assert (
        "dependentTasks" not in tasks["Resolver.previous_statistics"]
    )  # or it would find this run's own
    assert "Resolver.latest_blessed-model-resolver" in tasks["Evaluator"]["dependentTasks"]


def test_every_task_retries_and_may_be_cached(vertex: dict[str, Any]) -> None:
    for task in vertex["pipelineSpec"]["root"]["dag"]["tasks"].values():
        assert task["retryPolicy"] == {
            "maxRetryCount": 3,
            "backoffDuration": "30s",
            "backoffFactor": 2.0,
        }
    tasks = vertex["pipelineSpec"]["root"]["dag"]["tasks"]
    assert all(tasks[name]["cachingOptions"]["enableCache"] for name in COMPONENTS)


def test_components_see_a_change_of_the_code_that_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines import pipeline
    from pipelines.components import evaluation

    for module in (pipeline, evaluation):
        monkeypatch.setattr(module, "code_fingerprint", lambda *parts: f"code of {parts[-1]}")
    job = compile_pipeline(config(), "kubeflow", RemoteConfig(image=IMAGE))
    for task, name, part in (
        ("BehaviorLogExampleGen", "custom_config", "components/behavior_log_example_gen.py"),
        ("CuratedSchemaGen", "code", "components/curated_schema_gen.py"),
        ("DataChecks", "code", "components/data_checks.py"),
        ("Transform", "custom_config", "preprocessing"),
        ("Trainer.ranker", "custom_config", "trainer"),
        ("Counts", "code", "components/counts.py"),
        ("Evaluator", "eval_config", "components/evaluation.py"),
        ("Evaluator.baseline", "eval_config", "components/evaluation.py"),
        ("BlessingGate", "code", "components/blessing_gate.py"),
    ):
        assert f"code of {part}" in constant(job, task, name).replace("pipelines/", "")


def test_gpus_go_to_the_trainers_alone(kubeflow: dict[str, Any], vertex: dict[str, Any]) -> None:
    with_gpu: set[str] = set()
    for name, container in containers(kubeflow).items():
        if container.get("resources", {}).get("accelerator"):
            with_gpu.add(name)
    assert with_gpu == {"Trainer.pretrain", "Trainer.ranker", "Trainer.baseline"}
    for name in with_gpu:
        custom = json.loads(constant(vertex, name, "custom_config"))
        assert (custom[ENABLE_VERTEX_KEY], custom[VERTEX_REGION_KEY]) == (True, "europe-west1")
        (pool,) = custom[TRAINING_ARGS_KEY]["worker_pool_specs"]
        machine = {
            "machine_type": "n1-standard-8",
            "accelerator_type": "NVIDIA_TESLA_T4",
            "accelerator_count": 2,
        }
        assert pool["machine_spec"] == machine
        assert pool["container_spec"]["image_uri"] == IMAGE


def test_remote_roots_stay_urls(vertex: dict[str, Any]) -> None:
    assert vertex["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/runs/small/artifacts"
    assert "gs://bucket/runs/small/serving_model" in constant(vertex, "Pusher", "push_destination")
    assert constant(vertex, "BehaviorLogExampleGen", "input_base") == "gs://"
    assert '"bucket/data/events.csv"' in constant(vertex, "BehaviorLogExampleGen", "input_config")
    assert "gs:/bucket" not in json.dumps(vertex)


def test_beam_tasks_get_their_runner(vertex: dict[str, Any]) -> None:
    arguments = containers(vertex)["Transform"]["args"]
    assert {"--runner=DataflowRunner", "--sdk_container_image=registry/worker:1"} <= set(arguments)


def test_checks_can_be_given_when_a_run_starts(kubeflow: dict[str, Any]) -> None:
    root = kubeflow["pipelineSpec"]["root"]
    assert (
        json.loads(root["inputDefinitions"]["parameters"]["checks"]["defaultValue"])
        == config().checks.model_dump()
    )
    given = root["dag"]["tasks"]["DataChecks"]["inputs"]["parameters"]["checks"]
    assert given == {"componentInputParameter": "checks"}


def test_everything_that_the_image_must_have_imports(vertex: dict[str, Any]) -> None:
    paths: list[str] = []
    for container in containers(vertex).values():
        arguments = container["args"]
        paths.append(arguments[arguments.index("--executor_class_path") + 1])
    for name in ("pretrain", "ranker", "baseline"):
        paths.append(constant(vertex, f"Trainer.{name}", "run_fn"))
    paths += [constant(vertex, "Transform", "preprocessing_fn")]
    paths += [f"{constant(vertex, 'Evaluator', 'module_path')}.custom_extractors"]
    for path in paths:
        module, _, name = path.rpartition(".")
        assert callable(getattr(importlib.import_module(module), name)), path


def test_a_compiled_task_runs_as_its_container_would(
    kubeflow: dict[str, Any], tmp_path: Path
) -> None:
    """The container's own command, with what Kubeflow would put in place of {{$}}."""
    container = containers(kubeflow)["CuratedSchemaGen"]
    assert container["image"] == IMAGE
    parameters = kubeflow["pipelineSpec"]["root"]["dag"]["tasks"]["CuratedSchemaGen"]["inputs"][
        "parameters"
    ]
    artifacts = {}
    for name in ("schema", "evaluated"):
        artifact = {
            "name": f"{name}/1",
            "uri": str(tmp_path / name),
            "type": {"schemaTitle": "tfx.Schema"},
        }
        artifacts[name] = {"artifacts": [artifact]}
    constants: dict[str, Any] = {}
    for name, value in parameters.items():
        constants[name] = value["runtimeValue"]["constant"]
    given = {
        "inputs": {"parameterValues": constants},
        "outputs": {
            "artifacts": artifacts,
            "outputFile": str(tmp_path / "executor_output.json"),
        },
    }
    _python, _m, name, *options = container["command"]
    arguments = [json.dumps(given) if a == "{{$}}" else a for a in container["args"]]
    program = importlib.import_module(name)  # a process would take seconds to import TFX
    program.main(program._parse_flags([name, *options, *arguments]))
    expected = {
        "schema": build_schema(small_spec()),
        "evaluated": evaluated_schema(small_spec()),
    }
    for name, schema in expected.items():
        text = (tmp_path / name / "schema.pbtxt").read_text()
        assert text_format.Parse(text, schema_pb2.Schema()) == schema
    said = json.loads((tmp_path / "executor_output.json").read_text())["artifacts"]
    assert set(said) == set(expected)


@pytest.mark.parametrize(
    ("changes", "runner", "remote", "message"),
    [
        ({"artifacts_dir": None}, "kubeflow", {}, "reaches no files of this machine"),
        ({"artifacts_dir": "s3://b/runs"}, "kubeflow", {}, "knows no s3://: put them on gs://"),
        ({"data_dir": "data"}, "kubeflow", {}, "data_dir"),
        ({}, "vertex", {"region": "r"}, "Vertex needs --project"),
        ({}, "airflow", {}, "one of kubeflow, vertex. Received: airflow"),
        ({"beam": {"runner": "flink"}}, "kubeflow", {}, "needs a worker image"),
        ({"span": 3, "warm_start": True}, "kubeflow", {}, "warm_start is for runs on one machine"),
    ],
)
def test_what_a_cluster_cannot_run_is_refused(
    changes: Any, runner: str, remote: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        compile_pipeline(config(**changes), runner, RemoteConfig(image=IMAGE, **remote))


def test_files_are_what_each_cluster_takes(kubeflow: dict[str, Any], tmp_path: Path) -> None:
    write_job(kubeflow, tmp_path / "out" / "pipeline.yaml")
    write_job(kubeflow, tmp_path / "pipeline.json")
    assert (
        yaml.safe_load((tmp_path / "out" / "pipeline.yaml").read_text()) == kubeflow["pipelineSpec"]
    )
    assert json.loads((tmp_path / "pipeline.json").read_text()) == kubeflow
    with pytest.raises(ConfigError, match="must end with"):
        write_job(kubeflow, tmp_path / "pipeline")


def test_vertex_submission_and_schedule(vertex: dict[str, Any], tmp_path: Path) -> None:
    """Vertex's client loads the compiled file; only the calls that would leave this machine are
    replaced."""
    from google.auth import credentials
    from google.cloud import aiplatform

    path = tmp_path / "small.json"
    write_job(vertex, path)
    anonymous = credentials.AnonymousCredentials()
    aiplatform.init(project="p", location="europe-west1", credentials=anonymous)
    with (
        mock.patch.object(aiplatform.PipelineJob, "submit", autospec=True) as submitted,
        mock.patch.object(aiplatform.PipelineJob, "resource_name", "jobs/1"),
    ):
        name = submit.submit_to_vertex(
            path, **VERTEX, parameters={"checks": "{}"}, service_account="me@p"
        )
    (job,) = submitted.call_args.args
    assert name == "jobs/1" and submitted.call_args.kwargs == {"service_account": "me@p"}
    assert dict(job._gca_resource.runtime_config.parameter_values) == {"checks": "{}"}
    with (
        mock.patch.object(aiplatform.PipelineJobSchedule, "create", autospec=True) as created,
        mock.patch.object(aiplatform.PipelineJobSchedule, "resource_name", "schedules/1"),
    ):
        assert (
            submit.submit_to_vertex(path, **VERTEX, parameters={}, cron="0 3 * * *")
            == "schedules/1"
        )
    assert created.call_args.kwargs["cron"] == "0 3 * * *"


def test_kubeflow_submission_and_schedule(tmp_path: Path) -> None:
    import kfp

    client = mock.create_autospec(kfp.Client, instance=True)
    client.create_run_from_pipeline_package.return_value.run_id = "run-1"
    client.create_recurring_run.return_value.recurring_run_id = "every-night"
    with mock.patch.object(kfp, "Client", return_value=client):
        given: dict[str, Any] = {
            "host": "http://kfp:8080",
            "root": "gs://bucket/runs",
            "parameters": {"checks": "{}"},
        }
        assert submit.submit_to_kubeflow(tmp_path / "small.yaml", **given) == "run-1"
        assert (
            submit.submit_to_kubeflow(tmp_path / "small.yaml", **given, cron="0 0 3 * * *")
            == "every-night"
        )
    assert client.create_recurring_run.call_args.kwargs["cron_expression"] == "0 0 3 * * *"
    assert (
        client.create_run_from_pipeline_package.call_args.kwargs["pipeline_root"]
        == "gs://bucket/runs"
    )


def test_commands_say_what_they_need(tmp_path: Path) -> None:
    assert (
        "vertex needs --project and --region"
        in srp4ctr("submit", tmp_path / "p.json", "--runner", "vertex").stderr
    )
    done = srp4ctr(
        "compile",
        tmp_path / "x.yaml",
        "--runner",
        "kubeflow",
        "--image",
        IMAGE,
        "--output",
        "p.yaml",
    )
    assert (done.returncode, done.stderr) == (2, f"Error: {tmp_path}/x.yaml: no such file.\n")
    with pytest.raises(ConfigError, match="name=value. Received: checks"):
        submit.parse_parameters(["checks"])
