"""The rule-based points score as companies write it down: rules, groups, caps, decay, buckets."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from leadml.domain.mapping import Scalar

GROUPS = ("fit", "behaviour", "page", "value")
COLUMN_TESTS = ("equals", "in", "at_least", "at_most", "between", "contains", "matches", "present")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of the points table: a condition on a column or on activities, and its points.

    A column rule has exactly one test of `COLUMN_TESTS` (``in`` is spelt `one_of` here; `at_least`
    and `at_most` may stand together). An activity rule counts the activities of one kind, with an
    optional glob on `detail`, no older than `within_days` and strictly before the moment judged.
    ``per="once"`` gives the points when there are `at_least` such activities; ``per="each"`` gives
    them for every one (when there are `at_least`), up to `max_points`. With `half_life_days` each
    activity is worth ``0.5 ** (age / half_life)`` of its points ("once": the newest decides).
    """

    name: str
    points: float
    group: Literal["fit", "behaviour", "page", "value"] = "fit"
    column: str | None = None
    equals: Scalar | None = None
    one_of: tuple[Scalar, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    between: tuple[float, float] | None = None
    contains: str | None = None
    matches: str | None = None
    present: bool | None = None
    activity: str | None = None
    detail: str | None = None
    within_days: float | None = None
    per: Literal["each", "once"] = "once"
    max_points: float | None = None
    half_life_days: float | None = None

    def __post_init__(self) -> None:
        """Refuse a rule that could not be read in one way only."""
        problem = self._problem()
        if problem:
            msg = f"rule {self.name!r}: {problem}"
            raise ValueError(msg)

    def _problem(self) -> str | None:
        if not self.name.strip() or self.name.startswith("cap: "):
            return "a name must not be empty nor start with 'cap: ' (the entries of caps do)"
        if self.group not in GROUPS:
            return f"unknown group {self.group!r}; groups are {', '.join(GROUPS)}"
        if not math.isfinite(self.points):
            return f"points must be a finite number, found {self.points!r}"
        if (self.column is None) == (self.activity is None):
            return "give exactly one of column and activity"
        return self._column_problem() if self.column is not None else self._activity_problem()

    def _column_problem(self) -> str | None:
        tests = [
            name
            for name in ("equals", "one_of", "between", "contains", "matches", "present")
            if getattr(self, name) is not None
        ]
        if self.at_least is not None or self.at_most is not None:
            tests.append("at_least/at_most")
        if len(tests) != 1:
            return f"a column rule needs exactly one test of {', '.join(COLUMN_TESTS)}"
        foreign = [n for n in _ACTIVITY_ONLY if getattr(self, n) is not None]
        if foreign:
            return f"{foreign[0]} belongs to activity rules"
        if self.contains == "" or self.one_of == ():
            return "contains and in must not be empty"
        return self._range_problem() or _regex_problem(self.matches)

    def _range_problem(self) -> str | None:
        low, high = self.between or (self.at_least, self.at_most)
        ends = [end for end in (low, high) if end is not None]
        if any(math.isnan(end) for end in ends) or ends != sorted(ends):
            return f"a range must go from low to high, found {low!r} to {high!r}"
        return None

    def _activity_problem(self) -> str | None:
        column_only = ("equals", "one_of", "at_most", "between", "contains", "matches", "present")
        foreign = [n for n in column_only if getattr(self, n) is not None]
        if foreign:
            return f"{foreign[0]} belongs to column rules"
        for name in ("within_days", "half_life_days", "at_least"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                return f"{name} must be above 0, found {value!r}"
        if self.max_points is not None and self.max_points * self.points < 0:
            return "max_points must have the sign of points"
        return None


_ACTIVITY_ONLY = ("detail", "within_days", "max_points", "half_life_days")


def _regex_problem(pattern: str | None) -> str | None:
    try:
        re.compile(pattern or "")
    except re.error as error:
        return f"matches is not a regular expression: {error}"
    return None


@dataclass(frozen=True, kw_only=True)
class PointsTable:
    """The whole table.

    Attributes
    ----------
    threshold : float
        Points from which a lead is handed off today.
    rules : tuple of Rule
        In the order written.
    caps : dict
        Group name -> most positive points the group can give; ``total`` caps the sum of the groups'
        positive points. Negative points are deducted afterwards, in full.
    buckets : dict
        Bucket name -> fewest points, e.g. ``{"A": 80, "B": 50}``; below all of them: no bucket.
    """

    threshold: float = 100.0
    rules: tuple[Rule, ...] = ()
    caps: dict[str, float] = field(default_factory=dict)
    buckets: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse unknown groups in caps and rules that share a name."""
        unknown = sorted(set(self.caps) - {*GROUPS, "total"})
        if unknown:
            msg = f"caps: unknown group {unknown[0]!r}; groups are {', '.join(GROUPS)} and total"
            raise ValueError(msg)
        twice = _first_repeated(rule.name for rule in self.rules)
        if twice is not None:
            msg = f"rules: two rules are named {twice!r}; give each its own name"
            raise ValueError(msg)
        for name, cap in self.caps.items():
            if not 0 <= cap < math.inf:
                msg = f"caps: {name} must be 0 points or more, found {cap!r}"
                raise ValueError(msg)
        for name, mark in {"threshold": self.threshold, **self.buckets}.items():
            if not math.isfinite(mark):
                msg = f"{name} must be a finite number of points, found {mark!r}"
                raise ValueError(msg)


def _first_repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
