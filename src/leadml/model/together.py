"""Model and points as one score, fitted on predictions made ahead of time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.model.scorecard import probability

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]

FEWEST_OF_EACH = 20
"""Fewest wins and losses on which the two are weighed against each other."""
SLOPE_SPREAD = 0.5
"""Standard deviation of the prior of the model's slope, around 1."""
POINTS_SPREAD = 0.5
"""Standard deviation of the prior of what one standard deviation of the points adds, around 0."""
_STEPS = 50


@dataclass(frozen=True)
class Together:
    """``log-odds = intercept + model * log-odds of the model + points * points``.

    Attributes
    ----------
    leads, won : int
        What it was fitted on.
    """

    intercept: float
    model: float
    points: float
    leads: int
    won: int

    def to_dict(self) -> dict[str, float]:
        """Return the JSON-ready form."""
        return dict(vars(self))


def fit_together(log_odds: Numbers, points: Numbers, y: Outcomes) -> Together | None:
    """Fit one logistic regression of outcomes on the model's log-odds and the points.

    Both slopes are drawn to what adding nothing would be (1 and 0), so that few outcomes cannot
    make much of the points. Leads without points are left out.

    Parameters
    ----------
    log_odds : float array, shape (leads,)
        Predictions for leads that were not trained on, each calibrated on earlier ones.
    points : float array, shape (leads,)
        As of the same moments; NaN where a lead has none.
    y : int array, shape (leads,)
        0 or 1.

    Returns
    -------
    Together or None
        None with fewer than `FEWEST_OF_EACH` wins or losses, or points that do not vary.
    """
    known = np.isfinite(points) & np.isfinite(log_odds)
    log_odds, points, y = log_odds[known], points[known], y[known]
    won = int(y.sum())
    if min(won, len(y) - won) < FEWEST_OF_EACH or np.ptp(points) == 0:
        return None
    middle, spread = float(points.mean()), float(points.std())
    columns = np.column_stack([np.ones(len(y)), log_odds, (points - middle) / spread])
    intercept, model, scaled = _fitted(columns, y).tolist()
    slope = scaled / spread
    return Together(intercept - slope * middle, model, slope, len(y), won)


def _fitted(columns: Numbers, y: Outcomes) -> Numbers:
    """Maximise the penalised likelihood by Newton's steps, halved where one goes too far."""
    prior = np.array([0.0, 1.0, 0.0])
    pull = np.array([0.0, 1 / SLOPE_SPREAD**2, 1 / POINTS_SPREAD**2])
    line = prior.copy()

    def loss(at: Numbers) -> float:
        z = columns @ at
        return float((np.logaddexp(0, z) - y * z).sum() + pull @ (at - prior) ** 2 / 2)

    for _ in range(_STEPS):
        p = probability(columns @ line)
        uphill = columns.T @ (y - p) - pull * (line - prior)
        bend = (columns * (p * (1 - p))[:, None]).T @ columns + np.diag(pull)
        step = np.linalg.solve(bend + 1e-9 * np.eye(3), uphill)
        while loss(line + step) > loss(line) and np.abs(step).max() > 1e-9:
            step = step / 2
        line = line + step
        if np.abs(step).max() < 1e-9:
            break
    return line
