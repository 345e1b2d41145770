"""Level and slope refreshed from newer outcomes, drawn towards the line that serves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.model.calibration import Calibration
from leadml.model.scorecard import log_odds_of, probability

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]

SLOPE_SPREAD = 0.5
"""Standard deviation of the normal prior that draws the slope towards 1."""


@dataclass(frozen=True)
class Refresh:
    """How the present log-odds are to change: ``new = line.slope * present + line.intercept``.

    Attributes
    ----------
    line : Calibration
        On top of the present log-odds.
    shift : float
        Change of level at the middle of the leads, log-odds, after shrinking.
    observed_shift, error : float
        The same as observed, and its standard error.
    level_only : bool
        The slope came out at or below 0, which would turn the order round: only the level changed.
    """

    line: Calibration
    shift: float
    observed_shift: float
    error: float
    level_only: bool = False


def refresh(present: Numbers, y: Outcomes) -> Refresh:
    """Fit level and slope on top of the present log-odds, both shrunk towards no change.

    Parameters
    ----------
    present : float array, shape (leads,)
        Calibrated log-odds of leads the model has not learnt from.
    y : int array, shape (leads,)
        0 or 1; both must occur.

    Notes
    -----
    The outcome's log-odds are ``middle + shift + slope * (present - middle)``, the middle being
    where the leads tell most (weights p (1 - p)), so that shift and slope hardly depend on each
    other. The slope has a normal prior around 1 of standard deviation `SLOPE_SPREAD`. The shift is
    multiplied by ``max(0, 1 - (error / shift)^2)``, the positive part of James and Stein (1961): a
    shift within its standard error is no shift, a clear one is kept almost whole.
    """
    p = probability(present)
    middle = float(np.average(present, weights=p * (1 - p) + 1e-12))
    slope, shift, error = _fit(present - middle, middle, y, spread=SLOPE_SPREAD)
    level_only = slope <= 0
    if level_only:
        slope, shift, error = _fit(present - middle, middle, y, spread=None)
    shrunk = shift * max(0.0, 1 - (error / shift) ** 2) if shift else 0.0
    line = Calibration(slope, middle + shrunk - slope * middle)
    return Refresh(line, shrunk, shift, error, level_only)


def _fit(
    centred: Numbers, middle: float, y: Outcomes, *, spread: float | None
) -> tuple[float, float, float]:
    """Return slope, shift and the shift's standard error (Newton); without spread the slope is 1.

    The first step starts at the level that gives the observed share of wins, so that even a far
    shift is reached in a few steps.
    """
    weight = 1e12 if spread is None else 1 / spread**2
    share = np.array([float(y.mean())])
    values = np.array([float(log_odds_of(share)[0]) - middle, 1.0])  # shift, slope
    for _ in range(100):
        step, information = _step(values, centred, middle, y, weight)
        values = values + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-10:
            break
    error = float(np.sqrt(np.linalg.inv(information)[0, 0]))
    return float(values[1]), float(values[0]), error


def _step(
    values: Numbers, centred: Numbers, middle: float, y: Outcomes, weight: float
) -> tuple[Numbers, Numbers]:
    p = probability(middle + values[0] + values[1] * centred)
    off, spread = y - p, p * (1 - p)
    gradient = np.array([off.sum(), off @ centred - weight * (values[1] - 1)])
    across = float(spread @ centred)
    information = np.array([[spread.sum(), across], [across, spread @ centred**2 + weight]])
    return np.linalg.solve(information, gradient), information
