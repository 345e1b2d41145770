"""What a lead is worth: its expected margin in money, and its place among the training leads.

Needs numpy alone: it serves.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadml.model.scorecard import Scorecard

Numbers = NDArray[np.float64]
Basis = Literal["model", "mean"]
Worth = Literal["margin", "amount"]


SMALLEST_SCALE = 1e-9
"""Least difference in worth that is told apart."""


class Margins(NamedTuple):
    """Expected margins in money, and between what they lie where margins are not known."""

    value: Numbers
    low: Numbers
    high: Numbers

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Margins":
        """Return those of some leads."""
        return Margins(self.value[rows], self.low[rows], self.high[rows])


@dataclass(frozen=True)
class Unknown:
    """What wins without a known margin add, as factors of the margin that the others teach.

    Where every margin is known all three are 1.

    Attributes
    ----------
    factor : float
        If the unknown ones are like the known ones.
    low, high : float
        If each of them lies at the 10th, at the 90th percentile of the known margins, relative to
        what was expected of those; ``low <= factor <= high``.
    """

    factor: float = 1.0
    low: float = 1.0
    high: float = 1.0

    def of(self, margin: Numbers) -> Margins:
        """Return margins and their bounds; of a loss the larger factor is the lower bound."""
        ends = self.low * margin, self.high * margin
        return Margins(self.factor * margin, np.minimum(*ends), np.maximum(*ends))

    def at(self, margin: float) -> tuple[float, float, float]:
        """Return `of` one margin."""
        ends = self.low * margin, self.high * margin
        return self.factor * margin, min(ends), max(ends)


@dataclass(frozen=True)
class Ranks:
    """How many of the training leads a lead outranks.

    Attributes
    ----------
    values : tuple of float
        Rising worths of training leads, the least and the largest among them.
    shares : tuple of float
        Share of the training leads below each, ties counted by half, and the lead itself among
        them: above 0 and below 1.
    scale : float
        Worth beyond the training leads at which half of what is left of the scale is used.
    """

    values: tuple[float, ...]
    shares: tuple[float, ...]
    scale: float

    @classmethod
    def among(cls, worth: Numbers, *, most: int = 1001) -> "Ranks":
        """Return the ranks among training leads of these worths, shape (leads,), at least one."""
        ordered, leads = np.sort(worth), len(worth)
        steps = np.linspace(0, leads - 1, min(most, leads)).round().astype(np.intp)
        values = np.unique(ordered[steps])
        below = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
        shares = (below / 2 + 0.5) / (leads + 1)
        scale = float(ordered.std()) or abs(float(ordered[0])) or 1.0
        scale = max(scale, SMALLEST_SCALE)
        return cls(tuple(values.tolist()), tuple(shares.tolist()), scale)

    def priority(self, worth: Numbers) -> Numbers:
        """Return 100 times the share outranked, above 0 and below 100, shape of `worth`.

        Straight between the values kept, and never the other way round: of two leads the one of
        higher worth has the higher priority (or, where they lie too close for floating point, the
        same), also beyond every training lead.
        """
        values, shares = self._values, self._shares
        place = np.clip(np.searchsorted(values, worth, "right") - 1, 0, max(len(values) - 2, 0))
        after = np.minimum(place + 1, len(values) - 1)
        width = values[after] - values[place]
        kept = np.clip(worth, values[0], values[-1])
        along = (kept - values[place]) / np.where(width > 0, width, 1.0)
        inside = shares[place] + along * (shares[after] - shares[place])
        above = np.maximum(worth - values[-1], 0) / self.scale
        below = np.maximum(values[0] - worth, 0) / self.scale
        beyond = shares[-1] + (1 - shares[-1]) * (1 - 1 / (1 + above))
        under = shares[0] / (1 + below)
        share = np.where(above > 0, beyond, np.minimum(inside, shares[after]))
        ranked: Numbers = 100 * np.where(below > 0, under, share)
        return ranked

    def at(self, worth: float) -> float:
        """Return `priority` of one worth."""
        values, shares = self.values, self.shares
        if worth > values[-1]:
            above = (worth - values[-1]) / self.scale
            return 100 * (shares[-1] + (1 - shares[-1]) * (1 - 1 / (1 + above)))
        if worth < values[0]:
            return 100 * (shares[0] / (1 + (values[0] - worth) / self.scale))
        place = min(bisect_right(values, worth) - 1, max(len(values) - 2, 0))
        after = min(place + 1, len(values) - 1)
        width = values[after] - values[place]
        along = (worth - values[place]) / (width if width > 0 else 1.0)
        return 100 * min(shares[place] + along * (shares[after] - shares[place]), shares[after])

    @cached_property
    def _values(self) -> Numbers:
        return np.array(self.values)

    @cached_property
    def _shares(self) -> Numbers:
        return np.array(self.shares)


@dataclass(frozen=True, kw_only=True)
class Value:
    """Expected margin of a lead: its probability times the margin expected of it if it is won.

    Attributes
    ----------
    ranks : Ranks
        Of the training leads, by expected margin; by probability without any.
    basis : {"model", "mean"} or None
        Whether won leads differ in margin by their features; None where no margin is known.
    of : {"margin", "amount"}
        What a win is worth: without any margins mapped its whole amount.
    card : Scorecard or None
        Log of the margin in money, given a win.
    unknown : Unknown
    won_with_margin, won_without_margin : int
        Won leads that taught it, and those whose margin is not known.
    mean : float or None
        Mean margin of the won leads whose margin is known, in money.
    out_of_time : dict or None
        How model and mean did on won leads that neither had learnt from: ``wins``, ``gain`` of the
        model in gamma deviance a win, its standard ``error``, and the ``penalty`` chosen.
    """

    ranks: Ranks
    basis: Basis | None = None
    of: Worth = "margin"
    card: Scorecard | None = None
    unknown: Unknown = Unknown()
    won_with_margin: int = 0
    won_without_margin: int = 0
    mean: float | None = None
    out_of_time: Mapping[str, Any] | None = None

    def given_win(self, x: Numbers) -> Numbers:
        """Return the margin expected of each lead if it is won, in money, shape (leads,).

        NaN where no margin is known at all.
        """
        if self.card is not None:
            return np.exp(self.card.log_odds(x))
        return np.full(len(x), np.nan if self.mean is None else self.mean)

    def money_if_won(self, x: Numbers) -> Margins:
        """Return what a win of each lead is expected to bring, and its bounds; NaN if unknown."""
        return self.unknown.of(self.given_win(x))

    def expected(self, p: Numbers, x: Numbers) -> Margins | None:
        """Return the expected margins of leads, in money; None where no margin is known.

        Parameters
        ----------
        p : float array, shape (leads,)
            Probability of a sales-ready win.
        x : float array, shape (leads, features)
        """
        return None if self.basis is None else self.unknown.of(p * self.given_win(x))

    def priority(self, p: Numbers, expected: Margins | None) -> Numbers:
        """Return 100 times the share of training leads that each lead outranks, shape (leads,)."""
        return self.ranks.priority(p if expected is None else expected.value)

    def given_win_at(self, values: Sequence[float]) -> float:
        """Return `given_win` of one lead, given its features."""
        if self.card is not None:
            return float(np.exp(self.card.log_odds_at(values)))
        return math.nan if self.mean is None else self.mean

    def summary(self) -> dict[str, Any]:
        """Return what the manifest says of it."""
        known = None if self.mean is None else self.unknown.of(np.array([self.mean]))
        return {
            "basis": self.basis,
            "of": self.of,
            "won_with_margin": self.won_with_margin,
            "won_without_margin": self.won_without_margin,
            "mean": self.mean,
            "low": None if known is None else float(known.low[0]),
            "high": None if known is None else float(known.high[0]),
            "out_of_time": None if self.out_of_time is None else dict(self.out_of_time),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        plain = {key: value for key, value in self.summary().items() if key not in ("low", "high")}
        return plain | {
            "card": None if self.card is None else self.card.to_dict(),
            "unknown": asdict(self.unknown),
            "ranks": {
                "values": list(self.ranks.values),
                "shares": list(self.ranks.shares),
                "scale": self.ranks.scale,
            },
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Value":
        """Read `to_dict`'s form."""
        ranks = values["ranks"]
        return cls(
            **{
                **values,
                "card": values["card"] and Scorecard.from_dict(values["card"]),
                "unknown": Unknown(**values["unknown"]),
                "ranks": Ranks(tuple(ranks["values"]), tuple(ranks["shares"]), ranks["scale"]),
            }
        )
