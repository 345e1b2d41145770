"""A model as plain data: lookup tables for additive models, tree bytes for full ones.

Everything that serves is here and needs numpy alone (treelite where a full model serves). A
`Machine` is a weighted sum of parts; each additive part is a constant plus one term a feature, so
that a lead's log-odds are the very sum of its reasons.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from leadml.model.trend import Trend

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Steps:
    """A step function of a number: ``values[i]`` where ``cuts[i-1] < x <= cuts[i]``."""

    feature: int
    cuts: tuple[float, ...]
    values: tuple[float, ...]
    missing: float
    shape: ClassVar[str] = "steps"

    @cached_property
    def _cuts(self) -> Numbers:
        return np.array(self.cuts)

    @cached_property
    def _values(self) -> Numbers:
        return np.array(self.values)

    def of(self, x: Numbers) -> Numbers:
        """Return the term's log-odds for every number, shape (leads,)."""
        steps = self._values[np.searchsorted(self._cuts, x, side="left")]
        return np.where(np.isnan(x), self.missing, steps)


@dataclass(frozen=True)
class Line:
    """A piecewise linear function of a number, level beyond the first and last knot."""

    feature: int
    cuts: tuple[float, ...]
    values: tuple[float, ...]
    missing: float
    shape: ClassVar[str] = "line"

    def of(self, x: Numbers) -> Numbers:
        """Return the term's log-odds for every number, shape (leads,)."""
        line = np.interp(x, self.cuts, self.values)
        return np.where(np.isnan(x), self.missing, line)


@dataclass(frozen=True)
class Levels:
    """One value for each code of a text feature; a code beyond them counts as missing."""

    feature: int
    values: tuple[float, ...]
    missing: float
    shape: ClassVar[str] = "levels"

    @cached_property
    def _values(self) -> Numbers:
        return np.array([*self.values, self.missing])

    def of(self, x: Numbers) -> Numbers:
        """Return the term's log-odds for every code, shape (leads,)."""
        codes = np.fmin(x, len(self.values)).astype(np.intp)
        return self._values[codes]


@dataclass(frozen=True)
class Pieces:
    """Straight pieces side by side: the i-th, for ``cuts[i-1] < x <= cuts[i]``, has two ends.

    Attributes
    ----------
    cuts : tuple of float, at least one
        Ascending.
    starts : tuple of float
        Log-odds just above each piece's lower cut; one more than cuts.
    values : tuple of float
        Log-odds at each piece's upper cut. The first and the last piece are level.
    """

    feature: int
    cuts: tuple[float, ...]
    starts: tuple[float, ...]
    values: tuple[float, ...]
    missing: float
    shape: ClassVar[str] = "pieces"

    @cached_property
    def _table(self) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Return the cuts, and of each piece its lower cut, its start and its rise."""
        cuts, starts = np.array(self.cuts), np.array(self.starts)
        rises = np.zeros(len(starts))
        rises[1:-1] = (np.array(self.values) - starts)[1:-1] / np.diff(cuts)
        return cuts, np.concatenate([cuts[:1], cuts]), starts, rises

    def of(self, x: Numbers) -> Numbers:
        """Return the term's log-odds for every number, shape (leads,)."""
        cuts, lower, starts, rises = self._table
        piece = np.searchsorted(cuts, x, side="left")
        far = np.fmin(np.fmax(x, cuts[0]), cuts[-1]) - lower[piece]
        return np.where(np.isnan(x), self.missing, starts[piece] + rises[piece] * far)


Term = Steps | Line | Levels | Pieces
_SHAPES: dict[str, type[Term]] = {kind.shape: kind for kind in (Steps, Line, Levels, Pieces)}


def term_to_dict(term: Term) -> dict[str, Any]:
    """Return a term's JSON-ready form."""
    values = {"shape": term.shape, "feature": term.feature, "values": list(term.values)}
    if not isinstance(term, Levels):
        values["cuts"] = list(term.cuts)
    if isinstance(term, Pieces):
        values["starts"] = list(term.starts)
    return values | {"missing": term.missing}


