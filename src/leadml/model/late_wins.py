"""Who is won after the horizon: fitted on leads that were not won within it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leadml.model.calibration import (
    Calibration,
    calibrate_forward,
    fit_calibration,
    level_shift,
)
from leadml.model.candidates import logistic
from leadml.model.eventually import Form
from leadml.model.scorecard import Scorecard, probability
from leadml.model.search import quietly, seen
from leadml.model.selection import choose
from leadml.snapshot.split import stratified_folds

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Flags = NDArray[np.bool_]

FEWEST_TO_TELL_APART = 30
"""Late wins (and others) from which leads are told apart; with fewer all get the base rate."""
MOST_FEATURES = 20
"""Most features of the logistic regression: late wins bear no more, and it runs at every score."""
MOST_LATE = 20_000
"""Most leads that are fitted on, evenly spaced in time."""


@dataclass(frozen=True)
class LateWins:
    """How the chance of a late win is read; see `Eventually`."""

    form: Form
    slope: float
    intercept: float
    card: Scorecard | None = None


def fit_late_wins(
    x: Numbers, own: Numbers, y: Outcomes, *, categorical: Flags, seed: int
) -> LateWins:
    """Choose and fit base rate, a line in the lead's own log-odds, or a logistic regression.

    By cross-validated log loss, the simplest that is as good as the best. Random folds: leads
    watched for so long span too short a time for folds in its order. Boosted trees do not compete:
    late wins are too few for them, and the line carries over what they found for the early ones.

    Parameters
    ----------
    x : float array, shape (leads, features)
    own : float array, shape (leads,)
        The model's log-odds of a win within the horizon.
    y : int8 array, shape (leads,)
        1 won after the horizon, 0 not.
    categorical : bool array, shape (features,)
    seed : int
    """
    step = -(-len(y) // MOST_LATE)
    x, own, y = x[::step], own[::step], y[::step]
    rate = _base_rate(y)
    if min(y.sum(), len(y) - y.sum()) < FEWEST_TO_TELL_APART:
        return LateWins("base_rate", 0.0, rate)
    folds = stratified_folds(y, groups=None, seed=seed)
    raw = np.full(len(y), np.nan)
    losses = {name: np.empty(len(y)) for name in ("base_rate", "score", "logistic")}
    for train, test in folds:
        card = _card(x[train], y[train], categorical)
        raw[test] = card.log_odds(seen(x[test], x[train], categorical))
        losses["base_rate"][test] = _loss(np.full(len(test), _base_rate(y[train])), y[test])
        losses["score"][test] = _loss(_line(own[train], y[train]).apply(own[test]), y[test])
    losses["logistic"] = _loss(calibrate_forward(raw, y, folds), y)
    return _fitted(choose(losses), x, own, y, raw, categorical)


def _fitted(
    name: str, x: Numbers, own: Numbers, y: Outcomes, raw: Numbers, categorical: Flags
) -> LateWins:
    if name == "base_rate":
        return LateWins("base_rate", 0.0, _base_rate(y))
    if name == "score":
        line = _line(own, y)
        return LateWins("score", line.slope, line.intercept)
    line = fit_calibration(raw, y)
    return LateWins("logistic", line.slope, line.intercept, _card(x, y, categorical))


def _base_rate(y: Outcomes) -> float:
    won = float(y.sum())
    return float(np.log((won + 0.5) / (len(y) - won + 0.5)))


def _line(own: Numbers, y: Outcomes) -> Calibration:
    """Fit a line in the log-odds of a win in time: its slope drawn towards 1, its level free."""
    slope = fit_calibration(own, y).slope
    return Calibration(slope, level_shift(slope * own, float(probability(np.array(_base_rate(y))))))


def _card(x: Numbers, y: Outcomes, categorical: Flags) -> Scorecard:
    """Fit a logistic regression, and again on the features that tell most in the first."""
    with quietly():
        ((_, first),) = logistic(x, y, categorical=categorical).machine.cards
        spread = first.contributions(x).std(axis=0)
        kept = np.sort(np.argsort(-spread, kind="stable")[:MOST_FEATURES])
        ((_, card),) = logistic(x[:, kept], y, categorical=categorical[kept]).machine.cards
    terms = tuple(replace(term, feature=int(kept[term.feature])) for term in card.terms)
    return Scorecard(card.constant, terms)


def _loss(log_odds: Numbers, y: Outcomes) -> Numbers:
    losses: Numbers = np.logaddexp(0, log_odds) - y * log_odds
    return losses
