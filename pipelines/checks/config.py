"""How strictly a run's data is checked."""

from __future__ import annotations

from typing import Literal

import pydantic

from preprocessing.config import Config
from preprocessing.known_paths import KnownPath

# fail: the run ends before it trains. block: it trains and reports, but pushes nothing. warn: the
# report says so.
Policy = Literal["fail", "block", "warn"]


class ChecksConfig(Config):
    """What is compared, and what follows from a finding.

    Drift compares the training split with the previous run's (or span's); skew compares logged
    serving requests with the training split. Identifiers and timestamps are left out: they differ
    by nature.

    Attributes:
        schema_policy: What a record that breaks the schema leads to.
        drift_policy: What drift leads to.
        skew_policy: What skew leads to.
        categorical: The largest change of any value's share that is fine (L-infinity), 0 to 1.
        numeric: The largest Jensen-Shannon divergence of a number's distribution that is fine, 0 to
            1.
        label: The same for labels, which matter more: 0.005 is a rate that goes from 10 % to 15 %.
        thresholds: For single features of the records, such as `history_genres`, in place of these;
            null leaves the feature out, and naming an identifier takes it in.
        serving_log: TFRecords of what was asked when serving, a path or glob: tf.Examples of raw
            features, or TF Serving's PredictionLogs. Without one, skew is not checked.
    """

    schema_policy: Policy = "fail"
    drift_policy: Policy = "warn"
    skew_policy: Policy = "warn"
    categorical: float = pydantic.Field(0.1, gt=0, le=1)
    numeric: float = pydantic.Field(0.1, gt=0, le=1)
    label: float = pydantic.Field(0.005, gt=0, le=1)
    thresholds: dict[str, float | None] = {}
    serving_log: KnownPath | None = None
