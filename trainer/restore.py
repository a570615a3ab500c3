"""Trained models as Keras objects, from what training exported."""

from __future__ import annotations

import os

import tensorflow as tf

from preprocessing.errors import DataError
from trainer.finetune import build_ranker
from trainer.inputs import StageInputs
from trainer.models.fg_bert import FGBert
from trainer.models.ranker import Ranker
from trainer.pretrain import CHECKPOINT
from trainer.pretraining.batches import MaskedBatches
from trainer.pretraining.objective import Objective
from trainer.registry import create_objective


def restore_ranker(inputs: StageInputs, model_dir: str) -> Ranker:
    """The ranker inside a SavedModel that `train_ranker` wrote.

    Args:
        inputs: What it was trained with.
        model_dir: The SavedModel.
    """
    batch = next(iter(inputs.records().batches(inputs.train, batch_size=1)))
    ranker = build_ranker(inputs, tf.data.Dataset.from_tensors((batch, {}, {})), encoder_dir=None)
    ranker.set_weights([weight.numpy() for weight in tf.saved_model.load(model_dir).weights])
    return ranker


def restore_objective(inputs: StageInputs, model_dir: str) -> Objective:
    """The pre-trained encoder with its heads, from what `pretrain` wrote.

    Args:
        inputs: What it was trained with.
        model_dir: The pre-training export.

    Raises:
        DataError: the export has no heads, as an older version of this package wrote it.
    """
    encoder = FGBert(inputs.fields(), inputs.config.encoder, name="encoder")
    model = create_objective(
        encoder, inputs.config.pretrain, inputs.records().catalog(inputs.catalog)
    )
    model(next(iter(MaskedBatches(inputs).once(inputs.validation))))
    path = os.path.join(model_dir, CHECKPOINT)
    checkpoint = tf.train.Checkpoint(encoder=encoder, heads=model.heads)
    try:
        checkpoint.read(path).assert_existing_objects_matched()
    except AssertionError:
        raise DataError(
            f"{path}: it has the encoder alone, from an older version. Run `srp4ctr run` again."
        ) from None
    return model
