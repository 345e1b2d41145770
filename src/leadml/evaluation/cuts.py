"""Cuts that a policy fixes without looking at outcomes: by rate, by capacity, by profit."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY
from leadml.domain.handoff import HandoffPolicy
from leadml.evaluation.pool import Asked, Pool

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

DAYS_A_WEEK = 7.0
FEWEST_OF_REP = 20
"""Fewest leads of a representative from which a cut of its own is read."""


@dataclass(frozen=True)
class Cuts:
    """The probability from which each lead is handed off.

    Attributes
    ----------
    team : float
        Of everyone without a cut of its own.
    reps : dict of str to float
    cost : float or None
        Money that a lead's expected margin must exceed; None where money has no say.
    """

    team: float
    reps: Mapping[str, float] = field(default_factory=dict)
    cost: float | None = None

    def with_own(self, own: Mapping[str, float]) -> "Cuts":
        """Return the cuts with further ones of representatives."""
        return replace(self, reps={**self.reps, **own})

    def above(self, pool: Pool) -> Flags:
        """Tell which leads are handed off, shape (leads,)."""
        cut = np.full(len(pool), self.team)
        if self.reps and pool.owner is not None:
            cut = np.array([self.reps.get(owner, self.team) for owner in pool.owner.tolist()])
        inside: Flags = pool.p >= cut
        if self.cost is None or pool.margin is None:
            return inside
        worth: Flags = pool.p * pool.margin[:, 1] > self.cost
        return inside & worth


def fixed_cuts(pool: Pool, asked: Asked, policy: HandoffPolicy) -> Cuts | None:
    """Return the cuts of a policy that asks no outcome; None for policy ``group``."""
    if policy.policy == "each":
        return Cuts(max(asked.rate, asked.floor))
    if policy.policy == "profit":
        return Cuts(asked.floor, cost=policy.cost)
    if policy.policy == "capacity":
        return _by_capacity(pool, asked.floor, policy)
    return None


def _by_capacity(pool: Pool, floor: float, policy: HandoffPolicy) -> Cuts:
    """Return the cuts above which as many leads come in as sales has time for, never too many."""
    weeks, a_week = weeks_of(pool), policy.capacity or 0.0
    if policy.capacity_per == "team" or pool.owner is None:
        return Cuts(cut_at(pool.p, a_week * weeks, floor))
    names, counts = np.unique(
        np.array([name for name in pool.owner.tolist() if name is not None], str),
        return_counts=True,
    )
    own = {
        str(name): cut_at(pool.p[pool.owner == name], a_week * weeks, floor)
        for name, count in zip(names, counts, strict=True)
        if count >= FEWEST_OF_REP
    }
    return Cuts(cut_at(pool.p, a_week * weeks * max(len(names), 1), floor), own)


def cut_at(p: Numbers, leads: float, floor: float) -> float:
    """Return the lowest probability at or above which no more than so many leads lie.

    Leads of equal probability stay together. Where even the highest are too many the cut is theirs,
    for nobody can tell them apart; where there is time for everyone it is the floor.
    """
    values, counts = np.unique(p, return_counts=True)
    from_top = np.cumsum(counts[::-1])[::-1]
    few = values[from_top <= leads]
    if not len(values) or len(few) == len(values):
        return floor
    return max(floor, float(few.min() if len(few) else values.max()))


def weeks_of(pool: Pool) -> float:
    """Return the weeks in which so many leads come in; 0 without dates."""
    if pool.at is None or len(pool) < 2:
        return 0.0
    return float(np.ptp(pool.at)) / (MICROSECONDS_A_DAY * DAYS_A_WEEK * pool.every)
