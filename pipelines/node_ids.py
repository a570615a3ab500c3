"""What the pipeline's components are called: in TFX's metadata, in logs, and on consoles."""

from __future__ import annotations

EXAMPLE_GEN = "BehaviorLogExampleGen"
STATISTICS = "StatisticsGen"
SCHEMA = "CuratedSchemaGen"
VALIDATOR = "ExampleValidator"
PREVIOUS_STATISTICS = "Resolver.previous_statistics"
SERVING_LOG = "ServingLogExampleGen"
SERVING_STATISTICS = "StatisticsGen.serving"
CHECKS = "DataChecks"
TRANSFORM = "Transform"
EARLIER_MODEL = "Resolver.earlier_model"
PRETRAIN = "Trainer.pretrain"
RANKER = "Trainer.ranker"
BASELINE = "Trainer.baseline"
LATEST_BLESSED = "Resolver.latest_blessed"
EVALUATOR = "Evaluator"
BASELINE_EVALUATOR = "Evaluator.baseline"
COUNTS = "Counts"
GATE = "BlessingGate"
BASELINE_GATE = "BlessingGate.baseline"
PUSHER = "Pusher"
BASELINE_PUSHER = "Pusher.baseline"

# The components that prepare data.
DATA = frozenset(
    (
        EXAMPLE_GEN,
        STATISTICS,
        SCHEMA,
        VALIDATOR,
        PREVIOUS_STATISTICS,
        SERVING_LOG,
        SERVING_STATISTICS,
        CHECKS,
        TRANSFORM,
    )
)


def is_resolver(node: str) -> bool:
    """Whether a component finds artifacts of earlier runs."""
    return node.startswith("Resolver.")
