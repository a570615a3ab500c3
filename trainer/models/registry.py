"""The rankers by the name that `ranker.model` takes. Nothing heavy is imported before one is made."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.config import TrainerConfig
    from trainer.fields import Fields
    from trainer.models.ranker import Ranker

RANKERS = {
    "srp4ctr": "trainer.models.srp4ctr.Srp4Ctr",
    "din": "trainer.models.din.Din",
    "pnn": "trainer.models.pnn.Pnn",
    "bst": "trainer.models.bst.Bst",
    "dien": "trainer.models.dien.Dien",
    "can": "trainer.models.can.Can",
    "unfolded_din": "trainer.models.unfolded_din.UnfoldedDin",
}


def create_ranker(fields: Fields, config: TrainerConfig) -> Ranker:
    """The ranker that `config.ranker.model` names, its weights not made yet."""
    module, name = RANKERS[config.ranker.model].rsplit(".", 1)
    ranker: Ranker = getattr(importlib.import_module(module), name)(
        fields, config.ranker, config.encoder, name="ranker"
    )
    return ranker
