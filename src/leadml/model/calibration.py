"""The calibration line: slope and intercept in log-odds, fitted on out-of-time predictions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from leadml.model.scorecard import probability

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Rows = NDArray[np.intp]

FEWEST_OF_EACH = 20
"""Fewest wins and losses a line is fitted on; with fewer, log-odds stay as they are."""
SLOPE_SPREAD = 0.5
"""Standard deviation of the normal prior that draws the slope towards 1."""


@dataclass(frozen=True)
class Calibration:
    """``calibrated = slope * log_odds + intercept``."""

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, log_odds: Numbers) -> Numbers:
        """Return calibrated log-odds."""
        return self.slope * log_odds + self.intercept

    def to_dict(self) -> dict[str, float]:
        """Return the JSON-ready form."""
        return {"slope": self.slope, "intercept": self.intercept}


def fit_calibration(
    log_odds: Numbers, y: Outcomes, *, spread: float | None = SLOPE_SPREAD
) -> Calibration:
    """Fit Platt's sigmoid by maximum likelihood, the slope drawn towards 1.

    A slope that still comes out at or below 0 would turn the order round: then the slope stays 1
    and only the level is fitted. With fewer than `FEWEST_OF_EACH` wins or losses nothing is.

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
    line = _line(log_odds, y, spread)
    return line if line.slope > 0 else Calibration(1.0, _level(log_odds, y))


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


def _level(log_odds: Numbers, y: Outcomes) -> float:
    """Return the shift that makes the mean probability the share of wins (Newton)."""
    shift = 0.0
    for _ in range(50):
        p = probability(log_odds + shift)
        step = float((y.sum() - p.sum()) / max((p * (1 - p)).sum(), 1e-12))
        shift += float(np.clip(step, -2, 2))
        if abs(step) < 1e-10:
            break
    return shift


def calibrate_forward(
    log_odds: Numbers, y: Outcomes, folds: list[Rows], *, ordered: bool
) -> Numbers:
    """Calibrate each fold's predictions on other folds only, as deployment would.

    Parameters
    ----------
    log_odds, y : arrays, shape (leads,)
        Out-of-time predictions; only rows in `folds` are read.
    folds : list of int arrays
        Test rows of each fold, oldest first.
    ordered : bool
        Folds follow time: calibrate on earlier folds only; else on all others.

    Returns
    -------
    float array, shape (leads,)
        Calibrated log-odds; NaN for rows in no fold.
    """
    calibrated = np.full(len(log_odds), np.nan)
    for number, rows in enumerate(folds):
        others = folds[:number] if ordered else folds[:number] + folds[number + 1 :]
        known = np.concatenate(others) if others else np.empty(0, np.intp)
        line = fit_calibration(log_odds[known], y[known])
        calibrated[rows] = line.apply(log_odds[rows])
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
