"""Models of y = x / 2 + 2 with signatures to classify and to regress.

As TF1 Estimators and as TF2 exports have them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

CLASSIFY = "classify_x_to_y"
REGRESS = "regress_x_to_y"
BOTH = "labels_and_scores"
WRONG = "wrong_shape"
_X = {"x": tf.io.FixedLenFeature([1], tf.float32, 0.0)}


def _outputs(examples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    y = tf.io.parse_example(examples, _X)["x"] / 2 + 2
    scores = tf.concat([y, -y], 1)
    return y, scores


def _labels(scores: tf.Tensor) -> tf.Tensor:
    return tf.tile(tf.constant([["yes", "no"]]), [tf.shape(scores)[0], 1])


def save_tf1(path: Path) -> Path:
    """As tf.Estimator's exporters write it, with the methods' own names."""
    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        examples = v1.placeholder(tf.string, [None], name="tf_example")
        y, scores = _outputs(examples)
        classification = v1.saved_model.classification_signature_def
        regression = v1.saved_model.regression_signature_def
        signatures = {
            CLASSIFY: classification(examples, None, y),
            REGRESS: regression(examples, y),
            BOTH: classification(examples, _labels(scores), scores),
            WRONG: regression(examples, scores),
        }
        builder = v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()
    return path


def save_tf2(path: Path) -> Path:
    """As tf.saved_model.save writes it, which knows only the method name of predict."""

    def function(outputs: Callable[..., dict[str, tf.Tensor]]) -> Any:
        spec = tf.TensorSpec([None], tf.string, name="inputs")
        return tf.function(lambda inputs: outputs(*_outputs(inputs))).get_concrete_function(spec)

    signatures = {
        CLASSIFY: function(lambda y, scores: {"scores": y}),
        REGRESS: function(lambda y, scores: {"outputs": y}),
        BOTH: function(lambda y, scores: {"classes": _labels(scores), "scores": scores}),
        WRONG: function(lambda y, scores: {"outputs": scores}),
    }
    tf.saved_model.save(tf.Module(), str(path), signatures=signatures)
    return path
