"""The rankers and pre-training objectives by the names that a configuration takes.

Each is imported when it is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from preprocessing.choices import Choice
from preprocessing.plugins import load, plugins

if TYPE_CHECKING:
    from trainer.catalog import ItemCatalog
    from trainer.config import TrainerConfig
    from trainer.fields import Fields
    from trainer.models.fg_bert import FGBert
    from trainer.models.ranker import Ranker
    from trainer.pretrain_config import PretrainConfig
    from trainer.pretraining.objective import Objective
    from trainer.ranker_config import RankerConfig


class Entry(NamedTuple):
    """A class and the class of its options, by their paths.

    Options lie in a file of their own, so that configurations are read without TensorFlow.
    """

    made: str
    options: str


_MODELS = "trainer.models"
_PRETRAINING = "trainer.pretraining"

# What `ranker.model` takes.
RANKERS = {
    "srp4ctr": Entry(f"{_MODELS}.srp4ctr.Srp4Ctr", f"{_MODELS}.srp4ctr_config.Srp4CtrConfig"),
    "din": Entry(f"{_MODELS}.din.Din", f"{_MODELS}.din_config.DinConfig"),
    "pnn": Entry(f"{_MODELS}.pnn.Pnn", "trainer.ranker_config.RankerConfig"),
    "bst": Entry(f"{_MODELS}.bst.Bst", f"{_MODELS}.bst_config.BstConfig"),
    "dien": Entry(f"{_MODELS}.dien.Dien", f"{_MODELS}.dien_config.DienConfig"),
    "can": Entry(f"{_MODELS}.can.Can", f"{_MODELS}.can_config.CanConfig"),
    "unfolded_din": Entry(f"{_MODELS}.unfolded_din.UnfoldedDin", f"{_MODELS}.din_config.DinConfig"),
}
# What `pretrain.objective` takes.
OBJECTIVES = {
    "cloze": Entry(f"{_PRETRAINING}.cloze.ClozeModel", f"{_PRETRAINING}.cloze_config.ClozeConfig"),
    "electra": Entry(
        f"{_PRETRAINING}.electra.Electra", f"{_PRETRAINING}.electra_config.ElectraConfig"
    ),
    "s3rec": Entry(f"{_PRETRAINING}.s3rec.S3Rec", f"{_PRETRAINING}.s3rec_config.S3RecConfig"),
}


def _of_others(group: str, own: Mapping[str, Entry], common: str) -> dict[str, Entry]:
    """What other packages add; those without options of their own have the common ones."""
    options = plugins(f"{group}_options")
    entries = {}
    for name, made in plugins(f"{group}s", own).items():
        entries[name] = Entry(made, options.get(name, common))
    return entries


RANKERS |= _of_others("ranker", RANKERS, "trainer.ranker_config.RankerConfig")
OBJECTIVES |= _of_others("objective", OBJECTIVES, "trainer.pretrain_config.PretrainConfig")

MODEL: Choice[RankerConfig] = Choice(
    "model", RANKERS, lambda name: load(RANKERS[name].options), default="srp4ctr"
)
OBJECTIVE: Choice[PretrainConfig] = Choice(
    "objective", OBJECTIVES, lambda name: load(OBJECTIVES[name].options), default="cloze"
)


def create_ranker(fields: Fields, config: TrainerConfig) -> Ranker:
    """The ranker that `config.ranker.model` names, its weights not made yet."""
    made = load(RANKERS[config.ranker.model].made)
    ranker: Ranker = made(fields, config.ranker, config.encoder, name="ranker")
    return ranker


def create_objective(encoder: FGBert, config: PretrainConfig, catalog: ItemCatalog) -> Objective:
    """The model that trains `encoder` on the objective that `config` names."""
    objective: Objective = load(OBJECTIVES[config.objective].made)(encoder, config, catalog)
    return objective
