"""Recency: how fast old leads lose their say, if it pays that they do.

A lead's weight halves with every half-life between it and the newest lead with a known outcome.
That forgets what no longer holds and, where everything still holds, throws leads away: so a
half-life has to win the rehearsal clearly.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY
from leadml.model.rehearsal import Rehearsal
from leadml.snapshot.split import Folds

Numbers = NDArray[np.float64]
Moments = NDArray[np.int64]

SHARES = (0.5, 0.25, 0.125)
"""Half-lives that are tried, as shares of the history."""
ERRORS = 2.0
"""Standard errors by which a half-life must win. Test blocks share training leads, so the paired
error is too small: by one alone every fourth simulated company that does not drift got one."""


@dataclass(frozen=True)
class Trial:
    """How one half-life did in the rehearsal.

    Attributes
    ----------
    days : float or None
        None for all leads alike.
    log_loss : float
        Mean over the leads of all test blocks.
    gain : float
        How much lower than with all leads alike.
    error : float
        Standard error of the gain: over leads or over test blocks, whichever is larger.
    """

    days: float | None
    log_loss: float
    gain: float = 0.0
    error: float = 0.0

    @property
    def wins(self) -> bool:
        """Whether it beats all leads alike clearly."""
        return self.gain > 0 and self.gain >= ERRORS * self.error

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form; the error is null where a single block cannot tell it."""
        return asdict(self) | {"error": self.error if np.isfinite(self.error) else None}


def recency_weights(at: Moments, days: float | None) -> Numbers:
    """Return weights that halve every so many days before the newest lead, shape (leads,).

    Parameters
    ----------
    at : int64 array, shape (leads,)
        Microseconds; when each lead is judged.
    days : float or None
        The half-life, above 0; None for weights of 1.
    """
    if days is None or len(at) == 0:
        return np.ones(len(at))
    age = (at.max() - at) / MICROSECONDS_A_DAY
    weights: Numbers = 0.5 ** (age / days)
    return weights


def weighed(at: Moments, days: float | None, weight: Numbers | None = None) -> Numbers | None:
    """Return recency weights on top of a lead's own; None where all count alike."""
    if days is None:
        return weight
    recent = recency_weights(at, days)
    return recent if weight is None else weight * recent


def fold_weights(
    folds: Folds, days: float | None, weights: Sequence[Numbers | None] | None = None
) -> list[Numbers | None]:
    """Return the weights of each fold's training leads, on top of their own."""
    own = [None] * len(folds) if weights is None else weights
    if folds.at is None:
        return list(own)
    return [
        weighed(folds.at[train], days, weight)
        for (train, _), weight in zip(folds, own, strict=True)
    ]


def half_lives(at: Moments) -> tuple[float, ...]:
    """Return the half-lives that are tried, in days, longest first; none where all is one moment.

    Parameters
    ----------
    at : int64 array, shape (leads,)
        Microseconds; at least one lead.
    """
    span = float(np.ptp(at)) / MICROSECONDS_A_DAY
    return tuple(share * span for share in SHARES) if span > 0 else ()


def trial_of(days: float, rehearsal: Rehearsal, alike: Rehearsal, rule: str) -> Trial:
    """Hold a rehearsal with weights against the one with all leads alike, under one level rule.

    Parameters
    ----------
    days : float
        The half-life of `rehearsal`.
    rehearsal, alike : Rehearsal
        Over the same folds.
    rule : {"none", "shift", "trend"}
        Of the level, so that a half-life is not chosen for what the level can do better.
    """
    own, other = rehearsal.losses(rule), alike.losses(rule)
    gain = other - own
    return Trial(days, float(own.mean()), float(gain.mean()), rehearsal.error(gain))
