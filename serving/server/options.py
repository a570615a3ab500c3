"""The model server's options, by group; defaults are safe for one machine."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from serving.server.config.batching import BatchingParameters


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelOptions(_Options):
    """Which models are served, and who may change that.

    Attributes:
        config_file: A model config file; the server's model_name and base_path are then ignored.
        config_poll_seconds: Seconds between looks at it; 0 reads it only once.
        settle_seconds: Seconds for which the files of a version without a manifest, which other
            tools wrote, must have stayed unchanged before it is loaded.
        labels_for_unavailable: Whether a new label may name a version that isn't loaded yet.
        allow_reload: Whether HandleReloadConfigRequest is answered. TensorFlow Serving always
            answers it, to anyone.
        load_retries: How often a version that failed to load is tried again, unchanged.
        load_retry_seconds: Seconds between these tries.
    """

    config_file: Path | None = None
    config_poll_seconds: float = Field(0.0, ge=0)
    settle_seconds: float = Field(5.0, ge=0)
    labels_for_unavailable: bool = False
    allow_reload: bool = False
    load_retries: int = Field(0, ge=0)
    load_retry_seconds: float = Field(60.0, ge=0)


class RuntimeOptions(_Options):
    """How TensorFlow runs.

    Attributes:
        intra_op_threads: Threads within an operation; 0 lets TensorFlow choose.
        inter_op_threads: Operations that run at once; 0 lets TensorFlow choose.
        batching: Batches requests; None runs each alone.
        warm_up: Whether a version's warm-up requests are replayed before it serves.
    """

    intra_op_threads: int = Field(0, ge=0)
    inter_op_threads: int = Field(0, ge=0)
    batching: BatchingParameters | None = None
    warm_up: bool = True


class NetworkOptions(_Options):
    """What the server listens to.

    Attributes:
        grpc_socket_path: A Unix-domain socket for gRPC, besides the port.
        grpc_channel_arguments: Names and values, as `grpc.max_connection_age_ms=2000,...`.
        grpc_max_threads: Requests that are answered at once, over gRPC and REST.
        rest_api_num_threads: REST requests that are answered at once, on threads of their own; 0
            shares gRPC's.
        grpc_reflection: Whether clients may ask which services and messages there are, as grpcurl
            does.
        max_waiting_requests: Requests that wait for one of these threads; one more is refused.
        rest_api_timeout_in_ms: Milliseconds for a REST request's body to come, and as many for its
            answer.
        rest_max_connections: REST connections at once; one more is closed.
        ssl_config_file: An SSLConfig text proto, for TLS on gRPC.
        monitoring_config_file: A MonitoringConfig text proto, for the Prometheus page on REST.
    """

    grpc_socket_path: Path | None = None
    grpc_channel_arguments: str = ""
    grpc_max_threads: int = Field(16, ge=1)
    grpc_reflection: bool = False
    max_waiting_requests: int = Field(256, ge=0)
    rest_api_num_threads: int = Field(0, ge=0)
    rest_api_timeout_in_ms: int = Field(30_000, ge=1)
    rest_max_connections: int = Field(256, ge=1)
    ssl_config_file: Path | None = None
    monitoring_config_file: Path | None = None


class RequestLimits(_Options):
    """What an untrusted request may ask for. TensorFlow Serving has no such limits.

    Attributes:
        max_message_bytes: Bytes of a request, and of each tensor that its declared shape unfolds
            to.
        max_rest_bytes: Bytes of a REST request, also after unzipping: JSON takes many times its
            size in memory.
        max_bytes_held: Bytes of all requests that are being received, wait or are answered.
        max_rows: Requests in a batch that a client makes: the first dimension of each input.
        max_candidates: Candidates of a request, over all its rows.
        max_history: History positions of a request, over all its rows.
        max_values: Values and fields of a message, or of a JSON document.
        max_values_at_once: The same of all requests that are being answered; a value of JSON counts
            twice.
        max_cells_at_once: Candidates times positions of a history, of all requests that models
            compute.
    """

    max_message_bytes: int = Field(64 * 1024 * 1024, ge=1)
    max_rest_bytes: int = Field(16 * 1024 * 1024, ge=1)
    max_bytes_held: int = Field(256 * 1024 * 1024, ge=1)
    max_rows: int = Field(4096, ge=1)
    max_candidates: int = Field(20_000, ge=1)
    max_history: int = Field(1_000_000, ge=1)
    max_values: int = Field(1_000_000, ge=1)
    max_values_at_once: int = Field(4_000_000, ge=1)
    max_cells_at_once: int = Field(4_000_000, ge=1)

    @property
    def rest_bytes(self) -> int:
        """The most bytes of a REST request, by both limits."""
        return min(self.max_message_bytes, self.max_rest_bytes)


class ServerOptions(_Options):
    """All options but the model's name and path, the host and the ports."""

    models: ModelOptions = ModelOptions()
    runtime: RuntimeOptions = RuntimeOptions()
    network: NetworkOptions = NetworkOptions()
    limits: RequestLimits = RequestLimits()
