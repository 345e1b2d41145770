"""Whether some features earn their place: out-of-time log loss with them and without."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from leadml.model.candidates import logistic
from leadml.model.search import quietly, seen
from leadml.snapshot.split import Folds

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Flags = NDArray[np.bool_]

ERRORS = 2.0
"""Paired standard errors by which features must lower the log loss."""
MOST_LEADS = 12_000
"""Most leads it is tried on, evenly spaced."""


@dataclass(frozen=True)
class Gain:
    """How much some features lower the log loss of the logistic regression.

    Attributes
    ----------
    mean : float
        Nats a test lead; above 0 is better with them.
    error : float
        Its paired standard error.
    leads : int
        Test leads.
    """

    mean: float
    error: float
    leads: int

    @property
    def clear(self) -> bool:
        """Whether it is more than chance gives to features that say nothing."""
        return self.mean > ERRORS * self.error


def gain_of(x: Numbers, y: Outcomes, which: Flags, *, categorical: Flags, folds: Folds) -> Gain:
    """Return the gain of the features at `which`.

    Parameters
    ----------
    x : float array, shape (leads, features)
    y : int array, shape (leads,)
    which, categorical : bool arrays, shape (features,)
    folds : Folds
    """
    losses = [
        _losses(x[:, kept], y, categorical[kept], folds) for kept in (~which, np.ones_like(which))
    ]
    gain = losses[0] - losses[1]
    return Gain(float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(len(gain))), len(gain))


def _losses(x: Numbers, y: Outcomes, categorical: Flags, folds: Folds) -> Numbers:
    step = -(-len(y) // MOST_LEADS)
    losses = []
    for training, testing in folds:
        train, test = training[::step], testing[::step]
        with threadpool_limits(1), quietly():
            machine = logistic(x[train], y[train], categorical=categorical).machine
        log_odds = machine.raw_log_odds(seen(x[test], x[train], categorical))
        losses.append(np.logaddexp(0, log_odds) - y[test] * log_odds)
    return np.concatenate(losses)
