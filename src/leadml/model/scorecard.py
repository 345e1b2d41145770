"""A model as plain data: lookup tables for additive models, tree bytes for full ones.

Everything that serves needs numpy alone. A `Machine` is a weighted sum of parts; each additive part
is a constant plus one term a feature, so that a lead's log-odds are the very sum of its reasons.

As with terms, ``of`` an array and ``at`` one lead say the same to the last bit. That is why sums
over features go from left to right here: ``numpy.sum`` does not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.model.terms import (
    Levels,
    Line,
    Pieces,
    Steps,
    Term,
    term_from_dict,
    term_to_dict,
)
from leadml.model.trees import Trees
from leadml.model.trend import Trend

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Scorecard:
    """A constant and at most one term a feature: log-odds are their sum."""

    constant: float
    terms: tuple[Term, ...] = ()

    @cached_property
    def _in_order(self) -> tuple[Term, ...]:
        return tuple(sorted(self.terms, key=lambda term: term.feature))

    def contributions(self, x: Numbers) -> Numbers:
        """Return each feature's term, shape of `x`; features without a term give 0."""
        return self.explained(x)[1]

    def log_odds(self, x: Numbers) -> Numbers:
        """Return the log-odds of every lead, shape (leads,)."""
        total = np.zeros(len(x))
        for term in self._in_order:
            total += term.of(x[:, term.feature])
        log_odds: Numbers = self.constant + total
        return log_odds

    def explained(self, x: Numbers) -> tuple[Numbers, Numbers]:
        """Return the log-odds of every lead, and what each feature's term adds to them."""
        total, parts = np.zeros(len(x)), np.zeros_like(x)
        for term in self._in_order:
            added = term.of(x[:, term.feature])
            parts[:, term.feature] = added
            total += added
        return self.constant + total, parts

    def log_odds_at(self, values: Sequence[float]) -> float:
        """Return the log-odds of one lead, given its features."""
        return self.explained_at(values)[0]

    def explained_at(self, values: Sequence[float]) -> tuple[float, list[float]]:
        """Return the log-odds of one lead, and what each feature's term adds to them."""
        total, parts = 0.0, [0.0] * len(values)
        for feature, at in self._each:
            parts[feature] = added = at(values[feature])
            total += added
        return self.constant + total, parts

    @cached_property
    def _each(self) -> list[tuple[int, Callable[[float], float]]]:
        return [(term.feature, term.at) for term in self._in_order]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return {"constant": self.constant, "terms": [term_to_dict(term) for term in self.terms]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Scorecard":
        """Read `to_dict`'s form."""
        return cls(values["constant"], tuple(term_from_dict(term) for term in values["terms"]))


@dataclass(frozen=True)
class Explained:
    """Scores with what they are made of.

    Attributes
    ----------
    log_odds : float array, shape (leads,)
        Calibrated, the trend included.
    effects : float array, shape (leads, features)
        See `Machine.effects`.
    start : float array, shape (leads,), or None
        Additive: the log-odds of the mean lead as of each moment; with its effects they sum to a
        lead's. None with trees, where effects need not sum.
    """

    log_odds: Numbers
    effects: Numbers
    start: Numbers | None


@dataclass(frozen=True)
class Machine:
    """A weighted sum of scorecards and, for a full model, trees; then the calibration line.

    Attributes
    ----------
    cards : tuple of (weight, Scorecard)
    trees : tuple of (weight, Trees)
    slope, intercept : float
        Calibration in log-odds: ``slope * sum + intercept``.
    center : tuple of float, shape (features,)
        Mean additive contribution of each feature over the training leads, before the slope:
        a reason says how far a lead's term lies from it.
    trend : Trend or None
        Added last, as of the moment the lead is judged: part of the level, no feature's reason.
    """

    cards: tuple[tuple[float, Scorecard], ...]
    trees: tuple[tuple[float, Trees], ...] = ()
    slope: float = 1.0
    intercept: float = 0.0
    center: tuple[float, ...] = ()
    trend: Trend | None = None

    @property
    def additive(self) -> bool:
        """Whether reasons are the exact terms of the sum."""
        return not self.trees

    def raw_log_odds(self, x: Numbers) -> Numbers:
        """Return the log-odds before calibration, shape (leads,)."""
        total = np.zeros(len(x))
        for weight, card in self.cards:
            total += weight * card.log_odds(x)
        for weight, trees in self.trees:
            total += weight * trees.log_odds(x)
        return total

    def log_odds(self, x: Numbers, as_of: NDArray[np.int64] | None = None) -> Numbers:
        """Return the calibrated log-odds, shape (leads,).

        Parameters
        ----------
        as_of : int64 array, shape (leads,), optional
            Microseconds UTC; the moment each lead is judged. Without it the trend is left out:
            what the features alone say.
        """
        still: Numbers = self.slope * self.raw_log_odds(x) + self.intercept
        return still if as_of is None else still + self.trend_of(as_of)

    def trend_of(self, as_of: NDArray[np.int64]) -> Numbers:
        """Return what the trend adds as of each moment, shape (leads,); 0 without a trend."""
        return np.zeros(len(as_of)) if self.trend is None else self.trend.of(as_of)

    def contributions(self, x: Numbers) -> Numbers:
        """Return the weighted sum of the scorecards' terms, shape of `x`, before the slope."""
        total = np.zeros_like(x)
        for weight, card in self.cards:
            total += weight * card.contributions(x)
        return total

    def effects(self, x: Numbers) -> Numbers:
        """Return what each feature adds to each lead's log-odds, shape of `x`.

        Additive: the feature's term less its mean over the training leads, times the slope: with
        the mean log-odds they sum to the lead's log-odds. With trees: the change in log-odds
        against the same lead with that feature missing; these need not sum.
        """
        if self.additive:
            centred: Numbers = self.slope * (self.contributions(x) - self._center)
            return centred
        return self._removed(x)[1]

    def explained(self, x: Numbers, as_of: NDArray[np.int64]) -> Explained:
        """Return the very log-odds of `log_odds` and the effects of `effects`, in one pass."""
        if not self.additive:
            total, effects = self._removed(x)
            log_odds = self.slope * total + self.intercept + self.trend_of(as_of)
            return Explained(log_odds, effects, None)
        total, parts = np.zeros(len(x)), np.zeros_like(x)
        for weight, card in self.cards:
            own, added = card.explained(x)
            total += weight * own
            parts += weight * added
        trend = self.trend_of(as_of)
        log_odds = self.slope * total + self.intercept + trend
        return Explained(log_odds, self.slope * (parts - self._center), self._start + trend)

    def explained_at(
        self, values: Sequence[float], as_of: int
    ) -> tuple[float, list[float], float | None]:
        """Return `explained`'s log-odds, effects and start of one lead, given its features."""
        total, parts = 0.0, [0.0] * len(values)
        for weight, card in self.cards:
            own, added = card.explained_at(values)
            total += weight * own
            if len(self.cards) == 1 and weight == 1:
                parts = added
            else:
                parts = [part + weight * one for part, one in zip(parts, added, strict=True)]
        slope, trend = self.slope, 0.0 if self.trend is None else self.trend.at(as_of)
        if self.additive:
            effects = [slope * (p - mean) for p, mean in zip(parts, self.center, strict=True)]
            return slope * total + self.intercept + trend, effects, self._start + trend
        effects = parts.copy()
        for place, unknown in self._unknown.items():
            effects[place] -= unknown
        for weight, trees in self.trees:
            of_trees, falls = trees.explained(np.array([values]))
            total += weight * float(of_trees[0])
            for place, fall in zip(trees.places.tolist(), falls[0].tolist(), strict=True):
                effects[place] += weight * fall
        return slope * total + self.intercept + trend, [slope * e for e in effects], None

    @cached_property
    def _center(self) -> Numbers:
        return np.array(self.center)

    @cached_property
    def _unknown(self) -> dict[int, float]:
        """Return the contribution of each feature to a lead of which nothing is known."""
        found: dict[int, float] = {}
        for weight, card in self.cards:
            for term in card.terms:
                found[term.feature] = found.get(term.feature, 0.0) + weight * term.missing
        return found

    @cached_property
    def _start(self) -> float:
        """Return the log-odds of the mean lead, without the trend."""
        constant = 0.0
        for weight, card in self.cards:
            constant += weight * card.constant
        return float(self.slope * (constant + self._center.sum()) + self.intercept)

    def _removed(self, x: Numbers) -> tuple[Numbers, Numbers]:
        """Return the log-odds before calibration, and the effects after it."""
        total, parts = np.zeros(len(x)), np.zeros_like(x)
        for weight, card in self.cards:
            own, added = card.explained(x)
            total += weight * own
            parts += weight * added
        unknown = np.zeros(x.shape[1])
        unknown[list(self._unknown)] = list(self._unknown.values())
        effects = parts - unknown
        for weight, trees in self.trees:
            own, falls = trees.explained(x)
            total += weight * own
            effects[:, trees.places] += weight * falls
        return total, self.slope * effects


def probability(log_odds: Numbers) -> Numbers:
    """Return ``1 / (1 + exp(-log_odds))`` without overflow."""
    positive = 1 / (1 + np.exp(-np.abs(log_odds)))
    return np.where(log_odds >= 0, positive, 1 - positive)


def probability_at(log_odds: float) -> float:
    """Return `probability` of one number; ``math.exp`` rounds some numbers otherwise than numpy."""
    positive = 1 / (1 + float(np.exp(-abs(log_odds))))
    return positive if log_odds >= 0 else 1 - positive


def log_odds_of(probability: Numbers, *, least: float = 1e-12) -> Numbers:
    """Return ``log(p / (1 - p))`` with p kept `least` away from 0 and 1."""
    inside = np.clip(probability, least, 1 - least)
    return np.log(inside) - np.log1p(-inside)


__all__ = [
    "Explained",
    "Levels",
    "Line",
    "Machine",
    "Pieces",
    "Scorecard",
    "Steps",
    "Term",
    "log_odds_of",
    "probability",
    "probability_at",
    "term_from_dict",
    "term_to_dict",
]
