"""Features that helped in the past and hurt in the next period, and what to leave out for it.

The rehearsal's model is additive, so that a feature can be taken out of a prediction by putting
its mean in its place: no model is fitted for that. Only what looks harmful there is left out in
earnest, one feature at a time, and stays out if that pays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from leadml.model.rehearsal import Rehearsal, rehearse
from leadml.model.search import losses, seen
from leadml.snapshot.split import Folds

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

NEWEST = 4
"""The newest period is one in so many of the test blocks; there must be as many blocks."""
CHANCE = 0.05
"""Chance that any feature of a past without drift looks harmful."""
ERRORS = 2.0
"""Standard errors by which learning without a feature must pay."""
MOST_DROPPED = 5


@dataclass(frozen=True)
class Hurt:
    """A feature left out, and why: changes of log loss a lead, in nats.

    Attributes
    ----------
    feature : int
        Position among the features.
    helped : float
        How much lower it made the log loss of earlier test blocks.
    hurt : float
        How much higher it made that of the newest ones.
    gain : float
        How much lower that of the newest ones is after learning without it.
    leads : int
        Leads of the newest blocks.
    """

    feature: int
    helped: float
    hurt: float
    gain: float
    leads: int


@dataclass(frozen=True)
class Pruned:
    """What is left.

    Attributes
    ----------
    kept : bool array, shape (features,)
    hurt : tuple of Hurt
        Left out, in that order.
    rehearsal : Rehearsal
        With the features kept.
    """

    kept: Flags
    hurt: tuple[Hurt, ...]
    rehearsal: Rehearsal


def prune(
    x: Numbers,
    y: Outcomes,
    *,
    categorical: Flags,
    folds: Folds,
    weights: Sequence[Numbers | None] | None = None,
    spared: Flags | None = None,
) -> Pruned:
    """Rehearse, and leave out what helped in earlier periods and hurts in the newest.

    Parameters
    ----------
    x : float array, shape (leads, features)
    y : int array, shape (leads,)
    categorical : bool array, shape (features,)
    folds : Folds
        Dated, oldest first (`leadml.snapshot.split.origins`).
    weights : sequence of float arrays, optional
        As `leadml.model.rehearsal.rehearse` takes them.
    spared : bool array, shape (features,), optional
        Features that stay whatever they do.

    Notes
    -----
    A feature is suspected if, by one-sided paired tests, its term made earlier blocks better by a
    standard error at least and makes the newest worse at `CHANCE` divided by the number of
    features (Bonferroni). The worst is left out and the rehearsal repeated: it stays out if the log
    loss of the newest blocks falls by `ERRORS` standard errors and that of the last one falls too;
    else the next is tried.
    """
    every = np.ones(x.shape[1], bool)
    spared = ~every if spared is None else spared
    pruned = Pruned(
        every, (), rehearse(x, y, categorical=categorical, folds=folds, weights=weights)
    )
    while len(folds) >= NEWEST and len(pruned.hurt) < MOST_DROPPED:
        following = _without_worst(pruned, x, y, categorical, weights, spared)
        if following is None:
            break
        pruned = following
    return pruned


def _without_worst(
    present: Pruned,
    x: Numbers,
    y: Outcomes,
    categorical: Flags,
    weights: Sequence[Numbers | None] | None,
    spared: Flags,
) -> Pruned | None:
    """Return what is left without the first suspect whose absence pays; None where none does."""
    positions = np.flatnonzero(present.kept)
    for suspect in suspects(present.rehearsal, x[:, positions], categorical[positions]):
        feature = int(positions[suspect.feature])
        if spared[feature]:
            continue
        kept = present.kept.copy()
        kept[feature] = False
        without = rehearse(
            x[:, kept],
            y,
            categorical=categorical[kept],
            folds=present.rehearsal.folds,
            weights=weights,
        )
        gain = present.rehearsal.losses("none") - without.losses("none")
        newest, last = gain[-suspect.leads :], gain[-len(without.folds.pairs[-1][1]) :]
        if newest.mean() >= ERRORS * _error(newest) and last.mean() > 0:
            hurt = replace(suspect, feature=feature, gain=float(newest.mean()))
            return Pruned(kept, (*present.hurt, hurt), without)
    return None


def suspects(rehearsal: Rehearsal, x: Numbers, categorical: Flags) -> list[Hurt]:
    """Return the features whose terms helped earlier and hurt now, the worst first.

    Parameters
    ----------
    x : float array, shape (leads, features)
        What was rehearsed.
    """
    gains = _gains_of_terms(rehearsal, x, categorical)
    newest = np.concatenate(gains[-(len(gains) // NEWEST) :])
    earlier = np.concatenate(gains[: -(len(gains) // NEWEST)])
    surely = float(norm.isf(CHANCE / x.shape[1]))
    found = [
        (now / _error(own), Hurt(feature, float(then), float(-now), 0.0, len(newest)))
        for feature, (past, own) in enumerate(zip(earlier.T, newest.T, strict=True))
        if (now := own.mean()) < -surely * _error(own) and (then := past.mean()) >= _error(past)
    ]
    return [hurt for _, hurt in sorted(found, key=lambda one: one[0])]


def _gains_of_terms(rehearsal: Rehearsal, x: Numbers, categorical: Flags) -> list[Numbers]:
    """Return how much each term lowers the log loss of every lead, by test block.

    Against its mean over the training part; shape (leads of the block, features).
    """
    gains = []
    for machine, (train, test) in zip(rehearsal.machines, rehearsal.folds, strict=False):
        mean = machine.contributions(x[train]).mean(axis=0)
        terms = machine.contributions(seen(x[test], x[train], categorical)) - mean
        own, y = rehearsal.log_odds[test][:, None], rehearsal.y[test][:, None]
        weight = rehearsal.folds.counted(np.ones(len(test)), test)
        gains.append((losses(own - terms, y) - losses(own, y)) * weight[:, None])
    return gains


def _error(gain: Numbers) -> float:
    """Return the standard error of a mean gain."""
    return float(gain.std(ddof=1) / np.sqrt(len(gain)))
