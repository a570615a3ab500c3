"""Behaviour logs to request-grouped records: spec, sources, histories, splits, transform.

TensorFlow Recommenders, TensorFlow Transform and TFMA need the legacy Keras (tf-keras), which
TensorFlow selects by an environment variable that must be set before its first import, in every
process. Beam workers and containers import this package first, so it is set here.
"""

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
