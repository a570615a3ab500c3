"""The options of S3-Rec."""

from __future__ import annotations

from trainer.pretrain_config import PretrainConfig


class S3RecConfig(PretrainConfig):
    """S3-Rec's."""

    objective: str = "s3rec"
