"""`srp4ctr serve`, whose options have the names of tensorflow_model_server's flags."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.arguments import check_path, known_path
from pipelines.commands.errors import user_errors
from pipelines.commands.serve_flags import flag_parameters, options_by_group
from pipelines.versions import installed_version

if TYPE_CHECKING:
    from serving.server import ServerOptions

_SHOWN_VERSIONS = ("srp4ctr", "tensorflow", "tensorflow-serving-api")


def _show_versions(asked: bool) -> None:
    if asked:
        for name in _SHOWN_VERSIONS:
            typer.echo(f"{name} {installed_version(name)}")
        raise typer.Exit


def serve(
    context: typer.Context,
    model_dir: Annotated[
        str | None,
        typer.Argument(
            help="A directory of versions, such as runs/ml_100k/serving_model or "
            "gs://bucket/models/ranker.",
            show_default=False,
            callback=known_path,
        ),
    ] = None,
    name: Annotated[
        str, typer.Option("--model_name", "--name", help="The model's name in requests.")
    ] = "srp4ctr",
    model_base_path: Annotated[
        str | None,
        typer.Option(
            "--model_base_path", help="The same as MODEL_DIR, in tensorflow_model_server's words."
        ),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen on; 0.0.0.0 for all.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="gRPC port; 0 for none.", min=0)] = 8500,
    rest_port: Annotated[
        int, typer.Option("--rest_api_port", "--rest-port", help="REST port; 0 for none.", min=0)
    ] = 8501,
    num_versions: Annotated[
        int, typer.Option("--num_versions", help="Latest versions to serve.", min=1)
    ] = 1,
    poll_seconds: Annotated[
        float,
        typer.Option(
            "--file_system_poll_wait_seconds",
            help="Seconds between looks for versions; 0 looks once.",
            min=0,
        ),
    ] = 1.0,
    enable_batching: Annotated[
        bool, typer.Option("--enable_batching", help="Batch requests of equal shapes.")
    ] = False,
    batching_parameters_file: Annotated[
        Path | None,
        typer.Option("--batching_parameters_file", help="A BatchingParameters text proto."),
    ] = None,
    tensorflow_session_parallelism: Annotated[
        int,
        typer.Option(
            "--tensorflow_session_parallelism",
            help="Sets --tensorflow_intra_op_parallelism and --tensorflow_inter_op_parallelism.",
            min=0,
        ),
    ] = 0,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show versions and exit.", callback=_show_versions, is_eager=True
        ),
    ] = False,
    **_flags: Any,
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
            grpc_port=port or None,
            rest_port=rest_port or None,
            num_versions=num_versions,
            poll_seconds=poll_seconds,
            host=host,
            options=options,
        )


def _with_flags(command: Any) -> None:
    """Puts a parameter for each flag of ServerOptions in the place of `**_flags`."""
    signature = inspect.signature(command, eval_str=True)
    *own, _ = signature.parameters.values()
    command.__signature__ = signature.replace(parameters=[*own, *flag_parameters()])


_with_flags(serve)


def _check(given: dict[str, Any]) -> None:
    """Refuses options that need others, or contradict them."""
    if given["model_dir"] is not None and given["model_base_path"] is not None:
        raise typer.BadParameter("give it, or MODEL_DIR, not both.", param_hint="--model_base_path")
    if given["model_base_path"]:
        check_path(given["model_base_path"], "--model_base_path")
    sources = ("model_dir", "model_base_path", "model_config_file")
    if all(given[source] is None for source in sources):
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
            "it sets --tensorflow_intra_op_parallelism and --tensorflow_inter_op_parallelism. "
            "Give it, or those.",
            param_hint="--tensorflow_session_parallelism",
        )


def _options(given: dict[str, Any]) -> ServerOptions:
    """The command's parameters, by name, as the server's options."""
    from serving.server import ServerOptions
    from serving.server.config.batching import BatchingParameters, read_batching_parameters

    options = options_by_group(given)
    if given["tensorflow_session_parallelism"]:
        options["runtime"]["intra_op_threads"] = given["tensorflow_session_parallelism"]
        options["runtime"]["inter_op_threads"] = given["tensorflow_session_parallelism"]
    if given["enable_batching"]:
        file = given["batching_parameters_file"]
        options["runtime"]["batching"] = (
            BatchingParameters() if file is None else read_batching_parameters(file)
        )
    return ServerOptions.model_validate(options)
