"""Beam's options for every runner, held against Beam's own parser."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
from apache_beam.options import pipeline_options as options
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.runner import create_runner
from apache_beam.transforms.environments import (
    DockerEnvironment,
    Environment,
    ExternalEnvironment,
)
from rich.console import Console

from pipelines.beam import RUNNERS, BeamConfig, beam_args, beam_config
from pipelines.config import load_run_config
from pipelines.errors import explain
from pipelines.runners.local import run_locally
from preprocessing.config import ConfigError
from preprocessing.endpoints import EndpointError
from tests.pipelines.conftest import srp4ctr, write_run

DATAFLOW = ("--project=p", "--region=europe-west1", "--temp_location=gs://b/tmp")
EXTRA: dict[str, tuple[str, ...]] = {
    "portable": ("--job_endpoint=jobs:8099", "--parallelism=4"),
    "flink": ("--flink_master=jobs:8081", "--parallelism=4"),
    "spark": ("--spark_master_url=spark://jobs:7077",),
    "dataflow": DATAFLOW,
}


def parsed(runner: str, *extra: str, image: str | None = None) -> options.PipelineOptions:
    return options.PipelineOptions(beam_args(BeamConfig(runner=runner, image=image, options=extra)))


@pytest.mark.parametrize("runner", [name for name in RUNNERS if name != "dataflow"])
def test_beam_accepts_the_options_and_knows_the_runner(runner: str) -> None:
    args = parsed(runner, *EXTRA.get(runner, ()), image="registry/worker")
    name = args.view_as(options.StandardOptions).runner
    assert PipelineOptionsValidator(args, create_runner(name)).validate() == []


def test_dataflow_is_known_to_beam() -> None:
    """Without the validator above, which asks Google for credentials."""
    args = parsed("dataflow", *DATAFLOW)
    assert (
        type(create_runner(args.view_as(options.StandardOptions).runner)).__name__
        == "DataflowRunner"
    )


def test_a_dead_job_server_ends_a_run_before_it_begins(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    config = load_run_config(write_run(tmp_path))
    beam = BeamConfig(
        runner="portable", options=(f"--job_endpoint={address}", "--environment_type=LOOPBACK")
    )
    with pytest.raises(EndpointError, match=rf"^{address} \(Beam's --job_endpoint\)") as raised:
        run_locally(config.model_copy(update={"beam": beam}), Console())
    assert explain(raised.value) == (str(raised.value), 1)
    assert not config.paths.log.exists()


@pytest.mark.parametrize("runner", ["direct", "multiprocess"])
def test_jobs_on_this_machine_download_nothing(runner: str) -> None:
    """Beam's DirectRunner, by contrast, first tries to get a server from GitHub."""
    name = parsed(runner).view_as(options.StandardOptions).runner
    assert type(create_runner(name)).__name__ == "FnApiRunner"


def test_multiprocess_uses_every_core() -> None:
    direct = parsed("multiprocess").view_as(options.DirectOptions)
    assert (direct.direct_running_mode, direct.direct_num_workers) == ("multi_processing", 0)


def test_own_options_win_and_arrive() -> None:
    assert (
        parsed("multiprocess", "--direct_num_workers=3")
        .view_as(options.DirectOptions)
        .direct_num_workers
        == 3
    )
    flink = parsed("flink", *EXTRA["flink"], image="registry/worker")
    assert flink.view_as(options.FlinkRunnerOptions).flink_master == "jobs:8081"
    assert flink.view_as(options.WorkerOptions).sdk_container_image == "registry/worker"
    assert (
        parsed("dataflow", *DATAFLOW).view_as(options.GoogleCloudOptions).region == "europe-west1"
    )


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["portable", "flink", "spark"])
def test_job_servers_are_told_to_start_the_image(runner: str) -> None:
    args = parsed(runner, *EXTRA[runner], image="registry/worker")
    environment = Environment.from_options(args.view_as(options.PortableOptions))
    assert isinstance(environment, DockerEnvironment)
    assert environment.container_image == "registry/worker"


def test_an_environment_of_ones_own_wins_over_the_image() -> None:
    own = ("--environment_type=EXTERNAL", "--environment_config=pool:50000")
    args = parsed("portable", *EXTRA["portable"], *own, image="registry/worker")
    environment = Environment.from_options(args.view_as(options.PortableOptions))
    assert isinstance(environment, ExternalEnvironment)
    assert environment.url == "pool:50000"


@pytest.mark.parametrize(
    ("runner", "extra", "message"),
    [
        (
            "direct",
            ["--direct_num_wokers=2"],
            "no option --direct_num_wokers. Did you mean '--direct_num_workers'?",
        ),
        ("direct", ["parallelism"], "start with --"),
        ("direct", ["--direct_num_workers=many"], "invalid int value: 'many'"),
        ("portable", ["--parallelism=4"], "Beam runner portable needs --job_endpoint=..."),
        ("dataflow", ["--project=p"], "needs --region=... --temp_location=..."),
    ],
)
def test_wrong_options_are_refused(runner: str, extra: Sequence[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace(".", r"\.").replace("?", r"\?")):
        parsed(runner, *extra)


def test_options_that_only_a_job_server_knows_pass() -> None:
    assert "--flink_conf_dir=/etc/flink" in beam_args(
        BeamConfig(runner="flink", options=("--flink_conf_dir=/etc/flink",))
    )


@pytest.mark.parametrize(
    ("beam", "needed"),
    [
        (BeamConfig(), False),
        (BeamConfig(runner="multiprocess"), False),
        (BeamConfig(runner="prism"), False),
        (BeamConfig(runner="portable"), True),
        (BeamConfig(runner="portable", options=("--environment_type=EXTERNAL",)), False),
        (BeamConfig(runner="flink"), True),
        (BeamConfig(runner="flink", image="registry/worker"), False),
        (BeamConfig(runner="flink", options=("--environment_type=LOOPBACK",)), False),
        (BeamConfig(runner="dataflow", options=("--setup_file=./setup.py",)), False),
    ],
)
def test_a_package_is_staged_only_where_workers_have_none(beam: BeamConfig, needed: bool) -> None:
    assert beam.needs_package is needed


def test_the_command_line_replaces_the_configuration() -> None:
    assert beam_config(None, None, ()) is None
    assert beam_config("spark", "image", ["--parallelism=2"]) == BeamConfig(
        runner="spark", image="image", options=("--parallelism=2",)
    )
    with pytest.raises(ConfigError, match=r"Received: flnk\. Did you mean 'flink'\?"):
        beam_config("flnk", None, ())


def test_the_configuration_names_a_runner(tmp_path: Path) -> None:
    path = write_run(
        tmp_path, beam={"runner": "flink", "image": "i", "options": ["--flink_master=m:1"]}
    )
    assert beam_args(load_run_config(path).beam)[-4:] == [
        "--sdk_container_image=i",
        "--environment_type=DOCKER",
        "--environment_config=i",
        "--flink_master=m:1",
    ]


def test_dataflow_refuses_local_files_at_once(tmp_path: Path) -> None:
    done = srp4ctr("run", write_run(tmp_path), "--beam", "dataflow", "--", *DATAFLOW)
    assert done.returncode == 2
    assert "artifacts_dir" in done.stderr and "gs://" in done.stderr
