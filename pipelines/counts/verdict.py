"""Why a ranker isn't pushed: trees on counts are better, or its encoder is of no use."""

from __future__ import annotations

from pipelines.counts.found import Counts, Gain, TaskCounts
from pipelines.text import interval, signed

# What is asked of the encoder, of a model that is pushed only then.
PAYS = "pays"
DOES_NOT_PAY = "does not pay"


def encoder_pays(counts: Counts) -> bool:
    """Whether the encoder's gain is above 0 for sure on a task, and below 0 for sure on none.

    Where an interval isn't known, too few users were seen to say that it doesn't.
    """
    gains = counts.encoder.values()
    if any(gain.is_below for gain in gains):
        return False
    return any(gain.low is None or gain.is_above for gain in gains)


def refused_for_encoder(counts: Counts, if_encoder: str) -> list[str]:
    """Why a model isn't pushed that is pushed only if the encoder pays, or only if it doesn't.

    Args:
        counts: What was found of the encoder's gain.
        if_encoder: PAYS or DOES_NOT_PAY.
    """
    pays = encoder_pays(counts)
    if pays == (if_encoder == PAYS):
        return []
    gains = "; ".join(_gain(task, gain) for task, gain in counts.encoder.items())
    if pays:
        return [f"evaluation.push: cheaper keeps the encoder, which pays: {gains}."]
    return [
        "evaluation.push: cheaper takes the base ranker, for it isn't clear that the encoder pays: "
        f"{gains}."
    ]


def _gain(task: str, gain: Gain) -> str:
    if gain.points is None or gain.low is None or gain.high is None:
        return f"its gain on “{task}” is not known"
    return (
        f"{signed(gain.points, 2)} points of test AUC of “{task}”, 95 % interval "
        f"{interval(gain.low, gain.high)}"
    )


def not_beaten(counts: Counts, by_base: bool = False) -> list[str]:
    """Why a ranker that has to beat the trees may not be pushed, in one sentence for all tasks.

    Args:
        counts: What was found of the ranker and of the trees.
        by_base: Whether it is the base ranker without the encoder that has to.
    """
    asked = "evaluation.must_beat asks for a model that beats boosted trees on counts"
    if counts.missing is not None:
        return [f"{asked}, and there are none to compare with. {counts.missing}."]
    differences: list[str] = []
    for task, of_ranker in counts.tasks.items():
        found = _of_base(of_ranker, counts.encoder[task]) if by_base else of_ranker
        if found.points is None or found.points <= 0:
            differences.append(difference(task, found))
    return [f"{asked}: {'; '.join(differences)}."] if differences else []


def difference(task: str, found: TaskCounts) -> str:
    """Both AUCs of a task and how far they are apart."""
    if found.auc is None or found.model_auc is None or found.points is None:
        return f"the test AUC of “{task}” is undefined"
    sure = ""
    if found.low is not None and found.high is not None:
        sure = f", 95 % interval {interval(found.low, found.high)}"
    return (
        f"the test AUC of “{task}” is {found.model_auc:.4f}, and that of the trees {found.auc:.4f} "
        f"({signed(found.points, 2)} points{sure})"
    )


def _of_base(found: TaskCounts, encoder: Gain) -> TaskCounts:
    """The trees beside the base ranker: the ranker less its encoder's gain.

    All three are of the same candidates. The interval of this difference isn't known.
    """
    if found.points is None or found.model_auc is None or encoder.points is None:
        return found
    return TaskCounts(
        points=found.points - encoder.points,
        low=None,
        high=None,
        auc=found.auc,
        model_auc=found.model_auc - encoder.points / 100,
        trees=found.trees,
    )
