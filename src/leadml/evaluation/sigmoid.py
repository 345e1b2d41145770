"""Sigmoids fitted on other leads: the same recalibration for every contestant."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri
from scipy.stats import rankdata

from leadml.evaluation.tally import Floats

PARTS = 5
"""Folds of the cross-fitting."""
FEWEST_OF_EACH = 20
"""Fewest accounts (leads where not known) with a won lead, and with a lost one, for a recalibration
and a winner."""
_STEPS = 40
_RIDGE = 1e-4


def fold_of(
    accounts: NDArray[np.intp], won: NDArray[np.bool_], *, seed: int, parts: int = PARTS
) -> NDArray[np.intp]:
    """Deal whole accounts into folds with about as many wins each.

    Parameters
    ----------
    accounts : int array, shape (leads,)
        Leads with the same number stay together.
    won : bool array, shape (leads,)
    seed : int
        Of the order in which accounts with equally many wins are dealt.
    parts : int
        Number of folds.

    Returns
    -------
    int array, shape (leads,)
        Fold of each lead, 0 to ``parts - 1``.
    """
    wins = np.bincount(accounts, won)
    random = np.random.default_rng(seed)
    order = np.lexsort((random.random(len(wins)), np.bincount(accounts), wins))  # numpy's generator  # nosec B311
    fold = np.empty(len(wins), np.intp)
    fold[order] = np.arange(len(wins)) % parts
    return fold[accounts]


def normal_scores(score: Floats) -> Floats:
    """Return the normal score of each lead's rank: the order alone, without unit, cap or curve.

    ``Φ⁻¹((rank - 1/2) / leads)``, ties at their mean rank. Two scores that order the leads alike
    get the same normal scores: no contestant is rewarded for the scale it happens to use.
    """
    return np.asarray(ndtri((rankdata(score) - 0.5) / len(score)))


def cross_fitted(
    columns: Floats,
    won: NDArray[np.bool_],
    fold: NDArray[np.intp],
    *,
    weight: Floats | None = None,
    rising: bool = False,
) -> Floats:
    """Return the log-odds of each lead by a sigmoid fitted on the other folds.

    Parameters
    ----------
    columns : float array, shape (leads, columns)
        Scores in any unit.
    won : bool array, shape (leads,)
    fold : int array, shape (leads,)
    weight : float array, shape (leads,), or None
        How much each lead counts.
    rising : bool
        With one column: a line that would fall, turning the order round, is flat instead. A
        contestant is not credited for what the opposite of its score knows.

    Returns
    -------
    float array, shape (leads,)
        Log-odds; the plain rate of the other folds where the line is flat.
    """
    weight = np.ones(len(won)) if weight is None else weight
    log_odds = np.empty(len(won))
    for part in np.unique(fold):
        inside = fold == part
        rest = ~inside
        line = _fit(columns[rest], won[rest], weight[rest])
        if rising and line[1] < 0:
            line = _fit(columns[rest][:, :0], won[rest], weight[rest])
        used = columns[inside][:, : len(line) - 1]
        log_odds[inside] = line[0] + used @ line[1:]
    return log_odds


def _fit(columns: Floats, won: NDArray[np.bool_], weight: Floats) -> Floats:
    """Fit intercept and slopes by penalised maximum likelihood; in the unit of the columns.

    Outcomes are Platt's smoothed ones (1999), so that scores that tell all leads apart keep a
    finite line; slopes of the scaled columns have a ridge too small to notice.
    """
    middle, spread = _scale(columns, weight)
    scaled = np.column_stack([np.ones(len(won)), (columns - middle) / spread])
    wins = float(weight @ won)
    losses = float(weight.sum()) - wins
    target = np.where(won, (wins + 1) / (wins + 2), 1 / (losses + 2))
    line = np.zeros(scaled.shape[1])
    ridge = np.full(len(line), _RIDGE)
    ridge[0] = 0.0
    for _ in range(_STEPS):
        p = expit(scaled @ line)
        slope = scaled.T @ (weight * (target - p)) - ridge * line
        bend = (scaled * (weight * np.maximum(p * (1 - p), 1e-9))[:, None]).T @ scaled
        step = np.linalg.solve(bend + np.diag(ridge), slope)
        line = line + step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    slopes = line[1:] / spread
    return np.concatenate([[line[0] - slopes @ middle], slopes])


def _scale(columns: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each column; 1 where it does not vary."""
    middle = np.asarray(weight @ columns / weight.sum())
    spread = np.sqrt(weight @ (columns - middle) ** 2 / weight.sum())
    return middle, np.where(spread > 1e-12 * (1 + np.abs(middle)), spread, 1.0)


def surprise(log_odds: Floats, won: NDArray[np.bool_]) -> Floats:
    """Return the log loss of each lead, in nats."""
    return np.asarray(np.logaddexp(0.0, np.where(won, -log_odds, log_odds)))


def squared_error(log_odds: Floats, won: NDArray[np.bool_]) -> Floats:
    """Return the Brier score of each lead."""
    return np.asarray((expit(log_odds) - won) ** 2)
