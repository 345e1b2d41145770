"""The calibration line in log-odds, its slope fitted on out-of-time predictions."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from leadml.model.scorecard import probability
from leadml.snapshot.split import Folds

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Rows = NDArray[np.intp]

FEWEST_OF_EACH = 20
"""Fewest wins and losses a line is fitted on; with fewer, log-odds stay as they are."""
SLOPE_SPREAD = 0.5
"""Standard deviation of the normal prior that draws the slope towards 1."""
WINS_FOR_HALF = 40
"""Wins (or losses, where these are fewer) from which differences between leads count by half."""
ALL_KEPT = 0.995
"""Share kept from which log-odds are left as they are."""


@dataclass(frozen=True)
class Calibration:
    """``calibrated = slope * log_odds + intercept``.

    Attributes
    ----------
    fell_back : bool
        The slope came out at or below 0, which would turn the order round, and was left at 1.
    """

    slope: float = 1.0
    intercept: float = 0.0
    fell_back: bool = False

    def apply(self, log_odds: Numbers) -> Numbers:
        """Return calibrated log-odds."""
        return self.slope * log_odds + self.intercept

    def to_dict(self) -> dict[str, float]:
        """Return the JSON-ready form."""
        return {"slope": self.slope, "intercept": self.intercept}


def fit_calibration(
    log_odds: Numbers,
    y: Outcomes,
    *,
    periods: Rows | None = None,
    spread: float | None = SLOPE_SPREAD,
) -> Calibration:
    """Fit the slope of Platt's sigmoid by maximum likelihood, drawn towards 1; keep the level.

    The intercept is what leaves the mean probability of these leads as it was: whether the level
    is to be corrected is another question, decided by `leadml.model.level`. A slope that still
    comes out at or below 0 would turn the order round: then it stays 1. With fewer than
    `FEWEST_OF_EACH` wins or losses nothing is fitted.

    Parameters
    ----------
    log_odds : float array, shape (leads,)
        Predictions for leads that were not trained on.
    y : int array, shape (leads,)
        0 or 1.
    periods : int array, shape (leads,), optional
        Leads with the same number belong to one test block. Each has a level of its own while the
        slope is fitted: it says how far log-odds lie apart within a period, and a base rate that
        moved, or a feature that moved with it, must not be taken for a ranking.
    spread : float or None
        Standard deviation of the slope's prior; None for plain maximum likelihood.

    References
    ----------
    Platt, J. (1999), Probabilistic outputs for support vector machines.
    """
    if min(y.sum(), len(y) - y.sum()) < FEWEST_OF_EACH:
        return Calibration()
    slope = _slope_within(log_odds, y, periods, spread)
    if slope <= 0:
        return Calibration(fell_back=True)
    scaled = slope * log_odds
    return Calibration(slope, level_shift(scaled, float(probability(log_odds).mean())))


def share_kept(won: int, lost: int) -> float:
    """Return which share of the differences between leads so few outcomes can vouch for, in [0, 1].

    n² / (n² + 40²) for the rarer outcome's count n: measured on simulated companies, models of 30
    wins are two to five times too sure of the differences, those of 300 hardly at all.

    Examples
    --------
    >>> round(share_kept(30, 90), 2), share_kept(40, 200), share_kept(600, 2000)
    (0.36, 0.5, 1.0)
    """
    rarer = min(won, lost)
    share = rarer**2 / (rarer**2 + WINS_FOR_HALF**2)
    return 1.0 if share >= ALL_KEPT else share


def draw_in(line: Calibration, log_odds: Numbers, share: float) -> Calibration:
    """Return a line that puts leads only `share` times as far apart, at the same mean probability.

    Parameters
    ----------
    line : Calibration
    log_odds : float array, shape (leads,)
        Before the line.
    share : float
        In [0, 1]; 1 leaves the line as it is.
    """
    if share == 1 or not len(log_odds):
        return line
    calibrated = line.apply(log_odds)
    shift = level_shift(share * calibrated, float(probability(calibrated).mean()))
    return replace(line, slope=share * line.slope, intercept=share * line.intercept + shift)


def _slope_within(
    log_odds: Numbers, y: Outcomes, periods: Rows | None, spread: float | None
) -> float:
    """Return the slope common to all periods, drawn to 1 by its error; 1 where none tells it."""
    periods = np.zeros(len(y), np.intp) if periods is None else periods
    number = np.unique(periods, return_inverse=True)[1].reshape(-1)
    leads, wins = np.bincount(number), np.bincount(number, weights=y)
    telling = ((wins > 0) & (wins < leads))[number]  # a period of one outcome only has no slope
    if not telling.any():
        return 1.0
    number = np.unique(number[telling], return_inverse=True)[1].reshape(-1)
    log_odds, y = log_odds[telling], y[telling]
    if spread is None:
        return _lines(log_odds, y, number, None)[0]
    slope, levels = _lines(log_odds, y, number, _LOOSE)
    error = _slope_error(log_odds, y, number, slope, np.array(levels))
    return 1 + (slope - 1) * spread**2 / (spread**2 + error**2)


_LOOSE = 10.0  # keeps the fit finite where outcomes are perfectly apart


def _slope_error(
    log_odds: Numbers, y: Outcomes, number: Rows, slope: float, levels: Numbers
) -> float:
    """Return the standard error of a slope: over leads or over periods, whichever is larger.

    Leads of one period share what moved meanwhile; over periods it is Liang and Zeger's (1986).
    """
    centred = log_odds - (np.bincount(number, weights=log_odds) / np.bincount(number))[number]
    p = probability(slope * centred + levels[number])
    weight = p * (1 - p)
    centred = (
        centred - (np.bincount(number, weight * centred) / np.bincount(number, weight))[number]
    )
    told = float((weight * centred**2).sum())
    scores = np.bincount(number, (y - p) * centred)
    periods = len(scores)
    if told <= 0:
        return np.inf
    by_lead = 1 / np.sqrt(told)
    if periods < 2:
        return float(by_lead)
    return float(max(by_lead, np.sqrt((scores**2).sum() * periods / (periods - 1)) / told))


def _line(log_odds: Numbers, y: Outcomes, spread: float | None) -> Calibration:
    slope, (level,) = _lines(log_odds, y, np.zeros(len(y), np.intp), spread)
    return Calibration(slope, level - slope * float(np.mean(log_odds)))


def _lines(
    log_odds: Numbers, y: Outcomes, number: Rows, spread: float | None
) -> tuple[float, tuple[float, ...]]:
    """Return one slope, and each period's log-odds at the middle of its predictions."""
    middles = np.bincount(number, weights=log_odds) / np.bincount(number)
    centred = log_odds - middles[number]
    weight = 0.0 if spread is None else 1 / spread**2

    def loss(line: Numbers) -> tuple[float, Numbers]:
        slope, levels = line[0], line[1:]
        z = slope * centred + levels[number]
        off = probability(z) - y
        value = float(np.sum(np.logaddexp(0, z) - y * z)) + weight * (slope - 1) ** 2 / 2
        change = off @ centred + weight * (slope - 1)
        return value, np.concatenate([[change], np.bincount(number, weights=off)])

    start = np.concatenate([[1.0], middles])
    found = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-6})
    return float(found.x[0]), tuple(float(level) for level in found.x[1:])


