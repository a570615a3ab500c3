"""The pre-training objectives by the name that `pretrain.objective` takes. Each is imported when it is made."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.catalog import ItemCatalog
    from trainer.config import PretrainConfig
    from trainer.models.fg_bert import FGBert
    from trainer.pretraining.objective import Objective

OBJECTIVES = {
    "cloze": "trainer.pretraining.model.ClozeModel",
    "electra": "trainer.pretraining.electra.Electra",
    "s3rec": "trainer.pretraining.s3rec.S3Rec",
}


def create_objective(encoder: FGBert, config: PretrainConfig, catalog: ItemCatalog) -> Objective:
    """The model that trains `encoder` on the objective that `config` names."""
    module, name = OBJECTIVES[config.objective].rsplit(".", 1)
    objective: Objective = getattr(importlib.import_module(module), name)(encoder, config, catalog)
    return objective
