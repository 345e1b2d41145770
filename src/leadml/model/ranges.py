"""Readable ranges of a number: few, at round edges, with enough leads in each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from leadml.snapshot.feature import Feature

Numbers = NDArray[np.float64]

MOST_RANGES = 6
FEWEST = 20
"""Leads from which the close rate of a range tells something; ranges hold as many if they can."""
LEAST_SHARE = 0.01
"""Least share of the leads that a range of a number holds."""
SHARES = np.arange(1, 20) / 20
HEAVY = 0.05
"""Share of the leads with one and the same value from which it is a range of its own."""
CLOSER = 4
"""How much nearer to a cut point of the model an edge lies than to a quantile."""
MOST_CUTS = 8
"""Cut points of the model, those with the highest steps, that are tried as edges."""
LARGE = 1000.0
"""Whole numbers from which a range is told as that of fractions is: ``1000 to under 2000``."""
_ABOVE_ZERO = math.ulp(0.0)
_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
VALUES_OF: dict[str, tuple[float, float]] = {
    "count": (0, math.inf),
    "days": (0, math.inf),
    "contacts": (0, math.inf),
    "hour": (0, 23),
    "weekday": (0, 6),
}
"""The first and the last value of features that are whole numbers."""
_FROM_ZERO = ("count", "days", "contacts", "hour", "weekday", "age", "recency", "longest_gap")


@dataclass(frozen=True)
class Counted:
    """Leads in neighbouring bins of a number.

    Attributes
    ----------
    edges : float array, shape (bins - 1,)
    leads : float array, shape (bins,)
    place : float array, shape (bins,)
        What two bins have to share to be merged: the mean effect of their leads, or their rank.
    """

    edges: Numbers
    leads: Numbers
    place: Numbers


def edges_of(present: Numbers, cuts: Sequence[float], effects: Numbers | None) -> list[float]:
    """Return the inner edges of up to `MOST_RANGES` ranges; a range holds its lower edge.

    Parameters
    ----------
    present : float array, shape (leads,)
        The training leads' values, none missing.
    cuts : sequence of float
        Cut points of the model's own.
    effects : float array, shape (leads,), or None
        What the number adds to each lead's log-odds: neighbours with the same are merged first.
        None merges the smallest.
    """
    if len(present) < 2 * FEWEST:
        return []
    edges = candidates(present, cuts)
    bins = np.searchsorted(edges, present, side="right")
    leads = np.bincount(bins, minlength=len(edges) + 1).astype(float)
    if effects is None:
        place = (np.cumsum(leads) - leads / 2) / len(present)
    else:
        place = np.bincount(bins, effects, len(leads)) / np.fmax(leads, 1)
    return merged(Counted(edges, leads, place), max(FEWEST, LEAST_SHARE * len(present)))


def candidates(present: Numbers, cuts: Sequence[float]) -> Numbers:
    """Return round numbers near quantiles and cut points, and around values many leads have."""
    grid = np.unique(np.quantile(present, SHARES, method="inverted_cdf"))
    whole = bool((present == np.floor(present)).all())
    wanted = np.concatenate([grid, np.array([cut + whole * 0.5 for cut in cuts], float)])
    cell = np.clip(np.searchsorted(grid, wanted, side="right"), 1, max(len(grid) - 1, 1))
    widths = np.diff(grid)[cell - 1] if len(grid) > 1 else np.ones(len(wanted))
    widths[len(grid) :] /= CLOSER
    rounded = [
        _round(value, width, whole=whole)
        for value, width in zip(wanted.tolist(), widths.tolist(), strict=True)
    ]
    found = np.unique(np.array([*rounded, *_around_heavy(present, grid, whole=whole)]))
    inside: Numbers = found[(found > present.min()) & (found <= present.max())]
    if _ABOVE_ZERO not in inside:
        return inside
    least = present[present > 0].min()  # up to it there is nothing
    apart: Numbers = inside[(inside <= _ABOVE_ZERO) | (inside > least)]
    return apart


def _round(value: float, width: float, *, whole: bool) -> float:
    """Return the multiple of 1, 2 or 5 times a power of ten next to a value, within a cell."""
    power = 10.0 ** math.floor(math.log10(width / 2))
    step = max((f for f in (1, 2, 5) if f * power <= width / 2), default=1) * power
    if whole:
        step = max(1.0, step)
    return float(f"{round(value / step) * step:.12g}")


def _around_heavy(present: Numbers, grid: Numbers, *, whole: bool) -> list[float]:
    """Return edges that set apart the values that many leads have; of fractions only 0."""
    found = []
    for value in grid.tolist() if whole else [0.0]:
        if (present == value).mean() >= HEAVY:
            found += [value, value + 1 if whole else _ABOVE_ZERO]
    return found


def merged(counted: Counted, fewest: float) -> list[float]:
    """Return the edges left when the bins most alike are merged (Ward 1963), small ones first."""
    edges, leads, place = counted.edges, counted.leads, counted.place
    while len(edges):
        a, b = leads[:-1], leads[1:]
        cost = a * b / np.fmax(a + b, 1) * np.diff(place) ** 2
        small = np.fmin(a, b) < fewest
        if small.any():
            cost = np.where(small, cost, np.inf)
        elif len(leads) <= MOST_RANGES:
            break
        gone = int(np.argmin(cost))
        both = leads[gone] + leads[gone + 1]
        middle = (leads[gone : gone + 2] @ place[gone : gone + 2]) / max(both, 1)
        leads, place = np.delete(leads, gone), np.delete(place, gone)
        leads[gone], place[gone] = both, middle
        edges = np.delete(edges, gone)
    return [float(edge) for edge in edges]


NOT_KNOWN = "not known"
NONE_OR_NOT_KNOWN = "none, or not known"
_OF_THOSE_THERE_ARE = ("recency", "longest_gap", "ratio", "trend", "first")


def missing_words(feature: Feature) -> str:
    """Return what it is called when a feature has no value."""
    return NONE_OR_NOT_KNOWN if feature.kind in _OF_THOSE_THERE_ARE else NOT_KNOWN


def range_words(
    feature: Feature, edges: Sequence[float], *, whole: bool, least: float | None = None
) -> list[str]:
    """Return what the ranges between edges are called, lowest first.

    Parameters
    ----------
    whole : bool
        Whether all values were whole numbers.
    least : float, optional
        The least value there was, where that is known.
    """
    if not edges:
        return ["any value"]
    if feature.kind in _FROM_ZERO or least == 0:
        first: float | None = 0.0
    else:
        first = least if whole and least == edges[0] - 1 else None
    return [
        _words(feature, low, high, whole=whole) for low, high in pairwise([first, *edges, None])
    ]


def _words(feature: Feature, low: float | None, high: float | None, *, whole: bool) -> str:
    if not whole or max(abs(low or 0.0), abs(high or 0.0)) >= LARGE:
        return _of_fractions(low, high)
    highest = VALUES_OF.get(feature.kind, (0, math.inf))[1]
    last = high - 1 if high is not None else highest if math.isfinite(highest) else None
    show = day_words if feature.kind == "weekday" else number_words
    if low is None or last is None:
        return f"≤ {show(last)}" if last is not None else f"≥ {show(low or 0.0)}"
    if low == last:
        return show(low) if feature.kind == "weekday" else f"= {show(low)}"
    return f"{show(low)} to {show(last)}"


def _of_fractions(low: float | None, high: float | None) -> str:
    if high == _ABOVE_ZERO:
        return "= 0" if low == 0 else "≤ 0"
    if low == _ABOVE_ZERO:
        return "> 0" if high is None else f"above 0, under {number_words(high)}"
    if low is None or low == 0:
        return f"< {number_words(high or 0.0)}"
    return f"≥ {number_words(low)}" if high is None else f"{_from_to(low, high)}"


def _from_to(low: float, high: float) -> str:
    return f"{number_words(low)} to under {number_words(high)}"


def day_words(number: float) -> str:
    """Name a weekday; 0 is Monday."""
    return _WEEK[int(number)] if 0 <= number <= 6 else number_words(number)


def number_words(value: float) -> str:
    """Write a number for people: up to four digits that count, thousands apart from 10,000."""
    rounded = float(f"{value:.4g}") if abs(value) < 1000 else float(round(value))
    if rounded.is_integer():
        return f"{rounded:,.0f}" if abs(rounded) >= 10_000 else f"{rounded:.0f}"
    return f"{rounded:g}" if abs(rounded) >= 1e-4 else f"{rounded:.2g}"
