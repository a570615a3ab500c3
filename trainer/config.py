"""What can be set of the encoder, its pre-training, the ranker and its fine-tuning."""

from __future__ import annotations

from typing import Literal

import pydantic

from preprocessing.config import Config, ConfigError
from preprocessing.spec import DatasetSpec
from trainer.registry import OBJECTIVES, RANKERS


class EncoderConfig(Config):
    """FG-BERT's size.

    Attributes:
        features: What it reads of a behaviour: `all` its features, or `ids`, its item's id alone, as BERT4Rec does.
        without: Features of behaviours or their items that it doesn't read, by name.
        dim: Width D of every hidden vector.
        heads: Attention heads; must divide `dim`.
        feedforward: Width of the position-wise feed-forward network.
        dropout: Rate, on sublayer outputs.
    """

    features: Literal["all", "ids"] = "all"
    without: tuple[str, ...] = ()
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

    @property
    def attention(self) -> tuple[int, int, int, float]:
        """`dim`, `heads`, `feedforward` and `dropout`, in the order in which layers that attend take them."""
        return self.dim, self.heads, self.feedforward, self.dropout


class MaskingConfig(Config):
    """Shares of a sequence's behaviours whose item-related (behaviour-related) features are hidden."""

    item_rate: float = pydantic.Field(0.2, ge=0, le=1)
    behavior_rate: float = pydantic.Field(0.2, ge=0, le=1)

    @pydantic.model_validator(mode="after")
    def _check(self) -> MaskingConfig:
        total = self.item_rate + self.behavior_rate
        if not 0 < total < 1:
            raise ValueError(f"item_rate + behavior_rate must lie between 0 and 1. Received: {total}")
        return self


class OptimizerConfig(Config):
    """Adam with linear warm-up and polynomial decay to 0, and clipping by global norm.

    Attributes:
        learning_rate: The rate at the end of the warm-up.
        warmup: Share of all steps.
        decay_power: 1.0 is linear decay; 0.0 keeps the rate.
        clip_norm: Global norm the gradient is cut to.
        sparse_above: Rows past which an embedding table is updated only where a batch has gradients for it; a part of a
            table on a parameter server counts by itself.
        table_rate: The learning rate of those tables, as a multiple of `learning_rate`.
    """

    learning_rate: float = pydantic.Field(1e-3, gt=0)
    warmup: float = pydantic.Field(0.05, ge=0, lt=1)
    decay_power: float = pydantic.Field(1.0, ge=0)
    clip_norm: float = pydantic.Field(1.0, gt=0)
    weight_decay: float = pydantic.Field(0.0, ge=0)
    sparse_above: int = pydantic.Field(50_000, ge=0)
    table_rate: float = pydantic.Field(1.0, gt=0)


class DistributionConfig(Config):
    """How training is spread over devices and machines.

    Attributes:
        strategy: `auto` takes what TF_CONFIG and this machine's GPUs ask for: a parameter server where the cluster has
            one, several workers where it has several, all GPUs of this machine where it has several, or one device.
        devices: What `mirrored` uses, such as GPU:0; all GPUs by default.
        share_files: Whether each of several workers reads its own files, so that nothing is read twice. Without, all
            read everything and a step is on the very records that it would be on with one device.
        min_shard_bytes: The least size of a part of a table on a parameter server.
        restarts: How often a process starts over from the last backup when others of its cluster fail.
    """

    strategy: Literal["auto", "one_device", "mirrored", "multi_worker", "parameter_server"] = "auto"
    devices: tuple[str, ...] = ()
    share_files: bool = False
    min_shard_bytes: int = pydantic.Field(256 * 1024, ge=1)
    restarts: int = pydantic.Field(5, ge=0)


class PretrainConfig(Config):
    """Pre-training.

    Attributes:
        objective: Its name in trainer/registry.py.
        batches_by_length: Whether a batch has histories of like length, which pads less. A hidden cell of a batch of
            short ones then weighs more, for a step's loss is the mean over its batch.
        warm_epochs: Epochs of a run that starts from an earlier ranker; by default `epochs`.
        sampled_softmax_above: Vocabularies with more rows are trained with sampled softmax.
        sampled_classes: Negatives a step of the sampled softmax.
    """

    objective: str = "cloze"
    epochs: int = pydantic.Field(20, ge=1)
    warm_epochs: int | None = pydantic.Field(None, ge=1)
    batch_size: int = pydantic.Field(64, ge=1)
    batches_by_length: bool = False
    masking: MaskingConfig = MaskingConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    sampled_softmax_above: int = pydantic.Field(50_000, ge=1)
    sampled_classes: int = pydantic.Field(2_000, ge=1)

    @pydantic.field_validator("objective")
    @classmethod
    def _check_objective(cls, objective: str) -> str:
        if objective not in OBJECTIVES:
            raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}")
        return objective

    @pydantic.model_validator(mode="after")
    def _check(self) -> PretrainConfig:
        if self.sampled_classes > self.sampled_softmax_above:
            raise ValueError(
                "sampled_classes must not exceed sampled_softmax_above, the least size that is sampled from. "
                f"Received: {self.sampled_classes} and {self.sampled_softmax_above}"
            )
        return self


class BstConfig(Config):
    """BST's Transformer over history and candidate; `heads` must divide the width of an embedded behaviour."""

    layers: int = pydantic.Field(1, ge=1)
    heads: int = pydantic.Field(2, ge=1)
    feedforward: int = pydantic.Field(128, ge=1)
    dropout: float = pydantic.Field(0.1, ge=0, lt=1)


