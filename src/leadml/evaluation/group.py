"""The group above a cut, and what its outcomes prove of the agreed rate."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from leadml.evaluation.close_rate import lower_bound, upper_bound
from leadml.evaluation.cuts import Cuts
from leadml.evaluation.knowable import POWER, leads_needed, roughly_needed
from leadml.evaluation.pool import VOLUMES, Asked, Pool, first_size

Numbers = NDArray[np.float64]
Basis = Literal["guaranteed", "estimated", "points", "none"]

FIRST_ESTIMATED = 20
"""Fewest leads of a group whose observed close rate may set an estimated cut."""
MOST_EXACT = 5_000
"""Outcomes up to which it is worked out exactly how many are needed; beyond, nearly."""


@dataclass(frozen=True)
class Group:
    """Leads above a cut, or with the agreed points.

    Attributes
    ----------
    basis : {"guaranteed", "estimated", "points", "none"}
    cuts : Cuts or None
        None with basis points or none.
    volume, won : int
    looks : int
        How many groups this one was the best of.
    """

    basis: Basis
    cuts: Cuts | None = None
    volume: int = 0
    won: int = 0
    looks: int = 1

    def bounds(self, confidence: float) -> tuple[float, float]:
        """Return one-sided exact bounds, for the best of so many groups (Bonferroni)."""
        each = 1 - (1 - confidence) / self.looks
        won, leads = self.won, self.volume
        return lower_bound(won, leads, each), upper_bound(won, leads, each)

    def more_outcomes(self, asked: Asked) -> int | None:
        """Return how many more such outcomes would settle it, were the true rate the observed one.

        With them the exact test passes four times in five. 0 where it has passed; None where the
        group closed no better than agreed.
        """
        if self.basis == "guaranteed":
            return 0
        if self.basis == "points" or self.won <= asked.rate * self.volume:
            return None
        rate = self.won / self.volume
        needed = roughly_needed(rate, asked.rate, asked.confidence, POWER)
        if needed <= MOST_EXACT:
            needed = leads_needed(rate, asked.rate, asked.confidence) or needed
        return max(0, math.ceil(needed) - self.volume)


def loosest(sample: Pool, asked: Asked) -> Group:
    """Return the loosest group that keeps the promise: surely, or else by the look of it.

    Groups of sizes fixed in advance, of the leads at or above the floor, are tested from strictest
    to loosest with an exact one-sided binomial test of *close rate >= agreed rate*; the first
    failure ends the walk, so that all tests together keep the level (Maurer, Hothorn & Lehmacher
    1995; used for risk control by Angelopoulos et al. 2021, arXiv:2110.01052). Where nothing
    passes, the loosest group that reached the rate both as observed and as predicted: of those that
    only reached it as observed, many did so by luck.

    Parameters
    ----------
    sample : Pool
        Leads that are independent of each other.
    """
    likely = np.flatnonzero(sample.p >= asked.floor)
    order = likely[np.argsort(-sample.p[likely], kind="stable")]
    ranked, wins = sample.p[order], np.cumsum(sample.y[order], dtype=np.int64)
    passed = _walk(_sizes(ranked, first_size(len(ranked))), wins, asked)
    if passed:
        return Group("guaranteed", Cuts(float(ranked[passed - 1])), passed, int(wins[passed - 1]))
    sizes = _sizes(ranked, max(FIRST_ESTIMATED, len(ranked) // VOLUMES))
    said = np.cumsum(ranked)
    reached = [n for n in sizes if min(wins[n - 1], said[n - 1]) >= asked.rate * n]
    if not reached:
        return Group("none")
    size = max(reached)
    cuts = Cuts(float(ranked[size - 1]))
    return Group("estimated", cuts, size, int(wins[size - 1]), looks=len(sizes))


def _sizes(ranked: Numbers, first: int) -> list[int]:
    """Return group sizes from strictest to loosest; leads of equal score stay together."""
    if len(ranked) < first:
        return []
    sizes = np.linspace(first, len(ranked), VOLUMES).round().astype(int)
    whole = [int(np.searchsorted(-ranked, -ranked[size - 1], side="right")) for size in sizes]
    return sorted(set(whole))


def _walk(sizes: list[int], wins: NDArray[np.int64], asked: Asked) -> int:
    """Return the loosest group that passes before the first failure, 0 if the first one fails."""
    passed = 0
    for size in sizes:
        if not _passes(int(wins[size - 1]), size, asked):
            break
        passed = size
    return passed


def _passes(won: int, leads: int, asked: Asked) -> bool:
    return bool(binom.sf(won - 1, leads, asked.rate) <= 1 - asked.confidence)


def fixed(sample: Pool, cuts: Cuts, asked: Asked) -> Group:
    """Return the group above cuts that no outcome had a say in, tested once."""
    inside = cuts.above(sample)
    leads, won = int(inside.sum()), int(sample.y[inside].sum())
    basis: Basis = "guaranteed" if leads and _passes(won, leads, asked) else "estimated"
    return Group(basis, cuts, leads, won)


def by_points(sample: Pool) -> Group:
    """Return the leads with the agreed points, nobody without a points score."""
    if sample.points_ready is None:
        return Group("none")
    return Group(
        "points", None, int(sample.points_ready.sum()), int(sample.y[sample.points_ready].sum())
    )
