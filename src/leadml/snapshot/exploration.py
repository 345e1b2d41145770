"""Weights for learning from leads that were handed off at random below the cut.

Leads are learnt from because somebody chose to work them, and what chose them, a gut feeling that
no export shows, may be what won them. Where a random few of the others are handed off with a known
probability and worked whatever anybody feels, each stands for the inverse of that probability
(Horvitz and Thompson 1952, doi:10.1080/01621459.1952.10483446): together with the leads handed off
for certain they are like all leads.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.data.leads import Leads
from leadml.snapshot.censoring import effective_size

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_LEFT = 0.5
ENOUGH = 2_000
"""Weights may not cost more than half of what the leads tell, or leave less than 2,000 leads' worth
if that is fewer (`Propensity.weights`)."""
WHY = (
    "leads handed off for certain count once, explored ones by the inverse of their hand-off "
    "probability, cut off so that at least half of what the leads tell is left"
)


@dataclass(frozen=True)
class Propensity:
    """How leads with an outcome came to be worked; arrays of shape (leads,).

    Attributes
    ----------
    explored : bool array
        Handed off at random, with a known probability below 1.
    inverse : float array
        1 / that probability for explored leads, else 1.
    """

    explored: Flags
    inverse: Numbers

    def weights(self, rows: NDArray[np.intp]) -> "Weights":
        """Return the weights of the leads at these positions among each other, cut off.

        No weight is above the square root of their number, which keeps the weighted mean consistent
        and its variance bounded (Ionides 2008, doi:10.1198/106186008X320456), and none is so large
        that fewer effective leads are left than `LEAST_LEFT` of them or `ENOUGH`. A little bias is
        the price for not having a handful of outcomes decide; with more leads it goes away.
        """
        inverse = self.inverse[rows]
        most = max(1.0, float(np.sqrt(len(rows))))
        least = min(LEAST_LEFT * len(rows), ENOUGH)
        most = _largest_that_leaves(least, inverse, most)
        return Weights(self.explored[rows], np.minimum(inverse, most), inverse, most)


def _largest_that_leaves(least: float, inverse: Numbers, most: float) -> float:
    """Return the largest bound on weights, from 1 to `most`, with that effective size (bisection).

    The effective size falls as the bound rises: explored weights move away from the others' 1.
    """
    if effective_size(np.minimum(inverse, most)) >= least:
        return most
    low, high = 1.0, min(most, float(inverse.max()))
    for _ in range(50):
        middle = (low + high) / 2
        left = effective_size(np.minimum(inverse, middle))
        low, high = (middle, high) if left >= least else (low, middle)
    return low


@dataclass(frozen=True)
class Weights:
    """Truncated inverse-propensity weights; arrays of shape (leads,).

    Attributes
    ----------
    explored : bool array
    weight, inverse : float arrays
        Truncated at `most`, and as they were.
    most : float
    """

    explored: Flags
    weight: Numbers
    inverse: Numbers
    most: float

    @property
    def any(self) -> bool:
        """Whether there is anything to weigh."""
        return bool(self.explored.any())

    def to_dict(self) -> dict[str, Any]:
        """Return how many leads are explored and what their weights cost, JSON-ready."""
        cut = bool((self.inverse > self.most).any())
        return {
            "explored": int(self.explored.sum()),
            "weighted": self.any,
            "truncated_at": self.most if cut else None,
            "effective_sample_size": effective_size(self.weight),
            "why": WHY if self.any else "no explored lead has an outcome yet",
            "text": self._text(),
        }

    def _text(self) -> str:
        explored = int(self.explored.sum())
        if not explored:
            return "Exploration: no lead handed off at random has an outcome yet."
        heaviest = self.weight[self.explored].max()
        return (
            f"Exploration: {explored:,} of {len(self.weight):,} leads were handed off at random "
            f"and stand for up to {heaviest:.1f} leads each; together all tell as much as "
            f"{effective_size(self.weight):,.0f} equal ones."
        )


def propensity_of(leads: Leads) -> Propensity | None:
    """Return how leads came to be worked; None where the columns are not mapped.

    An explored lead whose probability is not recorded is taken as handed off for certain here:
    `leadml.snapshot.outside` keeps it from counting.
    """
    found = leads.exploration
    if found is None:
        return None
    explored = found.explored & (found.probability < 1)
    inverse = np.divide(1.0, found.probability, out=np.ones(len(leads)), where=explored)
    return Propensity(explored, inverse)


def explored_in(leads: Leads) -> NDArray[np.bool_]:
    """Tell which leads were handed off at random, shape (leads,): they are no part of a promise."""
    known = propensity_of(leads)
    return np.zeros(len(leads), bool) if known is None else known.explored
