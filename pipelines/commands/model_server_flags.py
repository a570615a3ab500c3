"""tensorflow_model_server's way with flags, for `srp4ctr serve`.

Its flags are written `--flag=true`, and some of them mean nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand

_TRUE = ("true", "1")
_FALSE = ("false", "0")


class Idle(NamedTuple):
    """A flag of tensorflow_model_server without effect here.

    Attributes:
        reason: Why it has none.
        is_bool: Whether it may stand without a value.
    """

    reason: str
    is_bool: bool = False


class Refused(NamedTuple):
    """A flag of tensorflow_model_server that would ask for what this server hasn't.

    Attributes:
        reason: Why it is refused, and what would do.
        harmless: The values that ask for nothing.
    """

    reason: str
    harmless: tuple[str, ...] = _FALSE


_NO_TFLITE = "only SavedModels are served, no TensorFlow Lite models."
_NO_XLA = "XLA compiles what the SavedModel says."
_THREAD = "each model has a thread that loads and unloads its versions."
IDLE = {
    "enable_grpc_healthcheck_service": Idle("the health service is always there.", is_bool=True),
    "enable_per_model_batching_parameters": Idle(
        "all models have the same parameters.", is_bool=True
    ),
    "enable_profiler": Idle("there is no profiler service.", is_bool=True),
    "enable_serialization_as_tensor_content": Idle("answers have typed fields.", is_bool=True),
    "enable_signature_method_name_check": Idle(
        "Predict takes each signature of its methods.", is_bool=True
    ),
    "flush_filesystem_caches": Idle("file system caches are the system's.", is_bool=True),
    "mixed_precision": Idle("a model computes in the precision that it was saved with."),
    "num_load_threads": Idle(_THREAD),
    "num_request_iterations_for_warmup": Idle("warm-up requests are replayed once."),
    "num_tflite_interpreters_per_pool": Idle(_NO_TFLITE),
    "num_tflite_pools": Idle(_NO_TFLITE),
    "num_unload_threads": Idle(_THREAD),
    "per_process_gpu_memory_fraction": Idle("TensorFlow takes what GPU memory it needs."),
    "remove_unused_fields_from_bundle_metagraph": Idle("they are not kept.", is_bool=True),
    "rest_api_enable_cors_support": Idle("answers have no CORS headers.", is_bool=True),
    "skip_initialize_tpu": Idle("TPUs are not supported.", is_bool=True),
    "thread_pool_factory_config_file": Idle("TensorFlow's own thread pools are used."),
    "xla_cpu_compilation_enabled": Idle(_NO_XLA, is_bool=True),
    "xla_gpu_compilation_enabled": Idle(_NO_XLA, is_bool=True),
}
REFUSED = {
    "platform_config_file": Refused(
        "only the platform `tensorflow` is served. Give --enable_batching and the --tensorflow_* "
        "flags.",
        ("",),
    ),
    "prefer_tflite_model": Refused(f"{_NO_TFLITE} Leave it out."),
    "saved_model_tags": Refused("only the tag `serve` is loaded. Leave it out.", ("", "serve")),
    "tensorflow_session_config_file": Refused("give the --tensorflow_* flags for threads.", ("",)),
    "use_alts_credentials": Refused("ALTS is not supported. Use TLS: --ssl_config_file."),
}


class ModelServerCommand(TyperCommand):
    """A command that takes its flags as tensorflow_model_server does.

    Its help never cuts their names.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the flags into the command line's own form, then parses them."""
        switches: dict[str, Any] = {}
        for option in self.params:
            if getattr(option, "is_flag", False):
                switches |= dict.fromkeys(option.opts, option)
        return super().parse_args(ctx, list(_translated(args, switches)))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Writes plain help: a table of columns has no room for TensorFlow Serving's names."""
        self.rich_markup_mode = None
        super().format_help(ctx, formatter)


def _translated(args: list[str], switches: dict[str, Any]) -> Iterable[str]:
    rest = iter(args)
    for arg in rest:
        flag, equals, value = arg.partition("=")
        name = flag.removeprefix("--") if flag.startswith("--") else ""
        if name in IDLE:
            if not equals and not IDLE[name].is_bool:
                next(rest, "")
            typer.echo(
                f"{flag} of tensorflow_model_server has no effect here: {IDLE[name].reason}",
                err=True,
            )
        elif name in REFUSED:
            _refuse(flag, value if equals else "true", REFUSED[name])
        elif equals and flag in switches:
            yield from _switch(flag, value, switches[flag])
        else:
            yield arg


def _refuse(flag: str, value: str, refused: Refused) -> None:
    if value.lower() not in refused.harmless:
        raise typer.BadParameter(refused.reason, param_hint=flag)


def _switch(flag: str, value: str, option: Any) -> list[str]:
    """What stands for `--flag=true` where a flag has no value.

    It is the flag, its negative, or nothing for a flag that is off anyway.
    """
    if value.lower() in _TRUE:
        return [flag]
    if value.lower() in _FALSE:
        return list(option.secondary_opts[:1])
    raise typer.BadParameter(f"true or false expected. Received: {value}", param_hint=flag)
