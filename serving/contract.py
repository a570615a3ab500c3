"""The signatures of an exported model: names that exporter, servers and clients agree on.

    encode_user
        in: raw user, context and history features, dense [B] or [B, L'], padded with ""
        out: user_state_bytes [B]
    score_items
        in: user_state_bytes [B], candidate_item_id [B, N]
        out: scores
    score_items_with_features
        in: as score_items, and every candidate feature [B, N]
        out: scores
    predict
        in: the inputs of encode_user, and every candidate feature [B, N]
        out: scores
    serving_default
        in: examples [B], serialised raw tf.Examples
        out: scores, candidate_mask [B, N]
    encode_user_examples
        in: examples [B], serialised raw tf.Examples
        out: user_state_bytes [B, 1]
    describe
        in: request [B], any strings
        out: description [B], a Description as JSON

Scores are one float [B, N] per task, named after it: probabilities. Row b of every tensor belongs
to request b. `candidate_item_id` "" pads; a padded candidate's score is 0. A candidate feature
that is "" (or NaN) is looked up in the item catalogue inside the model; a value that is sent wins.
`encode_user_examples` is for jobs that encode many users: TFX's BulkInferrer takes signatures of
one input, and string outputs only as [B, 1].
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

DEFAULT_MODEL_NAME = "srp4ctr"

ENCODE_USER = "encode_user"
SCORE_ITEMS = "score_items"
SCORE_ITEMS_WITH_FEATURES = "score_items_with_features"
PREDICT = "predict"
SERVING_DEFAULT = "serving_default"
ENCODE_USER_EXAMPLES = "encode_user_examples"
DESCRIBE = "describe"

# Over REST, TensorFlow Serving writes outputs as base64 whose names end in `_bytes`.
USER_STATE = "user_state_bytes"
OLD_USER_STATE = "user_state"  # its name in versions that the release before has exported
CANDIDATE_ITEM_ID = "candidate_item_id"
EXAMPLES = "examples"
CANDIDATE_MASK = "candidate_mask"
REQUEST = "request"
DESCRIPTION = "description"

# Inputs of encode_user that a client must know by name.
USER_ID = "user_id"
TIMESTAMP = "timestamp"  # of the request, seconds since 1970 UTC
HISTORY_ITEM_ID = "history_item_id"
USER_STATISTICS = "user_statistics"
HISTORY_TIMESTAMP = "history_timestamp"  # of each behaviour

# In the refusal of a state that another version made; a client then encodes the user again.
STALE_STATE = "user_state was made by another model version"

# Where TF Serving looks for requests to replay before a version becomes available.
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
# Every file of the version that the export wrote, by relative path: {"files": {path: {"bytes": n,
# "sha256": hex}}}.
MANIFEST_FILE = "assets.extra/srp4ctr_manifest.json"
# The statistics table: a version with a newer one is a copy with another file and manifest.
STATISTICS_FILE = "assets/statistics.txt"
# Of when it is: {"as_of": seconds since 1970, "events": n}; {} where it doesn't say.
STATISTICS_AS_OF_FILE = "assets.extra/srp4ctr_statistics.json"
# The spec and configuration that made the model travel with it, and its description.
CONFIG_FILE = "assets.extra/srp4ctr.json"


def state_name(names: Collection[str]) -> str:
    """The name of the user state among the inputs or outputs of a version.

    Versions that the release before exported have another one.
    """
    return OLD_USER_STATE if OLD_USER_STATE in names else USER_STATE


@dataclasses.dataclass(frozen=True)
class Description:
    """What clients must know of a model version, besides its signatures.

    The version itself tells them, by its signature `describe`.

    Attributes:
        max_candidates: The most candidates of a request.
        max_history: The most behaviours of a request.
        history_length: How many of a history's latest behaviours count.
        tasks: The scores' names.
        state_identity: Hex digits that change with whatever makes a user state unreadable for other
            versions.
        state_dtype: How user states are stored.
        user_inputs: The inputs of encode_user about the user, but for context and history.
        context_inputs: Those about the request's circumstances.
        history_inputs: Those along the history.
        showing_inputs: Those inputs of candidates that differ from one showing of an item to the
            next, such as its position. What the catalogue has of them is of another showing, so
            they must be sent to be scored well.
        statistic_inputs: The statistics among `user_inputs`. Left out, nothing has happened to the
            user.
        ranges: Of inputs whose numbers have limits, the least and the most; no most is None.
        users_items: Of each statistic of users and items together, how many numbers a line of
            `user_statistics` has.
        users_items_inputs: The inputs of candidates that have the same numbers, in the order of a
            line; their `ranges` go for both. Versions that the release before exported don't say.
    """

    max_candidates: int
    max_history: int
    history_length: int
    tasks: tuple[str, ...]
    state_identity: str
    state_dtype: str
    user_inputs: tuple[str, ...]
    context_inputs: tuple[str, ...]
    history_inputs: tuple[str, ...]
    showing_inputs: tuple[str, ...] = ()
    statistic_inputs: tuple[str, ...] = ()
    ranges: dict[str, tuple[float, float | None]] = dataclasses.field(default_factory=dict)
    users_items: dict[str, int] = dataclasses.field(default_factory=dict)
    users_items_inputs: dict[str, Sequence[str]] = dataclasses.field(default_factory=dict)

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Description:
        """Reads what `to_json` wrote; keys of later releases are passed over."""
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Description:
        """As `from_json`, of parsed JSON."""
        known: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            if field.name not in found and _has_default(field):
                continue  # the release that exported it didn't say
            value = found[field.name]
            known[field.name] = tuple(value) if isinstance(value, list) else value
        return cls(**known)


def _has_default(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing
