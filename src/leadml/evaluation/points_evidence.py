"""How sure the points are that the data support: clustered bootstrap, simultaneous intervals."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from leadml.evaluation.points_worth import Firing, Worth, fit_worth, spread_unit, units_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

REPLICATES = 1000
OVERLAP = 0.8
"""Correlation of two rules' contributions from which they fire for much the same leads."""
SURE = 1.2
"""How far the unit must lie above 0, in factors of its error, to be read from the rules."""
ALIKE = 0.99
"""Correlation from which nothing but what they earn together can be told."""
FEWEST = 10
"""Fewest accounts that a rule must fire for, and fewest leads it must not give its usual worth."""


@dataclass(frozen=True)
class Bounds:
    """Points with simultaneous bounds, closed; arrays of one shape.

    Attributes
    ----------
    value, low, high : float array
    """

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Evidence:
    """What the data say of a table.

    Attributes
    ----------
    worth : Worth
        The joint fit.
    unit_low, unit_high : float or None
        Interval of the unit; None where it is a convention (basis ``spread``).
    judged : bool array, shape (rules,)
        Rules that fire, and do not fire, for enough leads.
    rules : Bounds
        Of each rule, shape (rules,); NaN where not fitted.
    refuted : bool array, shape (rules + sets,)
        Where today's points, of the rules and then of the sets, are further off than the unit the
        rules agree on, and its error, allow; with the basis ``rules`` those outside the bounds.
    sets : tuple of tuple of int
        Rules of one sign that fire for much the same leads.
    together : Bounds
        Of all rules of each set at once, each at its typical firing, shape (sets,).
    today : float array, shape (sets,)
        What each set gives today.
    partner : int array, shape (rules,)
        The rule of its set that each overlaps most; -1 outside sets.
    overlap : float array, shape (rules,)
        The highest correlation with another judged rule of the same sign; 0 without one.
    """

    worth: Worth
    unit_low: float | None
    unit_high: float | None
    judged: Flags
    rules: Bounds
    refuted: Flags
    sets: tuple[tuple[int, ...], ...]
    together: Bounds
    today: Floats
    partner: NDArray[np.intp]
    overlap: Floats


def evidence_of(firing: Firing, *, confidence: float, seed: int = 0) -> Evidence:
    """Fit the rules jointly and bound what the data support, over all rules at once.

    Parameters
    ----------
    firing : Firing
        With won and lost leads, and a rule that does not give every lead the same.
    confidence : float
        With which all intervals hold together, in (0, 1).
    seed : int
        Of the resamples.

    Notes
    -----
    Accounts are drawn with replacement; each draw moves the fit by one Newton step of its scores
    (Kline and Santos 2012, doi:10.1515/2156-6674.1006), and the unit is read off anew. An error is
    that of the resamples or the fit's own, whichever is larger. The factor common to all
    intervals is the quantile of the largest studentised deviation (Romano and Wolf 2005,
    doi:10.1198/016214504000000539); an interval holds the points at which *log-odds − unit ×
    points* lies within that factor of 0 (Fieller 1954), so the unit's own error is in it. Where
    that leaves no bounds, the unit is a convention; `refuted` still allows for its error.
    """
    worth = fit_worth(firing)
    kept, judged = firing.fitted, _enough(firing)
    near = _near(firing, judged)
    sets = _sets(near)
    contrasts = _contrasts(firing, sets)
    counted = np.concatenate([judged, np.ones(len(sets), bool)])
    moves = _moves(firing, worth, seed)
    units = units_of(worth.log_odds[kept] + moves, firing.points[kept], worth.error[kept])
    own = _Contrasts(contrasts[:, kept], firing, worth, moves, units)
    factor = own.factor(counted, confidence)
    refuted = own.refuted(factor) & (worth.basis == "rules")
    if worth.basis == "spread" or worth.unit < SURE * factor * units.std():
        unit = spread_unit(worth.line, firing.unit[:, kept], firing.points[kept])
        worth = replace(worth, unit=unit, basis="spread")
        own = _Contrasts(contrasts[:, kept], firing, worth, moves, np.full(len(moves), unit))
        factor = own.factor(counted, confidence)
    rules, together = _split(own.bounds(factor), kept, len(firing.points))
    known = worth.basis == "rules"
    tail = (1 - confidence) / 2
    return Evidence(
        worth=worth,
        unit_low=float(np.quantile(units, tail)) if known else None,
        unit_high=float(np.quantile(units, 1 - tail)) if known else None,
        judged=judged,
        rules=rules,
        refuted=refuted,
        sets=sets,
        together=together,
        today=contrasts[len(firing.points) :] @ firing.points,
        partner=np.where(near.max(axis=1) >= OVERLAP, near.argmax(axis=1), -1),
        overlap=near.max(axis=1),
    )


