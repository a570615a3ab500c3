"""`srp4ctr serve`, whose options have the names of tensorflow_model_server's flags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.errors import user_errors
from pipelines.versions import installed_version

if TYPE_CHECKING:
    from serving.server import ServerOptions

ModelDir = Annotated[
    Path | None,
    typer.Argument(
        help="A directory of versions, such as runs/ml_100k/serving_model.", show_default=False
    ),
]
_File = Path | None
_MESSAGE_BYTES = 64 * 1024 * 1024


def _flag(*names: str, text: str, least: float | None = None) -> Any:
    """An option under tensorflow_model_server's name, or one like it."""
    return typer.Option(*(f"--{name}" for name in names), help=text, min=least)


def _show_versions(asked: bool) -> None:
    if asked:
        shown = (
            f"{name} {installed_version(name)}"
            for name in ("srp4ctr", "tensorflow", "tensorflow-serving-api")
        )
        typer.echo("\n".join(shown))
        raise typer.Exit


def serve(
    context: typer.Context,
    model_dir: ModelDir = None,
    name: Annotated[
        str, _flag("model_name", "name", text="The model's name in requests.")
    ] = "srp4ctr",
    model_base_path: Annotated[
        Path | None,
        _flag("model_base_path", text="The same as MODEL_DIR, in tensorflow_model_server's words."),
    ] = None,
    host: Annotated[
        str, _flag("host", text="The address to listen on; 0.0.0.0 for all.")
    ] = "127.0.0.1",
    port: Annotated[int, _flag("port", text="gRPC port; 0 for none.", least=0)] = 8500,
    rest_port: Annotated[
        int, _flag("rest_api_port", "rest-port", text="REST port; 0 for none.", least=0)
    ] = 8501,
    num_versions: Annotated[
        int, _flag("num_versions", text="Latest versions to serve.", least=1)
    ] = 1,
    poll_seconds: Annotated[
        float,
        _flag(
            "file_system_poll_wait_seconds",
            text="Seconds between looks for versions; 0 looks once.",
            least=0,
        ),
    ] = 1.0,
    model_config_file: Annotated[
        _File, _flag("model_config_file", text="ModelServerConfig text proto.")
    ] = None,
    model_config_file_poll_wait_seconds: Annotated[
        float, _flag("model_config_file_poll_wait_seconds", text="0 reads it once.", least=0)
    ] = 0.0,
    settle_seconds: Annotated[
        float,
        _flag(
            "settle_seconds",
            text="Files of a version without a manifest stay the same so long.",
            least=0,
        ),
    ] = 5.0,
    allow_version_labels_for_unavailable_models: Annotated[
        bool,
        _flag(
            "allow_version_labels_for_unavailable_models", text="New labels may name any version."
        ),
    ] = False,
    allow_reload_config: Annotated[
        bool,
        _flag(
            "allow_reload_config", text="Let any client change what is served, by reload requests."
        ),
    ] = False,
    max_num_load_retries: Annotated[
        int,
        _flag("max_num_load_retries", text="How often a load that failed is tried again.", least=0),
    ] = 0,
    load_retry_interval_micros: Annotated[
        int, _flag("load_retry_interval_micros", text="Microseconds between these tries.", least=0)
    ] = 60_000_000,
    enable_model_warmup: Annotated[
        bool,
        _flag(
            "enable_model_warmup/--no-enable_model_warmup",
            text="Replay a version's warm-up requests.",
        ),
    ] = True,
    enable_batching: Annotated[
        bool, _flag("enable_batching", text="Batch requests of equal shapes.")
    ] = False,
    batching_parameters_file: Annotated[
        _File, _flag("batching_parameters_file", text="BatchingParameters text proto.")
    ] = None,
    tensorflow_intra_op_parallelism: Annotated[
        int, _flag("tensorflow_intra_op_parallelism", text="Threads within an operation.", least=0)
    ] = 0,
    tensorflow_inter_op_parallelism: Annotated[
        int, _flag("tensorflow_inter_op_parallelism", text="Operations that run at once.", least=0)
    ] = 0,
    tensorflow_session_parallelism: Annotated[
        int, _flag("tensorflow_session_parallelism", text="Both of them.", least=0)
    ] = 0,
    grpc_socket_path: Annotated[
        _File, _flag("grpc_socket_path", text="A Unix-domain socket, too.")
    ] = None,
    grpc_channel_arguments: Annotated[
        str, _flag("grpc_channel_arguments", text="As grpc.max_connection_age_ms=2000,...")
    ] = "",
    grpc_max_threads: Annotated[
        int, _flag("grpc_max_threads", text="Requests answered at once.", least=1)
    ] = 16,
    grpc_reflection: Annotated[
        bool,
        _flag(
            "grpc_reflection",
            text="Tell clients of services and messages, for grpcurl and the like.",
        ),
    ] = False,
    max_waiting_requests: Annotated[
        int,
        _flag(
            "max_waiting_requests",
            text="Requests that wait for a thread; more are refused.",
            least=0,
        ),
    ] = 256,
    rest_api_num_threads: Annotated[
        int,
        _flag(
            "rest_api_num_threads",
            text="REST requests answered at once; 0: by gRPC's threads.",
            least=0,
        ),
    ] = 0,
    rest_api_timeout_in_ms: Annotated[
        int,
        _flag(
            "rest_api_timeout_in_ms", text="For a REST request's body, and for its answer.", least=1
        ),
    ] = 30_000,
    rest_max_connections: Annotated[
        int,
        _flag("rest_max_connections", text="REST connections at once; more are closed.", least=1),
    ] = 256,
    ssl_config_file: Annotated[
        _File, _flag("ssl_config_file", text="SSLConfig text proto, for gRPC.")
    ] = None,
    monitoring_config_file: Annotated[
        _File, _flag("monitoring_config_file", text="MonitoringConfig text proto, for Prometheus.")
    ] = None,
    max_message_bytes: Annotated[
        int, _flag("max_message_bytes", text="Bytes of a request.", least=1)
    ] = _MESSAGE_BYTES,
    max_rest_bytes: Annotated[
        int, _flag("max_rest_bytes", text="Bytes of a REST request, also after unzipping.", least=1)
    ] = 16 * 1024 * 1024,
    max_bytes_held: Annotated[
        int,
        _flag(
            "max_bytes_held",
            text="Bytes of all requests that are received, wait or are answered.",
            least=1,
        ),
    ] = 256 * 1024 * 1024,
    max_rows: Annotated[int, _flag("max_rows", text="Rows of a request.", least=1)] = 4096,
    max_candidates: Annotated[
        int, _flag("max_candidates", text="Candidates of a request, over its rows.", least=1)
    ] = 20_000,
    max_history: Annotated[
        int, _flag("max_history", text="History positions of a request, over its rows.", least=1)
    ] = 1_000_000,
    max_values: Annotated[
        int, _flag("max_values", text="Values and fields of a request.", least=1)
    ] = 1_000_000,
    max_values_at_once: Annotated[
        int, _flag("max_values_at_once", text="Values of all requests that are answered.", least=1)
    ] = 4_000_000,
    max_cells_at_once: Annotated[
        int,
        _flag(
            "max_cells_at_once",
            text="Candidates x history positions of all that models compute.",
            least=1,
        ),
    ] = 4_000_000,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show versions and exit.", callback=_show_versions, is_eager=True
        ),
    ] = False,
) -> None:
    """Serve the newest versions in MODEL_DIR, or the models of a config file, as TF Serving does.

    Options have tensorflow_model_server's names, and take values as there: --flag=value,
    --flag=true. Those of its flags that mean nothing here are named and ignored.
    """
    _check(context.params)
    with user_errors():
        from serving.server import serve as serve_models

        options = _options(context.params)
        base_path = model_dir or model_base_path or ""
        serve_models(
            base_path,
            name,
            port or None,
            rest_port or None,
            num_versions,
            poll_seconds,
            host,
            options,
        )


