"""The model server's options, by group, each with its flag of `srp4ctr serve`.

Defaults are safe for one machine. Nothing here imports TensorFlow, so that the command's help is
quick.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_MIB = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Flag:
    """How `srp4ctr serve` takes an option.

    Attributes:
        help: What the option does, in one line.
        name: The flag without its dashes, where TensorFlow Serving calls it otherwise than the
            option is called; "" takes the option's own name.
        units: How many of the flag's units make one of the option's: 1,000,000 for a flag in
            microseconds and an option in seconds.
    """

    help: str
    name: str = ""
    units: int = 1


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BatchingParameters(_Options):
    """TensorFlow Serving's BatchingParameters, with its defaults.

    Attributes:
        max_batch_size: Rows of the largest batch, and of the largest request.
        batch_timeout_micros: Microseconds that a request waits for others.
        max_enqueued_batches: Batches that may wait for a thread; one more request is refused with
            UNAVAILABLE.
        num_batch_threads: Batches that run at once, for each version.
        allowed_batch_sizes: Batches are padded with copies of a row to one of these; empty for no
            padding.
        pad_variable_length_inputs: Whether rows of different lengths may share a batch; shorter
            ones are padded with the first value of their tensor, as in TensorFlow Serving.
    """

    max_batch_size: int = Field(1000, ge=1)
    batch_timeout_micros: int = Field(0, ge=0)
    max_enqueued_batches: int = Field(10, ge=1)
    num_batch_threads: int = Field(4, ge=1)
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False


class ModelOptions(_Options):
    """Which models are served, and who may change that."""

    config_file: Annotated[
        Path | None,
        Flag("A ModelServerConfig text proto: several models, by name.", "model_config_file"),
    ] = None
    config_poll_seconds: Annotated[
        float,
        Flag(
            "Seconds between looks at that file; 0 reads it once.",
            "model_config_file_poll_wait_seconds",
        ),
    ] = Field(0.0, ge=0)
    settle_seconds: Annotated[
        float,
        Flag("A version without a manifest is loaded after its files stayed the same so long."),
    ] = Field(5.0, ge=0)
    labels_for_unavailable: Annotated[
        bool,
        Flag(
            "New labels may name versions that aren't loaded yet.",
            "allow_version_labels_for_unavailable_models",
        ),
    ] = False
    # TensorFlow Serving always answers such requests, from anyone.
    allow_reload: Annotated[
        bool,
        Flag(
            "Let any client change what is served, by HandleReloadConfigRequest.",
            "allow_reload_config",
        ),
    ] = False
    load_retries: Annotated[
        int, Flag("How often a load that failed is tried again.", "max_num_load_retries")
    ] = Field(0, ge=0)
    load_retry_seconds: Annotated[
        float,
        Flag("Microseconds between these tries.", "load_retry_interval_micros", units=1_000_000),
    ] = Field(60.0, ge=0)


class RuntimeOptions(_Options):
    """How TensorFlow runs.

    Attributes:
        batching: Batches requests; None runs each alone. It has no flag of its own: the command
            reads it from a file.
    """

    intra_op_threads: Annotated[
        int,
        Flag(
            "Threads within an operation; 0 lets TensorFlow choose.",
            "tensorflow_intra_op_parallelism",
        ),
    ] = Field(0, ge=0)
    inter_op_threads: Annotated[
        int,
        Flag(
            "Operations that run at once; 0 lets TensorFlow choose.",
            "tensorflow_inter_op_parallelism",
        ),
    ] = Field(0, ge=0)
    batching: BatchingParameters | None = None
    warm_up: Annotated[
        bool,
        Flag("Replay a version's warm-up requests before it serves.", "enable_model_warmup"),
    ] = True


class NetworkOptions(_Options):
    """What the server listens to, and how much of it at once."""

    grpc_socket_path: Annotated[
        Path | None, Flag("A Unix-domain socket for gRPC, besides the port.")
    ] = None
    grpc_channel_arguments: Annotated[
        str, Flag("gRPC's own, as grpc.max_connection_age_ms=2000,...")
    ] = ""
    grpc_max_threads: Annotated[int, Flag("Requests answered at once, over gRPC and REST.")] = (
        Field(16, ge=1)
    )
    grpc_reflection: Annotated[
        bool, Flag("Tell clients which services and messages there are, as grpcurl asks.")
    ] = False
    max_waiting_requests: Annotated[
        int, Flag("Requests that wait for a thread; one more is refused.")
    ] = Field(256, ge=0)
    rest_api_num_threads: Annotated[
        int, Flag("REST requests answered at once; 0 shares gRPC's threads.")
    ] = Field(0, ge=0)
    rest_api_timeout_in_ms: Annotated[
        int, Flag("For a REST request's body to come, and again for its answer.")
    ] = Field(30_000, ge=1)
    rest_max_connections: Annotated[int, Flag("REST connections at once; one more is closed.")] = (
        Field(256, ge=1)
    )
    ssl_config_file: Annotated[Path | None, Flag("An SSLConfig text proto, for TLS on gRPC.")] = (
        None
    )
    monitoring_config_file: Annotated[
        Path | None, Flag("A MonitoringConfig text proto, for the Prometheus page on REST.")
    ] = None


class RequestLimits(_Options):
    """What an untrusted request may ask for. TensorFlow Serving has no such limits."""

    # Each tensor, too: of the size that its declared shape unfolds to.
    max_message_bytes: Annotated[int, Flag("Bytes of a request, and of each of its tensors.")] = (
        Field(64 * _MIB, ge=1)
    )
    # JSON takes many times its size in memory.
    max_rest_bytes: Annotated[int, Flag("Bytes of a REST request, also after unzipping.")] = Field(
        16 * _MIB, ge=1
    )
    max_bytes_held: Annotated[
        int, Flag("Bytes of all requests at once, and of gRPC answers not yet sent.")
    ] = Field(256 * _MIB, ge=1)
    max_rows: Annotated[int, Flag("Rows of a request: the first dimension of each input.")] = Field(
        4096, ge=1
    )
    max_candidates: Annotated[int, Flag("Candidates of a request, over all its rows.")] = Field(
        20_000, ge=1
    )
    max_history: Annotated[int, Flag("History positions of a request, over all its rows.")] = Field(
        1_000_000, ge=1
    )
    max_values: Annotated[int, Flag("Values and fields of a message or JSON document.")] = Field(
        1_000_000, ge=1
    )
    # A value of JSON counts twice: as JSON, and as an element of a tensor.
    max_values_at_once: Annotated[
        int, Flag("The same of all requests that are being answered.")
    ] = Field(4_000_000, ge=1)
    max_cells_at_once: Annotated[
        int, Flag("Candidates times history positions of all that models compute.")
    ] = Field(4_000_000, ge=1)

    @property
    def rest_bytes(self) -> int:
        """The most bytes of a REST request, by both limits."""
        return min(self.max_message_bytes, self.max_rest_bytes)


class ServerOptions(_Options):
    """All options but the model's name and path, the host and the ports.

    Example:
        options = ServerOptions(limits=RequestLimits(max_candidates=1_000))
        with ModelServer("srp4ctr", "exports/ranker", options=options) as server:
            server.wait()
    """

    models: ModelOptions = ModelOptions()
    runtime: RuntimeOptions = RuntimeOptions()
    network: NetworkOptions = NetworkOptions()
    limits: RequestLimits = RequestLimits()