def _moves(firing: Firing, worth: Worth, seed: int) -> Floats:
    """Return how far each resample of accounts moves the coefficients, shape (resamples, rules)."""
    scores = worth.line.scores(firing.unit[:, firing.fitted], firing.won.astype(float))
    number = np.unique(firing.accounts, return_inverse=True)[1].reshape(-1)
    clusters = int(number.max()) + 1
    summed = np.zeros((clusters, scores.shape[1]))
    np.add.at(summed, number, scores)
    summed *= np.sqrt(clusters / max(clusters - 1, 1))
    steps = summed @ np.linalg.pinv(worth.line.curvature)
    random = np.random.default_rng(seed)
    moves = np.empty((REPLICATES, scores.shape[1]))
    for replicate in range(REPLICATES):
        picks = random.integers(0, clusters, clusters)
        moves[replicate] = (np.bincount(picks, minlength=clusters) - 1.0) @ steps
    return moves[:, 1:]


def _enough(firing: Firing) -> Flags:
    fired = firing.unit != 0
    accounts = np.array([len(np.unique(firing.accounts[own])) for own in fired.T], np.intp)
    usual = np.array([np.unique(own, return_counts=True)[1].max() for own in firing.unit.T])
    return np.asarray((accounts >= FEWEST) & (len(firing.won) - usual >= FEWEST))


def _near(firing: Firing, judged: Flags) -> Floats:
    """Return the correlations between judged rules of one sign, shape (rules, rules); else 0."""
    rules = len(firing.points)
    near = np.zeros((rules, rules))
    chosen = np.flatnonzero(judged & firing.fitted & (firing.points != 0))
    if len(chosen) > 1:
        near[np.ix_(chosen, chosen)] = np.corrcoef(firing.unit[:, chosen], rowvar=False)
    near *= np.sign(firing.points)[:, None] * np.sign(firing.points)[None, :] > 0
    np.fill_diagonal(near, 0)
    return near


def _sets(near: Floats) -> tuple[tuple[int, ...], ...]:
    """Return sets of rules that overlap, directly or by way of others."""
    linked = connected_components(near >= OVERLAP, directed=False)[1]
    return tuple(
        tuple(np.flatnonzero(linked == number).tolist())
        for number in np.flatnonzero(np.bincount(linked) > 1)
    )


def _contrasts(firing: Firing, sets: tuple[tuple[int, ...], ...]) -> Floats:
    rows = np.zeros((len(sets), len(firing.points)))
    for row, members in zip(rows, sets, strict=True):
        row[list(members)] = firing.size[list(members)]
    return np.vstack([np.eye(len(firing.points)), rows])


class _Contrasts:
    """Sums of rules' log-odds, held against the same sums of today's points."""

    def __init__(
        self,
        contrasts: Floats,
        firing: Firing,
        worth: Worth,
        moves: Floats,
        units: Floats,
    ) -> None:
        kept = firing.fitted
        self.value, self.unit = contrasts @ worth.log_odds[kept], worth.unit
        self.today = contrasts @ firing.points[kept]
        self.moves, self.shift = moves @ contrasts.T, units - units.mean()
        own = np.linalg.pinv(worth.line.curvature)[1:, 1:]
        self.variance = np.maximum(
            self.moves.var(axis=0), np.einsum("cr,rs,cs->c", contrasts, own, contrasts)
        )
        self.shared = (self.moves - self.moves.mean(axis=0)).T @ self.shift / len(units)

    def factor(self, counted: Flags, confidence: float) -> float:
        """Return the quantile of the largest studentised deviation from today's points."""
        away = (self.moves - self.shift[:, None] * self.today)[:, counted]
        error = away.std(axis=0)
        away = np.abs(away - away.mean(axis=0))[:, error > 0] / error[error > 0]
        if not away.size:
            return 0.0
        return float(np.quantile(away.max(axis=1), confidence))

    def refuted(self, factor: float) -> Flags:
        """Tell where today's points lie further from what is supported than the factor allows."""
        off = self.value - self.unit * self.today
        error = self.variance - 2 * self.today * self.shared + self.today**2 * self.shift.var()
        return np.asarray(off**2 > factor**2 * error)

    def bounds(self, factor: float) -> Bounds:
        """Solve (value − unit s)² = factor² (variance − 2 s shared + s² variance of the unit)."""
        square = factor**2
        lead = self.unit**2 - square * float(self.shift.var())
        middle = self.value * self.unit - square * self.shared
        rest = self.value**2 - square * self.variance
        reach = np.sqrt(np.maximum(middle**2 - lead * rest, 0))
        value = self.value / self.unit
        low, high = (middle - reach) / lead, (middle + reach) / lead
        return Bounds(value, np.minimum(low, value), np.maximum(high, value))


def _split(bounds: Bounds, kept: Flags, rules: int) -> tuple[Bounds, Bounds]:
    parts = (bounds.value, bounds.low, bounds.high)
    own = Bounds(*(np.where(kept, part[:rules], np.nan) for part in parts))
    return own, Bounds(*(part[rules:] for part in parts))