def level_shift(log_odds: Numbers, share: float, weight: Numbers | None = None) -> float:
    """Return the shift in log-odds that makes the mean probability `share` (Newton).

    Parameters
    ----------
    log_odds : float array, shape (leads,)
    share : float
        Above 0 and below 1.
    weight : float array, shape (leads,), optional
        For a weighted mean.
    """
    shift = 0.0
    for _ in range(50):
        p = probability(log_odds + shift)
        mean, slope = np.average([p, p * (1 - p)], axis=1, weights=weight)
        step = float((share - mean) / max(slope, 1e-12))
        shift += float(np.clip(step, -2, 2))
        if abs(step) < 1e-10:
            break
    return shift


def periods_of(folds: Folds, leads: int) -> Rows:
    """Return the number of the fold that tests each lead, shape (leads,); -1 in none."""
    periods = np.full(leads, -1, np.intp)
    for number, (_, test) in enumerate(folds):
        periods[test] = number
    return periods


def calibrate_forward(log_odds: Numbers, y: Outcomes, folds: Folds) -> Numbers:
    """Calibrate each fold's predictions at the lag of deployment.

    Only on predictions of other folds whose outcome was known when the fold's test began: the
    same gap lies between the newest known outcome and the leads that are scored in service.

    Parameters
    ----------
    log_odds, y : arrays, shape (leads,)
        Out-of-time predictions; only rows in `folds` are read.
    folds : Folds

    Returns
    -------
    float array, shape (leads,)
        Calibrated log-odds; NaN for rows in no fold.
    """
    calibrated = np.full(len(log_odds), np.nan)
    periods = periods_of(folds, len(log_odds))
    for number, (_, test) in enumerate(folds):
        known = folds.known(number)
        line = fit_calibration(log_odds[known], y[known], periods=periods[known])
        calibrated[test] = line.apply(log_odds[test])
    return calibrated


def fit_points_line(points: Numbers, y: Outcomes) -> Calibration | None:
    """Fit log-odds as a line in points, so that points get a probability like the model's.

    None where there are fewer than `FEWEST_OF_EACH` wins or losses, or only one value of points.
    A falling line is kept: it is what the points are worth.
    """
    known = ~np.isnan(points)
    points, y = points[known], y[known]
    if min(y.sum(), len(y) - y.sum()) < FEWEST_OF_EACH or np.ptp(points) == 0:
        return None
    middle, spread = float(points.mean()), float(points.std())
    line = _line((points - middle) / spread, y, spread=None)
    slope = line.slope / spread
    return Calibration(slope, line.intercept - slope * middle)
