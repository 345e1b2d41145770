"""Who predicts better: model, points, both together, or nobody that these leads can show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from leadml.evaluation.challenge import LEVEL
from leadml.evaluation.contest import Contest, Row

PRIMARY: Row = ("log_loss_equal", "")
"""What decides: log loss after equal calibration, chosen before any lead was looked at."""
SMALLEST = 0.002
"""Relative difference in log loss under which one is not called better, whatever the evidence."""
CHOSEN_BY_MODEL = (
    "No winner is named: on these leads the points predict better, but the model decided which "
    "leads were worked, and among leads that it chose it looks worse than it is."
)


@dataclass(frozen=True)
class Winner:
    """The verdict.

    Attributes
    ----------
    name : {"model", "points", "both", "none", None}
        None where no winner may be named.
    text : str
        The verdict in one or two plain sentences.
    p_all_equal : float or None
        Of the test that all three predict equally well.
    """

    name: str | None
    text: str
    p_all_equal: float | None = None


def winner_of(contest: Contest) -> Winner:
    """Name the winner by log loss after equal calibration.

    First a test that all contestants are equal (Wald, covariance from the paired resamples); only
    where it rejects do the two-sided intervals of the pairs decide. With three contestants this
    keeps the chance of any false claim at 5 % (closed testing; Hayter 1986,
    doi:10.1080/01621459.1986.10478364). A difference below `SMALLEST` of the log loss decides
    nothing. *Both* wins only where it beats the model and the points.
    """
    values = contest.measured.get(PRIMARY, {})
    if len(values) < 2:
        return Winner(
            "none",
            "No winner: too few leads, or leads of too few accounts, were won or lost to "
            "calibrate all alike.",
        )
    p = equality(contest)
    least = SMALLEST * min(values.values())
    better = {
        (row["first"], row["second"]): row["better"]
        if p <= 1 - LEVEL and abs(row["difference"]) >= least
        else None
        for row in contest.pairs(PRIMARY, good="lower")
    }
    name = _named(better)
    return Winner(name, _words(name, better, values, len(contest.won)), p)


def equality(contest: Contest) -> float:
    """Return the p-value of *all contestants have the same log loss after equal calibration*."""
    names = list(contest.measured[PRIMARY])
    drawn = np.array([contest.drawn(PRIMARY, name) for name in names])
    gaps = drawn[1:] - drawn[0]
    measured = [contest.measured[PRIMARY][name] for name in names]
    gap = np.array(measured[1:]) - measured[0]
    covariance = np.atleast_2d(np.cov(gaps))
    size = float(np.trace(covariance))
    if size <= 1e-24:
        return 1.0 if float(np.abs(gap).max()) < 1e-12 else 0.0
    distance = float(gap @ np.linalg.pinv(covariance, rcond=1e-9, hermitian=True) @ gap)
    return float(chi2.sf(distance, np.linalg.matrix_rank(covariance, tol=1e-9 * size)))


def _named(better: Mapping[tuple[str, str], str | None]) -> str:
    over_both = [better.get(("both", name)) for name in ("model", "points")]
    if over_both == ["both", "both"]:
        return "both"
    return better.get(("model", "points")) or "none"


def _words(
    name: str,
    better: Mapping[tuple[str, str], str | None],
    values: Mapping[str, float],
    leads: int,
) -> str:
    def loss(who: str) -> str:
        return f"{values[who]:.4f}"

    if name == "both":
        return (
            "Model and points together win: they predict these leads better than the model alone "
            f"or the points alone (log loss {loss('both')} against {loss('model')} and "
            f"{loss('points')}, all calibrated alike)."
        )
    if name == "none":
        figures = ", ".join(f"{who} {loss(who)}" for who in values)
        return (
            f"No winner: these {leads:,} leads do not settle who predicts them better (log loss "
            f"after equal calibration: {figures}). {_added(better, values, 'model')}"
        ).rstrip()
    other = "points" if name == "model" else "model"
    what = f"(log loss {loss(name)} against {loss(other)}, both calibrated alike)"
    begun = {
        "model": f"The model wins: it predicts these leads better than the points do {what}.",
        "points": f"The points win: they predict these leads better than the model does {what}.",
    }[name]
    return f"{begun} {_added(better, values, name)}".rstrip()


def _added(
    better: Mapping[tuple[str, str], str | None], values: Mapping[str, float], name: str
) -> str:
    """Say what the other one adds to the one that leads."""
    if "both" not in values:
        return ""
    other, verb = ("points", "add") if name == "model" else ("model", "adds")
    told = better.get(("both", name))
    if told == name:
        return f"Mixing the {other} into the {name} makes it worse."
    if told == "both":
        return f"The {other} {verb} to the {name}."
    return f"The {other} {verb} nothing to the {name} that these leads can show."


def restricted_words(restriction: Mapping[str, Any]) -> str:
    """Say why no winner is named where the points decided who was worked."""
    return f"No winner is named: {restriction['why']}."
