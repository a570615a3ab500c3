"""Models and training: FG-BERT pre-training, SRP4CTR fine-tuning, export with split signatures."""

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # see preprocessing/__init__.py
