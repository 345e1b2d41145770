"""A logistic regression whose coefficients are drawn towards values known beforehand."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]

STEPS = 100
CLOSE = 1e-9


@dataclass(frozen=True)
class Ridge:
    """A fitted line in log-odds.

    Attributes
    ----------
    intercept : float
        Log-odds of a lead whose columns are all 0.
    coef : float array, shape (columns,)
        Log-odds a unit of each column.
    curvature : float array, shape (1 + columns, 1 + columns)
        Second derivative of the penalised loss, the intercept first.
    """

    intercept: float
    coef: Floats
    curvature: Floats

    def log_odds(self, x: Floats) -> Floats:
        """Return the log-odds of leads, shape (leads,)."""
        return self.intercept + x @ self.coef

    def scores(self, x: Floats, y: Floats) -> Floats:
        """Return each lead's derivative of the log-likelihood, shape (leads, 1 + columns)."""
        off = y - expit(self.log_odds(x))
        return np.column_stack([off, x * off[:, None]])


def fit_ridge(
    x: Floats,
    y: Floats,
    *,
    centre: Floats | float = 0.0,
    spread: Floats | float = np.inf,
) -> Ridge:
    """Fit log-odds by maximum penalised likelihood (Newton's method with halved steps).

    The loss is ``sum(log(1 + exp(z)) - y z) + sum((coef - centre)² / (2 spread²))`` with
    ``z = intercept + x @ coef``: the mode under normal priors; the intercept is free. With centre 0
    and one spread it is scikit-learn's ``LogisticRegression(C=spread²)`` (le Cessie and van
    Houwelingen 1992, doi:10.2307/2347628).

    Parameters
    ----------
    x : float array, shape (leads, columns)
    y : float array, shape (leads,)
        0 or 1, both of them present.
    centre : float array, shape (columns,), or float
        Towards which each coefficient is drawn, in log-odds a unit.
    spread : float array, shape (columns,), or float
        Standard deviation of the prior, above 0; infinite leaves a coefficient free.
    """
    leads, columns = x.shape
    centre = np.concatenate([[0.0], np.broadcast_to(centre, columns)])
    weight = np.concatenate([[0.0], np.broadcast_to(1 / np.square(spread), columns)])
    line = centre.copy()
    line[0] = np.log(y.mean() / (1 - y.mean())) - float(x.mean(axis=0) @ centre[1:])
    design = np.column_stack([np.ones(leads), x])

    def loss(line: Floats) -> float:
        z = design @ line
        own = float(np.sum(np.logaddexp(0, z) - y * z))
        return own + float(weight @ (line - centre) ** 2) / 2

    now = loss(line)
    curvature = np.eye(columns + 1)
    for _ in range(STEPS):
        p = expit(design @ line)
        slope = design.T @ (y - p) - weight * (line - centre)
        curvature = (design.T * (p * (1 - p))) @ design + np.diag(weight)
        step = np.linalg.lstsq(curvature, slope, rcond=None)[0]
        line, now, moved = _walk(line, step, now, loss)
        if moved < CLOSE:
            break
    return Ridge(float(line[0]), line[1:], curvature)


def _walk(
    line: Floats, step: Floats, now: float, loss: Callable[[Floats], float]
) -> tuple[Floats, float, float]:
    """Return the point a step leads to, halved until the loss does not rise, and how far it was."""
    for _ in range(30):
        then = loss(line + step)
        if then <= now + CLOSE:
            return line + step, then, float(np.abs(step).max())
        step = step / 2
    return line, now, 0.0
