"""Model, points and both together on the same leads, and on every resample of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.challenge import LEVEL
from leadml.evaluation.descent import Descent, Slope
from leadml.evaluation.interval import Interval
from leadml.evaluation.sigmoid import squared_error, surprise
from leadml.evaluation.tally import Floats

Bools = NDArray[np.bool_]
Row = tuple[str, str]
"""What is measured, and at which volume or close rate ("" for measures of all leads)."""

PAIRS = (("model", "points"), ("both", "model"), ("both", "points"))
LOSSES = ("log_loss_equal", "brier_equal", "log_loss", "brier")


@dataclass(frozen=True)
class Entrant:
    """What one contestant says; arrays of shape (leads,).

    Attributes
    ----------
    ranking : float array
        Finite scores in any unit.
    recalibrated : float array or None
        Log-odds after the recalibration that is the same for all; None where there is none.
    log_odds : float array or None
        Its own, as it states them; None where it states none.
    ready : bool array or None
        Whom it hands off; None where it has no threshold.
    """

    ranking: Floats
    recalibrated: Floats | None = None
    log_odds: Floats | None = None
    ready: Bools | None = None


@dataclass(frozen=True, kw_only=True)
class Stakes:
    """At what the contestants are measured.

    Attributes
    ----------
    rate : float
        The agreed close rate.
    shares : mapping of str to float
        Name of a volume -> share of the leads.
    margin : float array, shape (leads,), or None
        Money each won lead brought; 0 for others.
    cost : float
        Money it costs to work one lead.
    weight : float array, shape (leads,), or None
        How many leads each stands for; None where each stands for itself.
    settles : bool
        Whether intervals may favour anybody; not with a few accounts.
    """

    rate: float
    shares: Mapping[str, float] = field(default_factory=dict)
    margin: Floats | None = None
    cost: float = 0.0
    weight: Floats | None = None
    settles: bool = True


class Contest:
    """The measures of all entrants; `watch` adds those of one resample.

    Parameters
    ----------
    won : bool array, shape (leads,)
    entrants : mapping of str to Entrant
    stakes : Stakes

    Attributes
    ----------
    measured : dict
        Row -> entrant -> value on the leads themselves.

    Notes
    -----
    The recalibration is not fitted again in every resample. It minimises the log loss, so that
    fitting it a little differently changes the mean loss in second order only; the coverage of the
    intervals was simulated (``tests/benchmarks/interval_coverage.py``).
    """

    def __init__(self, won: Bools, entrants: Mapping[str, Entrant], stakes: Stakes) -> None:
        self.won, self.entrants, self.stakes = np.asarray(won, bool), entrants, stakes
        self._slopes = {
            name: Slope(self.won, one.ranking, stakes.margin) for name, one in entrants.items()
        }
        self._handed = {
            name: (one.ready.astype(float), (one.ready & self.won).astype(float))
            for name, one in entrants.items()
            if one.ready is not None and one.ready.any()
        }
        self._losses = [
            ((key, ""), name, loss)
            for name, one in entrants.items()
            for key, loss in _losses_of(one, self.won).items()
        ]
        self._stacked = np.array([loss for _, _, loss in self._losses])
        self._own = np.ones(len(self.won)) if stakes.weight is None else stakes.weight
        self._own = self._own * (len(self.won) / self._own.sum())
        self.measured = self._measure(self._own)
        self._drawn: dict[tuple[Row, str], list[float]] = defaultdict(list)

    def watch(self, weight: Floats) -> None:
        """Measure one resample, in which each lead counts `weight` times."""
        for row, values in self._measure(weight * self._own).items():
            for name, value in values.items():
                self._drawn[row, name].append(value)

    def _measure(self, weight: Floats) -> dict[Row, dict[str, float]]:
        found: dict[Row, dict[str, float]] = defaultdict(dict)
        total = float(weight.sum())
        if len(self._stacked):
            means = self._stacked @ weight / total
            for (row, name, _), mean in zip(self._losses, means.tolist(), strict=True):
                found[row][name] = mean
        walked = {name: slope.descent(weight) for name, slope in self._slopes.items()}
        for name, descent in walked.items():
            if self.stakes.weight is not None:
                found["auc", ""][name] = self._slopes[name].auc(descent)
            self._at_volumes(found, name, descent, total)
        self._at_rates(found, walked, weight, total)
        return found

    def _at_volumes(
        self, found: dict[Row, dict[str, float]], name: str, descent: Descent, total: float
    ) -> None:
        scale = len(self.won) / total
        for key, share in self.stakes.shares.items():
            volume = share * total
            found["close_rate", key][name] = descent.wins(volume) / volume
            if self.stakes.margin is not None:
                profit = descent.money(volume) - self.stakes.cost * volume
                found["profit", key][name] = profit * scale

    def _at_rates(
        self,
        found: dict[Row, dict[str, float]],
        walked: Mapping[str, Descent],
        weight: Floats,
        total: float,
    ) -> None:
        """Find the volumes at the agreed rate, and at the rate of each entrant's own hand-offs.

        At its own rate an entrant's volume is what it hands off.
        """
        scale = len(self.won) / total
        rates = {"agreement": self.stakes.rate}
        handed = {name: float(weight @ ready) for name, (ready, _) in self._handed.items()}
        for name, (_, won) in self._handed.items():
            rates[name] = float(weight @ won) / handed[name] if handed[name] else 0.0
        for of, rate in rates.items():
            found["rate", of]["rate"] = rate
            for name, descent in walked.items():
                volume = handed[name] if of == name else descent.volume(rate)
                found["volume", of][name] = volume * scale

    def drawn(self, row: Row, name: str) -> Floats:
        """Return one measure of one entrant in all resamples."""
        return np.array(self._drawn[row, name])

    def interval(self, row: Row, name: str) -> Interval:
        """Return one measure with its two-sided interval; absent where there is none."""
        value = self.measured.get(row, {}).get(name)
        if value is None or np.isnan(value):
            return Interval.absent("there is no such figure")
        return Interval.around(value, *_bounds(self.drawn(row, name)))

    def pairs(self, row: Row, *, good: Literal["higher", "lower"]) -> list[dict[str, Any]]:
        """Compare the entrants two by two on the same resamples; JSON-ready."""
        values = self.measured.get(row, {})
        rows = [
            pair_row(first, second, self._gap(row, first, second), good=good)
            for first, second in PAIRS
            if np.isfinite([values.get(first, np.nan), values.get(second, np.nan)]).all()
        ]
        return rows if self.stakes.settles else [one | {"better": None} for one in rows]

    def _gap(self, row: Row, first: str, second: str) -> Interval:
        gap = self.measured[row][first] - self.measured[row][second]
        return Interval.around(gap, *_bounds(self.drawn(row, first) - self.drawn(row, second)))


def _losses_of(one: Entrant, won: Bools) -> dict[str, Floats]:
    losses = {}
    for ending, log_odds in (("_equal", one.recalibrated), ("", one.log_odds)):
        if log_odds is not None:
            losses["log_loss" + ending] = surprise(log_odds, won)
            losses["brier" + ending] = squared_error(log_odds, won)
    return losses


def _bounds(drawn: Floats) -> Sequence[float]:
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def pair_row(
    first: str, second: str, gap: Interval, *, good: Literal["higher", "lower"]
) -> dict[str, Any]:
    """Return one comparison, JSON-ready; `better` names whom the interval favours."""
    better = None
    if gap.low is not None and gap.high is not None and not gap.low <= 0 <= gap.high:
        better = first if (gap.low > 0) == (good == "higher") else second
    return {
        "first": first,
        "second": second,
        "difference": gap.value,
        "low": gap.low,
        "high": gap.high,
        "better": better,
    }
