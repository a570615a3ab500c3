"""The signatures of an exported model: names that the exporter, the servers and the clients agree on.

| signature | inputs | outputs |
| --- | --- | --- |
| encode_user | raw user, context and history features, dense [B] or [B, L'] ("" pads) | user_state [B] |
| score_items | user_state [B], candidate_item_id [B, N] | one float [B, N] a task |
| score_items_with_features | as score_items, and every candidate feature [B, N] | one float [B, N] a task |
| predict | the inputs of encode_user, and of every candidate feature | one float [B, N] a task |
| serving_default | examples [B], serialised raw tf.Examples | one float [B, N] a task, candidate_mask |
| encode_user_examples | examples [B], serialised raw tf.Examples | user_state [B, 1] |

`candidate_item_id` "" pads; a padded candidate's score is 0. A candidate feature "" (or NaN) is looked up in the
item catalogue inside the model; a value that is sent wins. Scores are probabilities, named after the task.
Row b of every tensor belongs to request b. `encode_user_examples` is for jobs that encode many users: TFX's
BulkInferrer takes signatures of one input, and string outputs only as [B, 1].
"""

from __future__ import annotations

ENCODE_USER = "encode_user"
SCORE_ITEMS = "score_items"
SCORE_ITEMS_WITH_FEATURES = "score_items_with_features"
PREDICT = "predict"
SERVING_DEFAULT = "serving_default"
ENCODE_USER_EXAMPLES = "encode_user_examples"

USER_STATE = "user_state"
CANDIDATE_ITEM_ID = "candidate_item_id"
EXAMPLES = "examples"
CANDIDATE_MASK = "candidate_mask"

# In the refusal of a state that another version made; a client then encodes the user again.
STALE_STATE = "user_state was made by another model version"

# Where TF Serving looks for requests to replay before a version becomes available.
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
# The spec and configuration that made the model travel with it.
CONFIG_FILE = "assets.extra/srp4ctr.json"
