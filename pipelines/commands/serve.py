"""`srp4ctr serve`, whose options have the names of tensorflow_model_server's flags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.errors import user_errors

if TYPE_CHECKING:
    from serving.server import ServerOptions

ModelDir = Annotated[
    Path | None, typer.Argument(help="A directory of versions, such as runs/ml_100k/serving_model.", show_default=False)
]
_File = Path | None


def serve(
    context: typer.Context,
    model_dir: ModelDir = None,
    name: Annotated[str, typer.Option("--model_name", "--name", help="The model's name in requests.")] = "srp4ctr",
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="gRPC port; 0 picks a free one.")] = 8500,
    rest_port: Annotated[
        int, typer.Option("--rest_api_port", "--rest-port", help="REST port; 0 picks a free one, -1 serves no REST.")
    ] = 8501,
    num_versions: Annotated[int, typer.Option("--num_versions", min=1, help="Latest versions to serve.")] = 1,
    poll_seconds: Annotated[
        float, typer.Option("--file_system_poll_wait_seconds", help="Seconds between looks for versions.")
    ] = 1.0,
    model_config_file: Annotated[
        _File, typer.Option("--model_config_file", help="ModelServerConfig text proto.")
    ] = None,
    model_config_file_poll_wait_seconds: Annotated[
        float, typer.Option("--model_config_file_poll_wait_seconds", min=0, help="0 reads it once.")
    ] = 0.0,
    allow_version_labels_for_unavailable_models: Annotated[
        bool, typer.Option("--allow_version_labels_for_unavailable_models", help="New labels may name any version.")
    ] = False,
    allow_reload_config: Annotated[
        bool, typer.Option("--allow_reload_config", help="Let any client change what is served, by reload requests.")
    ] = False,
    enable_batching: Annotated[bool, typer.Option("--enable_batching", help="Batch requests.")] = False,
    batching_parameters_file: Annotated[
        _File, typer.Option("--batching_parameters_file", help="BatchingParameters text proto.")
    ] = None,
    tensorflow_intra_op_parallelism: Annotated[
        int, typer.Option("--tensorflow_intra_op_parallelism", min=0, help="Threads within an operation.")
    ] = 0,
    tensorflow_inter_op_parallelism: Annotated[
        int, typer.Option("--tensorflow_inter_op_parallelism", min=0, help="Operations that run at once.")
    ] = 0,
    grpc_socket_path: Annotated[_File, typer.Option("--grpc_socket_path", help="A Unix-domain socket, too.")] = None,
    grpc_channel_arguments: Annotated[
        str, typer.Option("--grpc_channel_arguments", help="As grpc.max_connection_age_ms=2000,...")
    ] = "",
    grpc_max_threads: Annotated[
        int, typer.Option("--grpc_max_threads", min=1, help="gRPC requests answered at once.")
    ] = 16,
    ssl_config_file: Annotated[_File, typer.Option("--ssl_config_file", help="SSLConfig text proto, for gRPC.")] = None,
    monitoring_config_file: Annotated[
        _File, typer.Option("--monitoring_config_file", help="MonitoringConfig text proto, for Prometheus.")
    ] = None,
    max_message_bytes: Annotated[int, typer.Option("--max_message_bytes", min=1, help="Bytes of a request.")] = 64
    * 1024
    * 1024,
    max_rows: Annotated[int, typer.Option("--max_rows", min=1, help="Rows of a request.")] = 4096,
    max_candidates: Annotated[
        int, typer.Option("--max_candidates", min=1, help="Candidates of a request, over its rows.")
    ] = 20_000,
    max_history: Annotated[
        int, typer.Option("--max_history", min=1, help="History positions of a request, over its rows.")
    ] = 1_000_000,
) -> None:
    """Serve the newest versions in MODEL_DIR, or the models of a config file, as TF Serving does."""
    if model_dir is None and model_config_file is None:
        raise typer.BadParameter("give MODEL_DIR or --model_config_file.", param_hint="MODEL_DIR")
    if batching_parameters_file is not None and not enable_batching:
        raise typer.BadParameter("it needs --enable_batching.", param_hint="--batching_parameters_file")
    with user_errors():
        from serving.server import serve as serve_models

        rest = None if rest_port < 0 else rest_port
        options = _options(context.params)
        serve_models(model_dir or "", name, port, rest, num_versions, poll_seconds, host, options)


def _options(given: dict[str, Any]) -> ServerOptions:
    """The command's parameters, by name, as the server's options."""
    from serving.server.config.batching import BatchingParameters, read_batching_parameters
    from serving.server.options import ModelOptions, NetworkOptions, RequestLimits, RuntimeOptions, ServerOptions

    batching = None
    if given["enable_batching"]:
        file = given["batching_parameters_file"]
        batching = BatchingParameters() if file is None else read_batching_parameters(file)
    return ServerOptions(
        models=ModelOptions(
            config_file=given["model_config_file"],
            config_poll_seconds=given["model_config_file_poll_wait_seconds"],
            labels_for_unavailable=given["allow_version_labels_for_unavailable_models"],
            allow_reload=given["allow_reload_config"],
        ),
        runtime=RuntimeOptions(
            intra_op_threads=given["tensorflow_intra_op_parallelism"],
            inter_op_threads=given["tensorflow_inter_op_parallelism"],
            batching=batching,
        ),
        network=NetworkOptions(**{name: given[name] for name in NetworkOptions.model_fields}),
        limits=RequestLimits(**{name: given[name] for name in RequestLimits.model_fields}),
    )
