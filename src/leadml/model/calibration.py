"""The calibration line in log-odds, its slope fitted on out-of-time predictions."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from leadml.model.scorecard import probability
from leadml.snapshot.split import Folds

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]

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
    log_odds: Numbers, y: Outcomes, *, spread: float | None = SLOPE_SPREAD
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
    spread : float or None
        Standard deviation of the slope's prior; None for plain maximum likelihood.

    References
    ----------
    Platt, J. (1999), Probabilistic outputs for support vector machines.
    """
    if min(y.sum(), len(y) - y.sum()) < FEWEST_OF_EACH:
        return Calibration()
    slope = _line(log_odds, y, spread).slope
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


def _line(log_odds: Numbers, y: Outcomes, spread: float | None) -> Calibration:
    middle = float(np.mean(log_odds))
    centred = log_odds - middle
    weight = 0.0 if spread is None else 1 / spread**2

    def loss(line: Numbers) -> tuple[float, Numbers]:
        slope, level = line
        z = slope * centred + level
        off = probability(z) - y
        value = float(np.sum(np.logaddexp(0, z) - y * z)) + weight * (slope - 1) ** 2 / 2
        return value, np.array([off @ centred + weight * (slope - 1), off.sum()])

    found = minimize(loss, np.array([1.0, middle]), jac=True, method="BFGS", options={"gtol": 1e-6})
    slope, level = (float(value) for value in found.x)
    return Calibration(slope, level - slope * middle)


def level_shift(log_odds: Numbers, share: float) -> float:
    """Return the shift in log-odds that makes the mean probability `share` (Newton).

    Parameters
    ----------
    log_odds : float array, shape (leads,)
    share : float
        Above 0 and below 1.
    """
    shift = 0.0
    for _ in range(50):
        p = probability(log_odds + shift)
        step = float((share - p.mean()) / max((p * (1 - p)).mean(), 1e-12))
        shift += float(np.clip(step, -2, 2))
        if abs(step) < 1e-10:
            break
    return shift


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
    for number, (_, test) in enumerate(folds):
        known = folds.known(number)
        line = fit_calibration(log_odds[known], y[known])
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
