"""How close probabilities come to the true ones, where these are known (simulated leads)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recovery:
    """Probabilities held against the truth; no chance of single outcomes is in these figures.

    Attributes
    ----------
    leads : int
    mean_off : float
        Mean probability minus mean truth, in [-1, 1]; 0 is best. Blind to errors that cancel out.
    slope : float or None
        Of the true log-odds in the said ones (calibration slope); 1 is best, below 1 the
        probabilities are too far apart. None where all leads are given the same probability.
    excess : float
        Log loss minus that of the true probabilities, expected, in nats; 0 is best, lower is
        better.
    """

    leads: int
    mean_off: float
    slope: float | None
    excess: float


def recovery(said: Floats, true: Floats, *, finest: Floats | None = None) -> Recovery:
    """Hold probabilities against the truth.

    Parameters
    ----------
    said, true : float arrays, shape (leads,)
        In (0, 1).
    finest : float array, optional
        The truth to somebody who knows more than `true` does; outcomes follow it. Default `true`.

    Notes
    -----
    The slope is that of Cox (1958, doi:10.1093/biomet/45.3-4.562) with expected outcomes in the
    place of drawn ones.

    Examples
    --------
    >>> import numpy as np
    >>> true = np.array([0.1, 0.3, 0.5])
    >>> found = recovery(true, true)
    >>> round(found.mean_off, 6), round(found.slope, 6), round(found.excess, 6)
    (0.0, 1.0, 0.0)
    """
    outcome = true if finest is None else finest
    return Recovery(
        leads=len(said),
        mean_off=float(said.mean() - outcome.mean()),
        slope=_slope(said, outcome),
        excess=_cross_entropy(outcome, said) - _cross_entropy(outcome, true),
    )


def _cross_entropy(outcome: Floats, said: Floats) -> float:
    return float(-(outcome * np.log(said) + (1 - outcome) * np.log1p(-said)).mean())


def _slope(said: Floats, outcome: Floats) -> float | None:
    """Fit expected outcomes as a logistic line in the said log-odds (Newton)."""
    log_odds = np.log(said) - np.log1p(-said)
    if np.ptp(log_odds) < 1e-9:
        return None
    design = np.column_stack([np.ones(len(said)), log_odds - log_odds.mean()])
    line = np.array([np.log(outcome.mean() / (1 - outcome.mean())), 0.5])
    for _ in range(50):
        p = 1 / (1 + np.exp(-(design @ line)))
        curvature = design.T @ (design * (p * (1 - p))[:, None])
        step = np.linalg.solve(curvature, design.T @ (outcome - p))
        line = line + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-10:
            break
    return float(line[1])