class DienConfig(Config):
    """DIEN's auxiliary loss, weighed beside the CTR loss."""

    auxiliary_weight: float = pydantic.Field(1.0, ge=0)


class CanConfig(Config):
    """CAN's co-action units.

    Attributes:
        widths: Of the micro-MLP: its input, then its layers' outputs.
        orders: Powers of the input that go through it.
    """

    widths: tuple[int, ...] = pydantic.Field((8, 8, 4), min_length=2)
    orders: int = pydantic.Field(2, ge=1)


class RankerConfig(Config):
    """A ranker: a baseline, or the base (DIN + MMoE) with what it takes from the encoder.

    Attributes:
        model: Its name in trainer/registry.py. All share embeddings, head and dropout; what follows `encoder`
            is of `srp4ctr` alone.
        embedding_dim: Width of the ranker's own embeddings.
        attention_units: Hidden units of DIN's attention unit.
        experts: MMoE experts; `expert_units` are their layers, `tower_units` each task's.
        cross_projection: Rank of the low-rank feature cross.
        encoder: Whether the pre-trained encoder is trained further, kept, or not used at all (the baseline).
        transfer: What the ranker takes from the encoder. `attention`: Uni Cross-Attention and query tokens, as the two
            fields below say. `user_vector`: the mean of the encoder's output, as one more feature of the user.
            `embeddings`: the encoder's embeddings of the candidate and, averaged, of the history; no layer of it.
        uni_cross_attention: Whether candidates attend to the encoder layer by layer.
        query_tokens: Tokens of the Querying Transformer; 0 switches it off.
        set_wise: Whether a request's candidates attend to each other. Scores then depend on what else is in the
            request, which must be what was shown: sampled negatives won't do.
    """

    model: str = "srp4ctr"
    embedding_dim: int = pydantic.Field(16, ge=1)
    attention_units: tuple[int, int] = (80, 40)
    experts: int = pydantic.Field(4, ge=1)
    expert_units: tuple[int, int] = (128, 64)
    tower_units: int = pydantic.Field(32, ge=1)
    cross_projection: int = pydantic.Field(16, ge=1)
    dropout: float = pydantic.Field(0.2, ge=0, lt=1)
    encoder: Literal["learned", "frozen", "none"] = "learned"
    transfer: Literal["attention", "user_vector", "embeddings"] = "attention"
    uni_cross_attention: bool = True
    query_tokens: int = pydantic.Field(4, ge=0)
    set_wise: bool = False
    bst: BstConfig = BstConfig()
    dien: DienConfig = DienConfig()
    can: CanConfig = CanConfig()

    @pydantic.field_validator("model")
    @classmethod
    def _check_model(cls, model: str) -> str:
        if model not in RANKERS:
            raise ValueError(f"model must be one of {', '.join(RANKERS)}")
        return model


class FinetuneConfig(Config):
    """Fine-tuning; stops when the validation AUC (mean over tasks) has not risen for `patience` evaluations.

    Attributes:
        batch_size: Candidates a batch.
        evaluations_per_epoch: How often the validation AUC is computed; the best weights are kept.
    """

    epochs: int = pydantic.Field(6, ge=1)
    batch_size: int = pydantic.Field(256, ge=1)
    patience: int = pydantic.Field(3, ge=1)
    evaluations_per_epoch: int = pydantic.Field(2, ge=1)
    optimizer: OptimizerConfig = OptimizerConfig()


class ExportConfig(Config):
    """The exported SavedModel.

    Attributes:
        state_dtype: How user states are stored; float16 and bfloat16 halve their bytes, int8 makes them a quarter.
        max_candidates: The most candidates of a request; clients split longer lists over several requests.
        max_history: The most behaviours of a request, of which the latest `history.length` count.
    """

    state_dtype: Literal["float32", "float16", "bfloat16", "int8"] = "float16"
    max_candidates: int = pydantic.Field(1000, ge=1)
    max_history: int = pydantic.Field(5000, ge=1)


class TrainerConfig(Config):
    """Everything the trainer can be told.

    Attributes:
        precision: What layers compute in; weights, and what is exported, are float32. float16 scales the loss.
        jit_compile: Whether training steps are compiled by XLA.
        backup_steps: Steps between two backups, where there is a place for them; a killed run goes on from the last.
            A parameter server backs up after each evaluation.
        profile_steps: Steps, from the tenth on, of which TensorBoard gets a profile, where it gets logs.
    """

    seed: int = 7
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    jit_compile: bool = False
    backup_steps: int = pydantic.Field(1000, ge=1)
    profile_steps: int = pydantic.Field(0, ge=0)
    distribution: DistributionConfig = DistributionConfig()
    encoder: EncoderConfig = EncoderConfig()
    pretrain: PretrainConfig = PretrainConfig()
    ranker: RankerConfig = RankerConfig()
    finetune: FinetuneConfig = FinetuneConfig()
    export: ExportConfig = ExportConfig()

    def check_fits(self, spec: DatasetSpec) -> None:
        """Raises a ConfigError where the records of `spec` are not what this needs."""
        if self.ranker.set_wise and spec.negatives is not None:
            raise ConfigError(
                "trainer.ranker.set_wise lets the shown candidates of a request see each other; sampled ones "
                "(dataset.negatives) were never shown together. Set one of the two only"
            )

    def without_encoder(self) -> TrainerConfig:
        """The baseline: the same base ranker, budget and seed, with the encoder's parts off."""
        return self.model_copy(update={"ranker": self.ranker.model_copy(update={"encoder": "none"})})
