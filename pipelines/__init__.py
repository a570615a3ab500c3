"""The TFX pipeline from logs to a pushed model, its runners, its report, and the command line."""

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # see preprocessing/__init__.py