def _check(given: dict[str, Any]) -> None:
    """Refuses options that need others, or contradict them."""
    if given["model_dir"] is not None and given["model_base_path"] is not None:
        raise typer.BadParameter("give it, or MODEL_DIR, not both.", param_hint="--model_base_path")
    if (
        given["model_dir"] is None
        and given["model_base_path"] is None
        and given["model_config_file"] is None
    ):
        raise typer.BadParameter("give MODEL_DIR or --model_config_file.", param_hint="MODEL_DIR")
    if not (given["port"] or given["rest_port"] or given["grpc_socket_path"]):
        raise typer.BadParameter(
            "with --rest_api_port=0 and no --grpc_socket_path, nothing would listen.",
            param_hint="--port",
        )
    if given["batching_parameters_file"] is not None and not given["enable_batching"]:
        raise typer.BadParameter(
            "it needs --enable_batching.", param_hint="--batching_parameters_file"
        )
    separate = given["tensorflow_intra_op_parallelism"] or given["tensorflow_inter_op_parallelism"]
    if given["tensorflow_session_parallelism"] and separate:
        raise typer.BadParameter(
            "it sets --tensorflow_intra_op_parallelism and --tensorflow_inter_op_parallelism. Give it, or those.",
            param_hint="--tensorflow_session_parallelism",
        )


def _options(given: dict[str, Any]) -> ServerOptions:
    """The command's parameters, by name, as the server's options."""
    from serving.server.config.batching import BatchingParameters, read_batching_parameters
    from serving.server.options import (
        ModelOptions,
        NetworkOptions,
        RequestLimits,
        RuntimeOptions,
        ServerOptions,
    )

    both = given["tensorflow_session_parallelism"]
    batching = None
    if given["enable_batching"]:
        file = given["batching_parameters_file"]
        batching = BatchingParameters() if file is None else read_batching_parameters(file)
    return ServerOptions(
        models=ModelOptions(
            config_file=given["model_config_file"],
            config_poll_seconds=given["model_config_file_poll_wait_seconds"],
            settle_seconds=given["settle_seconds"],
            labels_for_unavailable=given["allow_version_labels_for_unavailable_models"],
            allow_reload=given["allow_reload_config"],
            load_retries=given["max_num_load_retries"],
            load_retry_seconds=given["load_retry_interval_micros"] / 1e6,
        ),
        runtime=RuntimeOptions(
            intra_op_threads=given["tensorflow_intra_op_parallelism"] or both,
            inter_op_threads=given["tensorflow_inter_op_parallelism"] or both,
            batching=batching,
            warm_up=given["enable_model_warmup"],
        ),
        network=NetworkOptions(**{name: given[name] for name in NetworkOptions.model_fields}),
        limits=RequestLimits(**{name: given[name] for name in RequestLimits.model_fields}),
    )
