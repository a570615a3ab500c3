"""The configuration whose steps are measured."""

from __future__ import annotations

from benchmarks.training.log import SEED
from trainer.config import EncoderConfig, FinetuneConfig, PretrainConfig, TrainerConfig

BATCH = 256


def config() -> TrainerConfig:
    """SRP4CTR with an encoder of two layers of 32; 256 windows, or about 256 candidates, a batch."""
    return TrainerConfig(
        encoder=EncoderConfig(dim=32, feedforward=128),
        pretrain=PretrainConfig(epochs=1, batch_size=BATCH),
        finetune=FinetuneConfig(epochs=1, batch_size=BATCH, evaluations_per_epoch=1),
        seed=SEED,
    )
