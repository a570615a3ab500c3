"""`srp4ctr serve` takes what users of tensorflow_model_server type."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import serving.server
from pipelines.app import app
from pipelines.commands.model_server_flags import IDLE, REFUSED
from pipelines.commands.serve_flags import flag_parameters
from serving.server_options import ServerOptions
from tests.pipelines.conftest import srp4ctr

# Of tensorflow_model_server's main.cc.
FLAGS = re.findall(
    r"\w+",
    """
    port grpc_socket_path rest_api_port rest_api_num_threads rest_api_timeout_in_ms
    rest_api_enable_cors_support enable_batching allow_version_labels_for_unavailable_models
    batching_parameters_file enable_per_model_batching_parameters model_config_file
    model_config_file_poll_wait_seconds model_name model_base_path num_load_threads
    num_unload_threads max_num_load_retries load_retry_interval_micros
    file_system_poll_wait_seconds flush_filesystem_caches tensorflow_session_parallelism
    tensorflow_session_config_file tensorflow_intra_op_parallelism
    tensorflow_inter_op_parallelism use_alts_credentials ssl_config_file platform_config_file
    per_process_gpu_memory_fraction saved_model_tags grpc_channel_arguments grpc_max_threads
    enable_model_warmup num_request_iterations_for_warmup version monitoring_config_file
    remove_unused_fields_from_bundle_metagraph prefer_tflite_model num_tflite_pools
    num_tflite_interpreters_per_pool enable_signature_method_name_check
    xla_cpu_compilation_enabled xla_gpu_compilation_enabled enable_profiler
    thread_pool_factory_config_file mixed_precision skip_initialize_tpu
    enable_grpc_healthcheck_service enable_serialization_as_tensor_content
    """,
)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `srp4ctr serve` with a server that only remembers what it was told."""
    told: list[dict[str, Any]] = []

    def remember(base_path: str, name: str, **options: Any) -> None:
        told.append({"base_path": base_path, "name": name, **options})

    monkeypatch.setattr(serving.server, "serve", remember)

    def serve(*arguments: str) -> Any:
        result = CliRunner().invoke(app, ["serve", *arguments])
        return result, told.pop() if told else {}

    return serve


def test_every_flag_is_known() -> None:
    shown = set(re.findall(r"--(\w+)", srp4ctr("serve", "--help").stdout))
    assert not set(FLAGS) - shown - set(IDLE) - set(REFUSED)
    assert not shown & (set(IDLE) | set(REFUSED))


def test_help_at_80_columns_cuts_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = srp4ctr("serve", "--help").stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "--allow_version_labels_for_unavailable_models" in text and "…" not in text


def test_an_ordinary_command_line(run: Any) -> None:
    result, told = run(
        "--model_name=m", "--model_base_path=/models/m", "--port=8600", "--rest_api_port=0",
        "--file_system_poll_wait_seconds=0",
        "--enable_batching=true",
        "--enable_model_warmup=false",
        "--allow_version_labels_for_unavailable_models=1", "--allow_reload_config=false",
        "--tensorflow_session_parallelism=3",
        "--max_num_load_retries=2",
        "--load_retry_interval_micros=1500000",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert (str(told["base_path"]), told["name"]) == ("/models/m", "m")
    assert (told["grpc_port"], told["rest_port"], told["poll_seconds"]) == (8600, None, 0)
    models = told["options"].models
    runtime = told["options"].runtime
    assert models.labels_for_unavailable and not models.allow_reload
    assert (models.load_retries, models.load_retry_seconds) == (2, 1.5)
    assert (runtime.intra_op_threads, runtime.inter_op_threads, runtime.warm_up) == (3, 3, False)
    assert runtime.batching is not None


@pytest.mark.slow
def test_each_option_is_set_by_its_flag(run: Any) -> None:
    defaults = ServerOptions()
    for parameter in flag_parameters():
        given, value = _other_value(parameter)
        _, told = run("m", f"--{parameter.name}={given}")
        changed = []
        for group, options in told["options"]:
            for name in type(options).model_fields:
                found = getattr(options, name)
                if found != getattr(getattr(defaults, group), name):
                    changed.append(found)
        assert changed == [value], parameter.name


def test_only_batching_has_no_flag() -> None:
    count = 0
    for group in ServerOptions.model_fields:
        count += len(type(getattr(ServerOptions(), group)).model_fields)
    assert len(flag_parameters()) == count - 1


def _other_value(parameter: inspect.Parameter) -> tuple[str, Any]:
    """Something that isn't a flag's default, as it is typed, and as the option has it."""
    default = parameter.default
    if isinstance(default, bool):
        return ("false", False) if default else ("true", True)
    if isinstance(default, (int, float)):
        seconds = parameter.name == "load_retry_interval_micros"
        return str(default + 2), (default + 2) / 1e6 if seconds else default + 2
    if default is None:
        return "/a/file", Path("/a/file")
    return "some=text", "some=text"


def test_grpc_can_be_off(run: Any) -> None:
    assert run("m", "--port=0")[1]["grpc_port"] is None
    assert (
        run("m", "--port=0", "--rest_api_port=0", "--grpc_socket_path=/tmp/x")[1]["grpc_port"]
        is None
    )
    result, _ = run("m", "--port=0", "--rest_api_port=0")
    assert result.exit_code == 2 and "nothing would listen" in _words(result)


@pytest.mark.slow
@pytest.mark.parametrize("flag", sorted(IDLE))
def test_a_flag_without_effect_is_named(run: Any, flag: str) -> None:
    for written in (
        [f"--{flag}=true"],
        [f"--{flag}"] if IDLE[flag].is_bool else [f"--{flag}", "2"],
    ):
        result, told = run(*written, "m")
        assert result.exit_code == 0 and str(told["base_path"]) == "m"
        assert (
            f"--{flag} of tensorflow_model_server has no effect here: {IDLE[flag].reason}"
            in _words(result)
        )


@pytest.mark.parametrize("flag", sorted(REFUSED))
def test_what_this_server_has_not_is_refused_with_a_reason(run: Any, flag: str) -> None:
    result, told = run("m", f"--{flag}=other")
    assert result.exit_code == 2 and not told and REFUSED[flag].reason in _words(result)
    result, told = run("m", f"--{flag}={REFUSED[flag].harmless[0]}")
    assert result.exit_code == 0 and told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("m", "--enable_batching=yes"), "true or false expected. Received: yes"),
        (("m", "--model_base_path=n"), "give it, or MODEL_DIR, not both"),
        (
            ("m", "--tensorflow_session_parallelism=2", "--tensorflow_inter_op_parallelism=2"),
            "Give it, or those.",
        ),
        (
            ("m", "--file_system_poll_wait_seconds=-1"),
            "Invalid value for '--file_system_poll_wait_seconds'",
        ),
        (("m", "--enable_batchin=true"), "No such option: --enable_batchin"),
        ((), "give MODEL_DIR or --model_config_file"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Any, arguments: tuple[str, ...], said: str) -> None:
    result, told = run(*arguments)
    assert result.exit_code == 2 and not told and said in _words(result)


def test_versions_are_shown(run: Any) -> None:
    assert re.search(r"srp4ctr \d.*\ntensorflow \d", run("--version")[0].output)


def _words(result: Any) -> str:
    """The output without the frames and line breaks of errors."""
    return " ".join(re.sub("[│╭╮╰╯─]", " ", result.output).split())
