"""Which tf.distribute strategy a process trains with, by its configuration and TF_CONFIG."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping

import tensorflow as tf

from preprocessing.config import ConfigError
from trainer.config import DistributionConfig

TF_CONFIG = "TF_CONFIG"

# A process's own, for as long as it lives.
_strategies: dict[str, tf.distribute.Strategy] = {}
_servers: dict[tuple[str, int], tf.distribute.Server] = {}


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A process's place among those that train together, as TF_CONFIG tells it.

    Attributes:
        jobs: The addresses by job: chief, worker, ps.
        job: This process's job; "" where there is no cluster.
        index: Its number within the job.
    """

    jobs: Mapping[str, tuple[str, ...]]
    job: str = ""
    index: int = 0

    @classmethod
    def from_environment(cls) -> Cluster:
        """The cluster of TF_CONFIG, which Vertex AI and Kubeflow's training operator set.

        Raises:
            ConfigError: TF_CONFIG isn't what TensorFlow documents.
        """
        text = os.environ.get(TF_CONFIG) or "{}"
        try:
            content = json.loads(text)
            jobs = {job: tuple(hosts) for job, hosts in content.get("cluster", {}).items()}
            task = content.get("task", {})
            return cls(jobs, str(task.get("type", "")), int(task.get("index", 0)))
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError(
                f'{TF_CONFIG} must be JSON such as {{"cluster": {{"chief": ["host:port"], '
                f'"worker": [...]}}, "task": {{"type": "worker", "index": 0}}}}. Received: {text!r}'
            ) from error

    @property
    def trainers(self) -> int:
        """How many processes compute gradients or coordinate: chiefs and workers."""
        return sum(len(self.jobs.get(job, ())) for job in ("chief", "master", "worker"))

    @property
    def serves(self) -> bool:
        """Whether this process only does what a parameter server's chief tells it."""
        return bool(self.jobs.get("ps")) and self.job in ("worker", "ps")

    @property
    def is_chief(self) -> bool:
        """Whether this process writes what is trained."""
        if self.job in ("", "chief", "master"):
            return True
        # Of a cluster of workers alone, the first one is the chief.
        has_chief = bool(self.jobs.get("chief") or self.jobs.get("master"))
        return self.job == "worker" and self.index == 0 and not has_chief


def strategy_name(config: DistributionConfig, cluster: Cluster) -> str:
    """The configured strategy, or what the cluster and this machine's GPUs ask for."""
    if config.strategy != "auto":
        return config.strategy
    if cluster.jobs.get("ps"):
        return "parameter_server"
    if cluster.trainers > 1:
        return "multi_worker"
    if config.devices or len(tf.config.list_physical_devices("GPU")) > 1:
        return "mirrored"
    return "one_device"


def create_strategy(config: DistributionConfig, cluster: Cluster) -> tf.distribute.Strategy:
    """Joins the cluster, if there is one; has to come before anything else is computed.

    A process that trains one stage after another keeps its strategy: two of them would number their
    collective operations alike, and a process joins a cluster only once.

    Raises:
        ConfigError: the strategy needs a cluster, and TF_CONFIG names none.
    """
    key = repr((config, cluster))  # the cluster's jobs are a dictionary, which has no hash
    if key not in _strategies:
        _strategies[key] = _create(config, cluster)
    return _strategies[key]


def _create(config: DistributionConfig, cluster: Cluster) -> tf.distribute.Strategy:
    name = strategy_name(config, cluster)
    if name in ("multi_worker", "parameter_server") and not cluster.job:
        raise ConfigError(
            f"trainer.distribution.strategy: {name} needs the environment variable {TF_CONFIG}, "
            "which says what cluster there is and which of its tasks this is; there is none. For "
            "this machine alone, leave strategy out"
        )
    if name == "multi_worker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "parameter_server":
        return _parameter_server(config, cluster)
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(list(config.devices) or None)
    return tf.distribute.get_strategy()


def serve(cluster: Cluster) -> None:
    """Starts the server of a parameter server's worker or ps, if this process has none.

    It runs as long as the process does.
    """
    place = (cluster.job, cluster.index)
    if place not in _servers:
        jobs = tf.train.ClusterSpec(dict(cluster.jobs))
        _servers[place] = tf.distribute.Server(
            jobs, job_name=cluster.job, task_index=cluster.index, protocol="grpc"
        )


def _parameter_server(config: DistributionConfig, cluster: Cluster) -> tf.distribute.Strategy:
    shards = tf.distribute.experimental.partitioners.MinSizePartitioner(
        min_shard_bytes=config.min_shard_bytes, max_shards=len(cluster.jobs["ps"])
    )
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver(rpc_layer="grpc")
    return tf.distribute.ParameterServerStrategy(resolver, variable_partitioner=shards)