def term_from_dict(values: Mapping[str, Any]) -> Term:
    """Read `term_to_dict`'s form."""
    plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return _SHAPES[plain.pop("shape")](**plain)


@dataclass(frozen=True)
class Scorecard:
    """A constant and at most one term a feature: log-odds are their sum."""

    constant: float
    terms: tuple[Term, ...] = ()

    def contributions(self, x: Numbers) -> Numbers:
        """Return each feature's term, shape of `x`; features without a term give 0."""
        parts = np.zeros_like(x)
        for term in self.terms:
            parts[:, term.feature] += term.of(x[:, term.feature])
        return parts

    def log_odds(self, x: Numbers) -> Numbers:
        """Return the log-odds of every lead, shape (leads,)."""
        log_odds: Numbers = self.constant + self.contributions(x).sum(axis=1)
        return log_odds

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return {"constant": self.constant, "terms": [term_to_dict(term) for term in self.terms]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Scorecard":
        """Read `to_dict`'s form."""
        return cls(values["constant"], tuple(term_from_dict(term) for term in values["terms"]))


@dataclass(frozen=True)
class Trees:
    """A full boosted model as treelite bytes."""

    content: bytes
    inputs: tuple[int, ...]
    """Positions, among the model's features, of the columns the trees were fitted on."""
    features: tuple[int, ...]
    """Positions of the features their splits use."""

    @cached_property
    def _model(self) -> Any:
        import treelite

        return treelite.Model.deserialize_bytes(self.content)

    def log_odds(self, x: Numbers) -> Numbers:
        """Return the log-odds of every lead, shape (leads,)."""
        from treelite import gtil

        if len(x) == 0:
            return np.empty(0)
        margin = gtil.predict(
            self._model, np.ascontiguousarray(x[:, self.inputs]), nthread=1, pred_margin=True
        )
        return np.asarray(margin, dtype=float).reshape(len(x))


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
        return self._by_removal(x)

    def explained(self, x: Numbers, as_of: NDArray[np.int64]) -> Explained:
        """Return the very log-odds of `log_odds` and the effects of `effects`, in one pass."""
        if not self.additive:
            return Explained(self.log_odds(x, as_of), self._by_removal(x), None)
        total, parts, constant = np.zeros(len(x)), np.zeros_like(x), 0.0
        for weight, card in self.cards:
            own = card.contributions(x)
            total += weight * (card.constant + own.sum(axis=1))
            parts += weight * own
            constant += weight * card.constant
        center, trend = self._center, self.trend_of(as_of)
        start = self.slope * (constant + center.sum()) + self.intercept
        log_odds = self.slope * total + self.intercept + trend
        return Explained(log_odds, self.slope * (parts - center), start + trend)

    @cached_property
    def _center(self) -> Numbers:
        return np.array(self.center)

    def _by_removal(self, x: Numbers) -> Numbers:
        nothing = self.contributions(np.full((1, x.shape[1]), np.nan))
        cards = self.contributions(x) - nothing
        effects = cards
        for weight, trees in self.trees:
            whole = trees.log_odds(x)
            for feature in trees.features:
                known = np.flatnonzero(~np.isnan(x[:, feature]))
                without = x[known].copy()
                without[:, feature] = np.nan
                effects[known, feature] += weight * (whole[known] - trees.log_odds(without))
        calibrated: Numbers = self.slope * effects
        return calibrated


def probability(log_odds: Numbers) -> Numbers:
    """Return ``1 / (1 + exp(-log_odds))`` without overflow."""
    positive = 1 / (1 + np.exp(-np.abs(log_odds)))
    return np.where(log_odds >= 0, positive, 1 - positive)


def log_odds_of(probability: Numbers, *, least: float = 1e-12) -> Numbers:
    """Return ``log(p / (1 - p))`` with p kept `least` away from 0 and 1."""
    inside = np.clip(probability, least, 1 - least)
    return np.log(inside) - np.log1p(-inside)
