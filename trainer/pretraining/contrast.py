"""A contrastive loss between two encodings of the same windows."""

from __future__ import annotations

import tensorflow as tf

from trainer.layers.history_mean import history_mean
from trainer.models.fg_bert import Encoded
from trainer.pretraining.attribute_head import Prediction

_TEMPERATURE = 0.1


def contrast(ours: Encoded, theirs: Encoded) -> Prediction:
    """Tells each window, by the mean of its encoding, from the others of the batch (a replica's) by theirs.

    InfoNCE over cosines, in both directions (SimCLR, Chen et al., arXiv 2002.05709; on behaviour sequences CL4SRec,
    Xie et al., arXiv 2010.14395).

    Args:
        ours: An encoding of B windows.
        theirs: Another of the same windows, such as of other masks and dropout.

    Returns:
        [B] each; an empty window has weight 0, and no other is told from it.
    """
    real = tf.reduce_any(ours.mask, axis=1)
    cosines = tf.matmul(_direction(ours), _direction(theirs), transpose_b=True)
    only_real = tf.where(real, 0.0, -1e9)
    logits, back = (pairs / _TEMPERATURE + only_real for pairs in (cosines, tf.transpose(cosines)))
    own = tf.range(tf.shape(cosines)[0])
    losses = [tf.nn.sparse_softmax_cross_entropy_with_logits(own, one) for one in (logits, back)]
    return Prediction(0.5 * tf.add_n(losses), tf.argmax(logits, axis=1, output_type=tf.int32) == own, real)


def _direction(encoded: Encoded) -> tf.Tensor:
    return tf.math.l2_normalize(tf.cast(history_mean(encoded.output, encoded.mask), tf.float32), -1)
