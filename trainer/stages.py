"""The two stages of training, and the splits that each reads."""

CATALOG = "catalog"  # both read it: what is known of every item
# By stage, the split that it trains on and the one that it is measured by.
STAGE_SPLITS = {
    "pretrain": ("pretrain", "pretrain_validation"),
    "finetune": ("train", "validation"),
}
