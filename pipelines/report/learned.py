"""What pre-training learned of hidden attributes: one rule and one wording, wherever it is said."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pipelines.report.results import Attribute
from pipelines.text import count, difference, percent, ratio
from preprocessing.hints import listed

# A gain over always giving the most frequent value is one that matters if guesses are right so many
# times as often, which tells where values are rare; ...
_TIMES = 1.1
# ... or if they mend this share of its errors.
_MENDED = 0.02
_ADVICE = "More epochs (trainer.pretrain.epochs), a higher learning rate or more users may help."
# Of fewer hidden values, an accuracy is uncertain by several points.
_FEW = 500


def is_learned(values: Attribute) -> bool | None:
    """Whether an attribute is filled in better than by always giving its most frequent value.

    The gain must matter, and be larger than the binomial error of so many hidden values. None where
    an accuracy isn't known.
    """
    gain = difference(values.accuracy, values.chance_accuracy)
    times = ratio(values.accuracy, values.chance_accuracy)
    chance = values.chance_accuracy
    if gain is None or times is None or chance is None:
        return None
    matters = times >= _TIMES or gain >= _MENDED * (1 - chance)
    return matters and gain > _error(chance, values.hidden)


def learned(attributes: Mapping[str, Attribute]) -> str:
    """Of how many attributes something was learned, as a sentence without its full stop."""
    found = [is_learned(values) for values in attributes.values()]
    known = len(found) - found.count(None)
    if not known:
        return "How well hidden attributes are filled in was not measured"
    number = f"{found.count(True)} of {known}" if any(found) else f"none of the {known}"
    return (
        f"FG-BERT fills in {number} hidden attributes better than always giving the most frequent "
        "value"
    )


def learned_line(attributes: Mapping[str, Attribute]) -> str:
    """What was learned and what wasn't, how sure that is, and what may help."""
    rest = _unlearned(attributes)
    said = learned(attributes)
    if rest:
        # Where nothing was learned, the rest is all of them.
        said += f": {listed(rest)}" if len(rest) == len(attributes) else f", not {listed(rest)}"
    said += f". {_judged_on(attributes)}"
    if rest and not _few(attributes):
        said += _ADVICE
    return said.strip()


def is_all_learned(attributes: Mapping[str, Attribute]) -> bool:
    """Whether no attribute is known to be unlearned."""
    return not _unlearned(attributes)


def _unlearned(attributes: Mapping[str, Attribute]) -> list[str]:
    rest = []
    for name, values in attributes.items():
        if is_learned(values) is False:
            shares = f"{percent(values.accuracy)} right against {percent(values.chance_accuracy)}"
            rest.append(f"{name} ({shares})")
    return rest


def _error(chance: float, hidden: int | None) -> float:
    """How far an accuracy is above `chance` by luck, at most, in 39 of 40 cases."""
    return 1.96 * math.sqrt(chance * (1 - chance) / hidden) if hidden else 0.0


def _hidden(attributes: Mapping[str, Attribute]) -> list[int]:
    return sorted({values.hidden for values in attributes.values() if values.hidden is not None})


def _few(attributes: Mapping[str, Attribute]) -> bool:
    hidden = _hidden(attributes)
    return bool(hidden) and hidden[0] < _FEW


def _judged_on(attributes: Mapping[str, Attribute]) -> str:
    hidden = _hidden(attributes)
    if not hidden:
        return ""
    least = count(hidden[0])
    number = least if len(hidden) == 1 else f"{least} to {count(hidden[-1])}"
    few = ", too few to show small gains" if _few(attributes) else ""
    return f"Each was judged on {number} hidden values of held-out users{few}. "
