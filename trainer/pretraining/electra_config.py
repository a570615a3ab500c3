"""The options of ELECTRA."""

from __future__ import annotations

from trainer.pretrain_config import PredictingConfig


class ElectraConfig(PredictingConfig):
    """ELECTRA's, whose generator predicts items."""

    objective: str = "electra"
