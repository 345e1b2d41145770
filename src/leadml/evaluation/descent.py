"""Down the ranking: wins and margin among the best leads, and how far a close rate lasts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.tally import Floats


@dataclass(frozen=True)
class Descent:
    """What is met walking a ranking from the top; straight lines within ties.

    Attributes
    ----------
    leads, won, margin : float arrays, shape (distinct scores + 1,)
        Leads passed, wins and money met, from 0.
    """

    leads: Floats
    won: Floats
    margin: Floats

    def wins(self, volume: float) -> float:
        """Return the wins among the best `volume` leads, averaged over the order of ties."""
        return float(np.interp(volume, self.leads, self.won))

    def money(self, volume: float) -> float:
        """Return the margin won among the best `volume` leads, averaged over the order of ties."""
        return float(np.interp(volume, self.leads, self.margin))

    def volume(self, rate: float) -> float:
        """Return how many of the best leads can be taken while they close at `rate` or more.

        The largest such number: the close rate may have been below in between.
        """
        ahead = self.won - rate * self.leads
        last = int(np.flatnonzero(ahead >= -1e-9)[-1])
        if last == len(ahead) - 1:
            return float(self.leads[-1])
        falling = ahead[last] - ahead[last + 1]
        part = max(float(ahead[last]), 0.0) / float(falling)
        return float(self.leads[last] + part * (self.leads[last + 1] - self.leads[last]))


class Slope:
    """Leads sorted once by a score, to be walked down under any weights.

    Parameters
    ----------
    won : bool array, shape (leads,)
    score : float array, shape (leads,)
        Finite; higher is better.
    margin : float array, shape (leads,), or None
        Money a won lead brought; 0 for others.
    """

    def __init__(self, won: NDArray[np.bool_], score: Floats, margin: Floats | None = None) -> None:
        distinct, position = np.unique(-np.asarray(score, float), return_inverse=True)
        self._place, self._distinct = position.reshape(-1), len(distinct)
        self._won = np.asarray(won, float)
        self._margin = margin

    def descent(self, weight: Floats) -> Descent:
        """Walk down with each lead counting `weight` times."""
        won = self._along(weight * self._won)
        margin = np.zeros_like(won) if self._margin is None else self._along(weight * self._margin)
        return Descent(self._along(weight), won, margin)

    def auc(self, descent: Descent) -> float:
        """Return the area under the ROC curve of that walk; NaN with one outcome alone."""
        won, lost = np.diff(descent.won), np.diff(descent.leads - descent.won)
        pairs = won.sum() * lost.sum()
        if pairs <= 0:
            return float("nan")
        lost_after = lost.sum() - np.cumsum(lost)
        return float((won * (lost_after + lost / 2)).sum() / pairs)

    def _along(self, amount: Floats) -> Floats:
        at = np.bincount(self._place, amount, self._distinct)
        return np.concatenate([[0.0], np.cumsum(at)])
