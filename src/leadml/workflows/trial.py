"""A trial: before a version serves it scores two leads that nobody gets to see."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from leadml.errors import ModelError
from leadml.model.bundle import Bundle
from leadml.workflows.score import Answer, Scorer

_TOLD = ("trained_at", "chosen", "leads", "won", "data_window", "out_of_time", "threshold", "bands")
"""What the service tells of a version, besides its scores."""
_PARTS = ("data_window", "out_of_time", "threshold", "bands")
"""Those that have parts."""


def tried(bundle: Bundle) -> Scorer:
    """Return the scorer of a bundle that has scored a lead of nothing and one of every column.

    What a request would pay for, such as reading trees, is done with that.

    Raises
    ------
    ModelError
        If it cannot score, or a score is no number.
    """
    missing = [name for name in _TOLD if name not in bundle.manifest]
    missing += [n for n in _PARTS if not isinstance(bundle.manifest.get(n, {}), Mapping)]
    if missing:
        raise ModelError(_refusal(bundle.path, f"its manifest lacks {', '.join(missing)}"))
    try:
        scorer = Scorer(bundle)
        problem = _problem(scorer)
        bundle.definition.to_dict()  # what is told of it, and what drift is held against
        bundle.reference  # noqa: B018
    except ModelError:
        raise
    except Exception as fault:
        kind = type(fault).__name__
        raise ModelError(_refusal(bundle.path, f"{kind} on a trial lead")) from fault
    if problem:
        raise ModelError(_refusal(bundle.path, problem))
    return scorer


def _problem(scorer: Scorer) -> str:
    """Score with and without values; a column that cannot hold a 1 is left out.

    Nothing at all is known of the first lead: where there are trees it passes each of them.
    """
    nothing = np.full((1, len(scorer.bundle.features.features)), np.nan)
    if not np.isfinite(scorer.bundle.machine.log_odds(nothing)).all():
        return "the score of a lead of which nothing is known is no number"
    name, full = scorer.definition.leads.id, dict.fromkeys(sorted(scorer.known_columns), "1")
    for lead in ({} if name is None else {name: "1"}, full):
        if not _is_sound(_answer(scorer, lead)):
            return "the score of a trial lead is no number"
    return ""


def _answer(scorer: Scorer, lead: dict[str, str]) -> Answer:
    (answer,) = scorer.score_records([lead], [[]])
    unreadable = {name for error in answer.errors for name in error["loc"]}
    if not unreadable:
        return answer
    readable = {name: value for name, value in lead.items() if name not in unreadable}
    return scorer.score_records([readable], [[]])[0]


def _is_sound(answer: Answer) -> bool:
    numbers = (answer.probability, answer.priority, answer.cut, answer.probability_eventually)
    return answer.probability is not None and all(
        number is None or 0 <= number <= 100 for number in numbers
    )


def _refusal(path: Path, why: str) -> str:
    return f"{path}: the version cannot serve: {why}; restore it or train again"
