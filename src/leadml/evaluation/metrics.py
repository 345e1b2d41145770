"""The six measures by which model and points are compared, each from a tally of the leads.

Points and probabilities go through the same functions. Every function takes a `Tally`; the
`of_scores` constructor of a tally is ``Ranked(won, score).tally()``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from leadml.evaluation.calibration import recalibrated
from leadml.evaluation.tally import Tally

_SMALLEST = float(np.finfo(np.float64).eps)


def auc(tally: Tally) -> float:
    """Higher is better, 0 to 1, 0.5 for a coin: chance that a won lead outranks a lost one.

    Ties count half. Says nothing about the level of the probabilities. NaN unless there are both
    won and lost leads. The Mann-Whitney form of the area under the ROC curve (Hanley and McNeil
    1982, doi:10.1148/radiology.143.1.7063747).

    Examples
    --------
    >>> import numpy as np
    >>> auc(Tally(np.array([1.0, 2.0]), np.array([1.0, 1.0]), np.array([1.0, 0.0])))
    0.75
    """
    won, lost = tally.won.sum(), tally.lost.sum()
    if not (won and lost):
        return float("nan")
    lost_below = np.cumsum(tally.lost) - tally.lost
    return float((tally.won * (lost_below + tally.lost / 2)).sum() / (won * lost))


def average_precision(tally: Tally) -> float:
    """Higher is better, 0 to 1, the close rate for a coin: mean close rate down the ranking.

    The close rate among all leads scored at least as high, averaged over the won leads. Depends
    on the close rate itself, so it cannot be compared between periods. NaN without won leads.
    """
    won = tally.won.sum()
    if not won:
        return float("nan")
    won_from_top = np.cumsum(tally.won[::-1])
    leads_from_top = np.cumsum(tally.leads[::-1])
    precision = won_from_top / np.maximum(leads_from_top, _SMALLEST)
    return float((precision * tally.won[::-1]).sum() / won)


def log_loss(tally: Tally) -> float:
    """Lower is better, 0 to 36, 0.69 for always one half: mean surprise at the outcomes, in nats.

    Punishes confident errors most. Scores are probabilities; 0 and 1 are moved inwards by the
    smallest step of a double (which caps the surprise at 36). NaN without leads.
    """
    leads = tally.leads.sum()
    if not leads:
        return float("nan")
    probability = np.clip(tally.score, _SMALLEST, 1 - _SMALLEST)
    total = tally.won @ np.log(probability) + tally.lost @ np.log1p(-probability)
    return float(-total / leads)


def brier(tally: Tally) -> float:
    """Lower is better, 0 to 1, 0.25 for always one half: mean squared error of the probabilities.

    Equals miscalibration − discrimination + uncertainty of the outcomes. NaN without leads
    (Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2).
    """
    leads = tally.leads.sum()
    if not leads:
        return float("nan")
    squares = tally.won @ (1 - tally.score) ** 2 + tally.lost @ tally.score**2
    return float(squares / leads)


def miscalibration(tally: Tally) -> float:
    """Lower is better, 0 or more: the part of the Brier score that recalibrating would remove.

    Brier score minus that of the isotonic recalibration (Dimitriadis, Gneiting and Jordan 2021,
    doi:10.1073/pnas.2016191118). Above 0 by chance alone in any sample: read it with its interval.
    """
    return brier(tally) - _brier_recalibrated(tally)


def discrimination(tally: Tally) -> float:
    """Higher is better, 0 or more: how far recalibrated scores beat quoting the close rate to all.

    Uncertainty ``r (1 - r)`` at close rate ``r`` minus the Brier score of the isotonic
    recalibration (same source as `miscalibration`). Blind to the level of the probabilities.
    """
    leads = tally.leads.sum()
    if not leads:
        return float("nan")
    rate = tally.won.sum() / leads
    return float(rate * (1 - rate)) - _brier_recalibrated(tally)


def _brier_recalibrated(tally: Tally) -> float:
    present = tally.present()
    return brier(Tally(recalibrated(present), present.won, present.lost))


@dataclass(frozen=True)
class Metric:
    """One measure and how to read it.

    Attributes
    ----------
    compute : callable
        From a tally to a number.
    better : {"higher", "lower"}
        Which direction is good.
    needs : {"ranking", "probability"}
        Whether any score will do or only probabilities.
    biased : bool
        Whether resampling shifts it upwards, so that its interval must be shifted back.
    """

    compute: Callable[[Tally], float]
    better: Literal["higher", "lower"]
    needs: Literal["ranking", "probability"]
    biased: bool = False


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "auc": Metric(auc, "higher", "ranking"),
        "average_precision": Metric(average_precision, "higher", "ranking"),
        "log_loss": Metric(log_loss, "lower", "probability"),
        "brier": Metric(brier, "lower", "probability"),
        "miscalibration": Metric(miscalibration, "lower", "probability", biased=True),
        "discrimination": Metric(discrimination, "higher", "probability", biased=True),
    }
)
