"""What a service sends of users, as lines of JSON, made of their records as of now."""

from __future__ import annotations

import json
from collections.abc import Sequence

import apache_beam as beam

from preprocessing.features import TIMESTAMP, RecordFeature, user_inputs
from preprocessing.record_values import for_client, plain_features
from preprocessing.spec import DatasetSpec
from preprocessing.user_records import UserRecords


class RequestLines(beam.PTransform):
    """From a pipeline's root to lines of JSON, one for each user of the log, in any order.

    A line has what `encode_user` takes of the user: id, features, history and statistics. Of the
    circumstances it has the time alone, since only the request knows the others.

    Args:
        spec: The dataset spec.
        as_of: The time of the requests, seconds since 1970; later events are left out.
    """

    def __init__(self, spec: DatasetSpec, as_of: int) -> None:
        super().__init__()
        self._spec = spec
        self._as_of = as_of

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        records = root | UserRecords(self._spec, self._as_of)
        features = []
        for feature in user_inputs(self._spec):
            if feature.side != "context" or feature.name == TIMESTAMP:
                features.append(feature)
        return records | "Lines" >> beam.MapTuple(lambda _, record: _line(record, features))


def _line(record: bytes, features: Sequence[RecordFeature]) -> str:
    user = {}
    for name, values in plain_features(record, features).items():
        user[name] = for_client(values)
    return json.dumps(user, ensure_ascii=False, allow_nan=False)
