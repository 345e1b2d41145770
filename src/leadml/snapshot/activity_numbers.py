"""Features of activities: whole numbers from SQL or a fold, made into features by one code."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY
from leadml.snapshot.aggregates import NONE, Aggregates, Integers, Plan, Touches, slices_of
from leadml.snapshot.aggregates_fold import fold
from leadml.snapshot.aggregates_sql import query
from leadml.snapshot.feature import Feature

Numbers = NDArray[np.float64]
Engine = Literal["fold", "sql"]

LARGE = 300_000
"""Pairs of a lead and an activity from which SQL computes the aggregates; fewer it slows down."""


def aggregates_of(plan: Plan, touches: Touches, *, engine: Engine | None = None) -> Aggregates:
    """Return a plan's aggregates, by SQL from `LARGE` activities on unless `engine` says which."""
    if engine is None:
        engine = "sql" if touches.pairs >= LARGE else "fold"
    return query(plan, touches) if engine == "sql" else fold(plan, touches)


@dataclass(frozen=True)
class ActivityNumbers:
    """Features of some activities of each lead, from their aggregates.

    Attributes
    ----------
    plan : Plan
    found : Aggregates
    leads : int
    """

    plan: Plan
    found: Aggregates
    leads: int

    @cached_property
    def _starts(self) -> list[int]:
        """Where the rows of each slice begin, and the last end."""
        starts = np.searchsorted(self.found.place, np.arange(len(self.plan.slices) + 1))
        return [int(start) for start in starts]

    def of(self, feature: Feature) -> Numbers:
        """Return one feature, shape (leads,); NaN where it needs activities there are none of."""
        return _KINDS[feature.kind](self, feature)

    def at(self, feature: Feature, lead: int) -> float:
        """Return one feature of one lead, as `of` does: faster where leads are few.

        Parameters
        ----------
        lead : int
            Position.
        """
        kind, found = feature.kind, self._cell(feature, lead)
        if kind == "count":
            return float(found.counts[self.plan.window(feature.window)])
        if kind == "contacts":
            return float(found.contacts[self.plan.window(feature.window)])
        if kind == "days":
            return float(found.days)
        if kind in ("recency", "longest_gap"):
            age = found.newest if kind == "recency" else found.longest_gap
            return math.nan if age < 0 else age / MICROSECONDS_A_DAY
        if kind == "first":
            return float(found.first) if 0 <= found.first < len(feature.levels) else math.nan
        if kind == "trend":
            both = found.counts[self.plan.window(2 * (feature.window or 0.0))]
            recent = found.counts[self.plan.window(feature.window or 0.0)]
            return _share_of(2 * recent - both, both)
        window = self.plan.window(feature.window)
        of, per = found.counts[window], self._cell(feature, lead, 1).counts[window]
        return _share_of(of, max(of, per))

    def _cell(self, feature: Feature, lead: int, which: int = 0) -> "_Cell":
        place = self.plan.position[slices_of(feature)[which]]
        return self._cells.get((place, lead), self._empty)

    @cached_property
    def _cells(self) -> "dict[tuple[int, int], _Cell]":
        """The aggregates of each slice and lead that has any, as plain numbers."""
        found = self.found
        where = zip(found.place.tolist(), found.lead.tolist(), strict=True)
        columns = (found.counts, found.contacts, found.newest, found.days)
        ordered = (found.longest_gap, found.first)
        cells = zip(*(column.tolist() for column in (*columns, *ordered)), strict=True)
        return {key: _Cell(*cell) for key, cell in zip(where, cells, strict=True)}

    @cached_property
    def _empty(self) -> "_Cell":
        none = [0] * (len(self.plan.windows) + 1)
        return _Cell(none, none, NONE, 0, NONE, NONE)

    def _times(self, feature: Feature) -> Numbers:
        return self._count(feature, feature.window).astype(float)

    def _days(self, feature: Feature) -> Numbers:
        return self._dense(feature, self.found.days, 0).astype(float)

    def _recency(self, feature: Feature) -> Numbers:
        return _in_days(self._dense(feature, self.found.newest, NONE))

    def _longest_gap(self, feature: Feature) -> Numbers:
        return _in_days(self._dense(feature, self.found.longest_gap, NONE))

    def _dense(self, feature: Feature, column: Integers, nothing: int, which: int = 0) -> Integers:
        """Spread an aggregate of a feature's slice over all leads."""
        place = self.plan.position[slices_of(feature)[which]]
        rows = slice(*self._starts[place : place + 2])
        spread = np.full(self.leads, nothing, np.int64)
        spread[self.found.lead[rows]] = column[rows]
        return spread

    def _count(self, feature: Feature, window: float | None, which: int = 0) -> Integers:
        column = self.found.counts[:, self.plan.window(window)]
        return self._dense(feature, column, 0, which)

    def _contacts(self, feature: Feature) -> Numbers:
        column = self.found.contacts[:, self.plan.window(feature.window)]
        return self._dense(feature, column, 0).astype(float)

    def _trend(self, feature: Feature) -> Numbers:
        window = feature.window or 0.0
        recent = self._count(feature, window)
        both = self._count(feature, 2 * window)
        return _share(2 * recent - both, both)

    def _ratio(self, feature: Feature) -> Numbers:
        of, per = self._count(feature, feature.window), self._count(feature, feature.window, 1)
        return _share(of, np.maximum(of, per))

    def _first(self, feature: Feature) -> Numbers:
        code = self._dense(feature, self.found.first, NONE)
        unknown = (code < 0) | (code >= len(feature.levels))
        return np.where(unknown, np.nan, code)


class _Cell(NamedTuple):
    """A row of `Aggregates`."""

    counts: list[int]
    contacts: list[int]
    newest: int
    days: int
    longest_gap: int
    first: int


def _share_of(part: int, whole: int) -> float:
    return part / whole if whole > 0 else math.nan


def _in_days(microseconds: Integers) -> Numbers:
    return np.where(microseconds < 0, np.nan, microseconds / MICROSECONDS_A_DAY)


def _share(part: Integers, whole: Integers) -> Numbers:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


_KINDS: dict[str, Callable[[ActivityNumbers, Feature], Numbers]] = {
    "count": ActivityNumbers._times,
    "contacts": ActivityNumbers._contacts,
    "days": ActivityNumbers._days,
    "recency": ActivityNumbers._recency,
    "longest_gap": ActivityNumbers._longest_gap,
    "trend": ActivityNumbers._trend,
    "ratio": ActivityNumbers._ratio,
    "first": ActivityNumbers._first,
}
