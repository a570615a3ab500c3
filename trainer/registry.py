"""The rankers and pre-training objectives by the names that a configuration takes. Each is imported when it is made."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.catalog import ItemCatalog
    from trainer.config import PretrainConfig, TrainerConfig
    from trainer.fields import Fields
    from trainer.models.fg_bert import FGBert
    from trainer.models.ranker import Ranker
    from trainer.pretraining.objective import Objective

# What `ranker.model` takes.
RANKERS = {
    "srp4ctr": "trainer.models.srp4ctr.Srp4Ctr",
    "din": "trainer.models.din.Din",
    "pnn": "trainer.models.pnn.Pnn",
    "bst": "trainer.models.bst.Bst",
    "dien": "trainer.models.dien.Dien",
    "can": "trainer.models.can.Can",
    "unfolded_din": "trainer.models.unfolded_din.UnfoldedDin",
}
# What `pretrain.objective` takes.
OBJECTIVES = {
    "cloze": "trainer.pretraining.model.ClozeModel",
    "electra": "trainer.pretraining.electra.Electra",
    "s3rec": "trainer.pretraining.s3rec.S3Rec",
}


def create_ranker(fields: Fields, config: TrainerConfig) -> Ranker:
    """The ranker that `config.ranker.model` names, its weights not made yet."""
    ranker: Ranker = _load(RANKERS[config.ranker.model])(fields, config.ranker, config.encoder, name="ranker")
    return ranker


def create_objective(encoder: FGBert, config: PretrainConfig, catalog: ItemCatalog) -> Objective:
    """The model that trains `encoder` on the objective that `config` names."""
    objective: Objective = _load(OBJECTIVES[config.objective])(encoder, config, catalog)
    return objective


def _load(path: str) -> Any:
    module, name = path.rsplit(".", 1)
    return getattr(importlib.import_module(module), name)
