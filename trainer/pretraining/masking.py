"""The two masking strategies of FG-BERT (SRP4CTR, section 3.2): hide items, or hide behaviours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from trainer.fields import BEHAVIOR_MASK, ITEM_MASK, Field, Fields
from trainer.pretrain_config import ItemMaskingConfig

Features = Mapping[str, tf.Tensor]


def mask_history(
    features: Features, fields: Fields, config: ItemMaskingConfig, seed: tf.Tensor
) -> dict[str, Any]:
    """Hides some behaviours' item-related features, and other behaviours' behaviour-related ones.

    No behaviour is hidden whole; of every sequence of two or more at least one is hidden and at
    least one is not.

    Args:
        features: History indices, [B, L] or [B, L, V] each.
        fields: The data set's fields.
        config: Shares to hide.
        seed: Integers [2]; the same seed hides the same cells.

    Returns:
        `features` with the hidden cells at their field's mask index, the original `targets`, and
        the boolean `item_mask` and `behavior_mask` [B, L] of hidden cells.
    """
    present = features["history_item_id"] > 0
    item_mask, behavior_mask = _choose(present, config, bool(fields.behavior), seed)
    masks = {ITEM_MASK: item_mask, BEHAVIOR_MASK: behavior_mask}
    history = fields.of("history")
    masked = {field.name: hide(features[field.name], masks[field.mask], field) for field in history}
    targets = {field.name: features[field.name] for field in history}
    return {"features": masked, "targets": targets} | masks


def _choose(
    present: tf.Tensor, config: ItemMaskingConfig, has_behavior: bool, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Disjoint random masks over the present cells.

    A row has as many hidden cells as the configured rates say, rounded up or down at random.
    """
    length = tf.reduce_sum(tf.cast(present, tf.int32), 1)
    most = tf.maximum(length - 1, 0)
    rounding = tf.random.stateless_uniform([2, tf.shape(present)[0]], seed)
    exact = tf.cast(length, tf.float32)
    items = tf.minimum(tf.cast(exact * config.item_rate + rounding[0], tf.int32), most)
    behavior_rate = config.behavior_share if has_behavior else 0.0
    wanted = exact * behavior_rate + rounding[1] * (behavior_rate > 0)
    behaviors = tf.minimum(tf.cast(wanted, tf.int32), most - items)
    # Where rounding has left nothing to hide, one cell is hidden.
    none = items + behaviors == 0
    first = tf.cast(none & (most > 0), tf.int32)
    if config.item_rate > 0 or not has_behavior:
        items += first
    else:
        behaviors += first
    # Present cells in random order (a draw is below 1), absent ones after them.
    order = tf.random.stateless_uniform(tf.shape(present), seed + 1)
    rank = tf.argsort(tf.argsort(tf.where(present, order, 2.0), axis=1), axis=1)
    item_mask = rank < items[:, None]
    return item_mask, (rank < (items + behaviors)[:, None]) & ~item_mask


def hide(indices: tf.Tensor, hidden: tf.Tensor, field: Field) -> tf.Tensor:
    """Replaces hidden cells by the mask index.

    A multivalent cell gets one mask index and no other value.
    """
    mask = tf.constant(field.size, indices.dtype)
    if not field.multivalent:
        return tf.where(hidden, mask, indices)
    alone = tf.one_hot(0, field.width, mask, tf.constant(0, indices.dtype), dtype=indices.dtype)
    return tf.where(hidden[:, :, None], alone, indices)
