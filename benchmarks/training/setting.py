"""The configuration whose steps are measured."""

from __future__ import annotations

from benchmarks.training.log import SEED
from trainer.config import EncoderConfig, FinetuneConfig, TrainerConfig
from trainer.pretraining.cloze_config import ClozeConfig

DIM = 32
BATCH = 256


def config(dim: int = DIM, batch: int = BATCH) -> TrainerConfig:
    """SRP4CTR with an encoder of two layers.

    Args:
        dim: The layers' width.
        batch: Windows, or about as many candidates, per batch.
    """
    return TrainerConfig(
        encoder=EncoderConfig(dim=dim, feedforward=4 * dim),
        pretrain=ClozeConfig(epochs=1, batch_size=batch),
        finetune=FinetuneConfig(epochs=1, batch_size=batch, evaluations_per_epoch=1),
        seed=SEED,
    )
