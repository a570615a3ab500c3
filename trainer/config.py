"""The options of the encoder, its pre-training, the ranker and its fine-tuning."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from preprocessing.conditions import CountsWith
from preprocessing.config import Config, ConfigError
from preprocessing.features import model_features
from preprocessing.hints import did_you_mean
from preprocessing.spec import DatasetSpec
from trainer.optimizer_config import OptimizerConfig
from trainer.pretrain_config import PretrainConfig
from trainer.ranker_config import RankerConfig
from trainer.registry import MODEL, OBJECTIVE

# In which users' states can be stored.
StateDtype = Literal["float32", "float16", "bfloat16", "int8"]


class EncoderConfig(Config):
    """FG-BERT's size.

    Attributes:
        features: What it reads of a behaviour: `all` its features, or `ids`, its item's id alone,
            as BERT4Rec does.
        without: Features of behaviours or their items that it doesn't read, by name.
        dim: Width D of every hidden vector.
        layers: Transformer layers.
        heads: Attention heads; must divide `dim`.
        feedforward: Width of the position-wise feed-forward network.
        dropout: Rate, on sublayer outputs.
    """

    features: Literal["all", "ids"] = "all"
    without: Annotated[tuple[str, ...], CountsWith("features", "all")] = ()
    dim: int = pydantic.Field(32, ge=1)
    layers: int = pydantic.Field(2, ge=1)
    heads: int = pydantic.Field(2, ge=1)
    feedforward: int = pydantic.Field(128, ge=1)
    dropout: float = pydantic.Field(0.1, ge=0, lt=1)

    @pydantic.model_validator(mode="after")
    def _check(self) -> EncoderConfig:
        if self.dim % self.heads:
            raise ValueError(f"heads must divide dim. Received: dim={self.dim}, heads={self.heads}")
        return self

    def check_fits(self, spec: DatasetSpec) -> None:
        """Raises a ConfigError where `without` names no feature of the behaviours of `spec`."""
        of_behaviors = [feature for feature in model_features(spec) if feature.side == "history"]
        known = [feature.field for feature in of_behaviors if feature.field != "item_id"]
        for name in self.without:
            if name not in known:
                names = ", ".join(known) or "there are none"
                raise ConfigError(
                    "trainer.encoder.without must name features of behaviours or their items: "
                    f"{names}. Received: {name}.{did_you_mean(name, known)}"
                )

    @property
    def attention(self) -> tuple[int, int, int, float]:
        """`dim`, `heads`, `feedforward` and `dropout`, as layers that attend take them."""
        return self.dim, self.heads, self.feedforward, self.dropout


class DistributionConfig(Config):
    """How training is spread over devices and machines.

    Attributes:
        strategy: `auto` takes what TF_CONFIG and this machine's GPUs ask for: a parameter server
            where the cluster has one, several workers where it has several, all GPUs of this
            machine where it has several, or one device.
        devices: What `mirrored` uses, such as GPU:0; all GPUs by default.
        share_files: Whether each of several workers reads its own files alone. A pass takes as many
            steps as it would with one device: a worker with fewer records than others goes through
            its own again, and one with more leaves some out. Without, all read everything and a
            step is on the very records that it would be on with one device.
        min_shard_bytes: The least size of a part of a table on a parameter server.
        restarts: How often a process starts over from the last backup when others of its cluster
            fail.
    """

    strategy: Literal["auto", "one_device", "mirrored", "multi_worker", "parameter_server"] = "auto"
    devices: Annotated[tuple[str, ...], CountsWith("strategy", "auto", "mirrored")] = ()
    share_files: Annotated[bool, CountsWith("strategy", "auto", "multi_worker")] = False
    min_shard_bytes: Annotated[
        int, pydantic.Field(ge=1), CountsWith("strategy", "auto", "parameter_server")
    ] = 256 * 1024
    restarts: int = pydantic.Field(5, ge=0)


class FinetuneConfig(Config):
    """Fine-tuning.

    It stops when the validation AUC, the mean over tasks, has not risen for `patience` evaluations.

    Attributes:
        batch_size: Candidates per batch.
        evaluations_per_epoch: How often the validation AUC is computed; the best weights are kept.
        epochs: The most epochs.
        patience: Evaluations without a better AUC after which it stops.
        optimizer: How weights are updated.
    """

    epochs: int = pydantic.Field(6, ge=1)
    batch_size: int = pydantic.Field(256, ge=1)
    patience: int = pydantic.Field(3, ge=1)
    evaluations_per_epoch: int = pydantic.Field(2, ge=1)
    optimizer: OptimizerConfig = OptimizerConfig()


class ExportConfig(Config):
    """The exported SavedModel.

    Attributes:
        state_dtype: How user states are stored; float16 and bfloat16 halve their bytes, int8 makes
            them a quarter.
        max_candidates: The most candidates of a request; clients split longer lists over several
            requests.
        max_history: The most behaviours of a request, of which the latest `history.length` count.
    """

    state_dtype: StateDtype = "float16"
    max_candidates: int = pydantic.Field(1000, ge=1)
    max_history: int = pydantic.Field(5000, ge=1)

    def check_fits(self, spec: DatasetSpec) -> None:
        """Raises a ConfigError where a request could not hold a history of `spec`."""
        if self.max_history < spec.history.length:
            raise ConfigError(
                "trainer.export.max_history must not be less than dataset.history.length. "
                f"Received: {self.max_history} and {spec.history.length}"
            )


AnyObjective = Annotated[
    pydantic.SerializeAsAny[PretrainConfig], pydantic.BeforeValidator(OBJECTIVE.read)
]
AnyRanker = Annotated[pydantic.SerializeAsAny[RankerConfig], pydantic.BeforeValidator(MODEL.read)]


class TrainerConfig(Config):
    """Everything the trainer can be told.

    Attributes:
        seed: Of weights, shuffling, dropout and sampling.
        precision: What layers compute in; weights, and what is exported, are float32. float16
            scales the loss.
        jit_compile: Whether training steps are compiled by XLA; `auto`: on one GPU, and not
            elsewhere.
        backup_steps: Steps between two backups, where there is a place for them; a killed run goes
            on from the last. Pre-training whose epochs are shorter backs up at the end of every so
            many. Fine-tuning, which keeps its best weights, and parameter servers back up after
            each evaluation at the latest.
        profile_steps: Steps, from the tenth on, of which TensorBoard gets a profile, where it gets
            logs.
        distribution: How training is spread over devices and machines.
        encoder: The size of the encoder, and what it reads.
        pretrain: The encoder's pre-training.
        ranker: The ranker.
        finetune: The ranker's training.
        export: The exported model.
    """

    seed: int = 7
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    jit_compile: bool | Literal["auto"] = "auto"
    backup_steps: int = pydantic.Field(1000, ge=1)
    profile_steps: int = pydantic.Field(0, ge=0)
    distribution: DistributionConfig = DistributionConfig()
    encoder: EncoderConfig = EncoderConfig()
    pretrain: AnyObjective = pydantic.Field(default_factory=lambda: OBJECTIVE.of({}))
    ranker: AnyRanker = pydantic.Field(default_factory=lambda: MODEL.of({}))
    finetune: FinetuneConfig = FinetuneConfig()
    export: ExportConfig = ExportConfig()

    def check_fits(self, spec: DatasetSpec) -> None:
        """The one place that tells whether this and the records of `spec` go together.

        Raises:
            ConfigError: they don't.
        """
        self.encoder.check_fits(spec)
        self.ranker.check_fits(spec)
        self.export.check_fits(spec)
        if "mean" in spec.tasks and len(spec.tasks) > 1:
            raise ConfigError(
                "dataset.tasks: one of several can't be called mean: val_mean_auc, by which "
                "fine-tuning stops, is the mean over all of them. Give it another name"
            )

    def without_encoder(self) -> TrainerConfig:
        """The baseline: the same base ranker, budget and seed, with the encoder's parts off."""
        return self.model_copy(update={"ranker": self.ranker.without_encoder()})
