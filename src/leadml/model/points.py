"""The points score on arrays: what every lead gets, and exactly which rules gave it.

A table is scored by `PointsEngine.score`, one lead by `PointsEngine.at`: the same sums in the same
order, so the same points to the last bit. Change both. Three decisions shape the numbers:

- A cap is the most that the sum of its group may be, negative points included, and the total cap
  the most that the sum of the capped groups may be.
- Decayed points are rounded to 1/1024 of a point, activity by activity. So the order of activities
  cannot matter, and points written as whole numbers or binary fractions sum exactly in any order.
- A value that a rule cannot read (a text under a numeric test, a list) does not fire the rule.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadml.data.activity_log import ActivityLog
from leadml.data.raw import RawColumn
from leadml.domain.points_table import GROUPS, PointsTable, Rule
from leadml.errors import ConfigError
from leadml.model.points_rules import ColumnRule, Past, activity_points, most_points

ROUNDING = 1e-9  # 0.1 + 0.7 reaches 0.8
GRADE_CUTS = (0.25, 0.5, 0.75)
GRADES = tuple(letter + digit for letter in "DCBA" for digit in "4321")
_CUTS = [cut - ROUNDING for cut in GRADE_CUTS]
ENGAGEMENT = ("behaviour", "page")


@dataclass(frozen=True)
class PointsScore:
    """The points of a batch of leads.

    Attributes
    ----------
    total : float array, shape (leads,)
        The points: the left-to-right sum of the lead's contributions, bit for bit.
    contributions : float array, shape (leads, entries)
        What each entry gave; cap entries are <= 0.
    names, groups : tuple of str
        The entries: every rule in the order written, then ``cap: GROUP`` and ``cap: total``.
    ready : bool array, shape (leads,)
        Whether the total reaches the table's threshold.
    buckets : list of str or None
        The highest bucket the total reaches.
    grades : list of str or None
        A1 to D4, see `PointsEngine`.
    """

    total: NDArray[np.float64]
    contributions: NDArray[np.float64]
    names: tuple[str, ...]
    groups: tuple[str, ...]
    ready: NDArray[np.bool_]
    buckets: list[str | None]
    grades: list[str | None]

    def rules_of(self, row: int) -> list[dict[str, object]]:
        """Return the entries that gave one lead points; added left to right they are its total."""
        given = self.contributions[row]
        return [
            {"rule": self.names[entry], "group": self.groups[entry], "points": float(given[entry])}
            for entry in np.flatnonzero(given)
        ]


class OnePoints(NamedTuple):
    """The points of one lead, None without any; see `PointsScore`.

    `rules` are those that gave it some.
    """

    total: float | None
    ready: bool | None
    bucket: str | None
    grade: str | None
    rules: list[dict[str, object]]


class PointsEngine:
    """A points table made ready to score leads.

    The grade's letter is the lead's share of the attainable fit points, its digit the share of the
    attainable behaviour and page points together: 75 % and more is A or 1, 50 % B or 2, 25 % C or
    3, less D or 4. Attainable is the best a single lead could get (rules on one column that
    exclude each other are not added up; an ``each`` rule without `max_points` counts as met once),
    or the group's cap where that is lower. No grade unless both axes have positive rules.

    Parameters
    ----------
    table : PointsTable
        The rules, caps, buckets and threshold.
    missing : frozenset of str
        Texts that mean missing, as `leadml.data.values.missing_texts` gives them.
    decimal : str
        Decimal sign of numbers written as text.
    """

    def __init__(self, table: PointsTable, missing: frozenset[str], decimal: str = ".") -> None:
        self.table = table
        self._column_rules = {
            rule.name: ColumnRule(rule, missing, decimal)
            for rule in table.rules
            if rule.column is not None
        }
        self._caps = _caps(table)
        self.names = (
            *(rule.name for rule in table.rules),
            *(f"cap: {name}" for name in self._caps),
        )
        self.groups: tuple[str, ...] = (*(rule.group for rule in table.rules), *self._caps)
        self._attainable = {group: self._attainable_in(group) for group in GROUPS}
        self._buckets = _ascending(table)
        self._axes = (self._axis(("fit",)), self._axis(ENGAGEMENT))
        self._of_activities = [i for i, rule in enumerate(table.rules) if rule.column is None]
        self._of_columns = [
            (i, str(rule.column), self._column_rules[rule.name].at)
            for i, rule in enumerate(table.rules)
            if rule.column is not None
        ]
        self._in_group = {
            group: [i for i, rule in enumerate(table.rules) if rule.group == group]
            for group in GROUPS
        }

    @property
    def reads_activities(self) -> bool:
        """Whether any rule counts activities."""
        return bool(self._of_activities)

    def columns(self) -> frozenset[str]:
        """Return the lead columns that the rules read."""
        return frozenset(rule.column for rule in self.table.rules if rule.column is not None)

    def check_columns(self, available: Collection[str]) -> None:
        """Refuse a table that reads a column which is not there.

        Raises
        ------
        ConfigError
            Naming the rule, the column and the nearest column that exists.
        """
        for rule in self.table.rules:
            if rule.column is not None and rule.column not in available:
                raise ConfigError(_unknown_column(rule, available))

    def score(
        self,
        raw: Mapping[str, RawColumn],
        n: int,
        log: ActivityLog,
        as_of: NDArray[np.int64],
    ) -> PointsScore:
        """Score `n` leads as of a moment each.

        Parameters
        ----------
        raw : mapping of str to RawColumn
            The lead columns; one that is absent counts as missing in every lead.
        n : int
            Number of leads.
        log : ActivityLog
            Their activities; only those strictly before the lead's `as_of` count.
        as_of : int64 array, shape (n,)
            Microseconds since 1970-01-01 UTC.
        """
        given = np.zeros((n, len(self.names)), order="F")
        for position, rule in enumerate(self.table.rules):
            if rule.column is not None:
                column_rule = self._column_rules[rule.name]
                given[:, position] = column_rule.points(raw.get(rule.column))
        for position, earned in self.of_activities(log, as_of).items():
            given[:, position] = earned
        self._limit(given)
        total = _left_to_right(given)
        grades = self._grades(given)
        buckets = bucket_names(total, self.table)
        ready = reached(total, self.table.threshold)
        return PointsScore(total, given, self.names, self.groups, ready, buckets, grades)

    def of_activities(
        self, log: ActivityLog, as_of: NDArray[np.int64]
    ) -> dict[int, NDArray[np.float64]]:
        """Return what the rules on activities give: position of the rule -> shape (leads,)."""
        past = Past(log, as_of)
        return {i: activity_points(self.table.rules[i], past) for i in self._of_activities}

    def at(self, lead: Mapping[str, object], earned: Mapping[int, float]) -> OnePoints:
        """Score one lead as `score` does.

        Parameters
        ----------
        lead : mapping of str to object
            Its raw columns.
        earned : mapping of int to float
            `of_activities` of the lead; nothing where it has none.
        """
        given = [0.0] * len(self.names)
        for position, column, points in self._of_columns:
            given[position] = points(lead.get(column))
        for position, points_earned in earned.items():
            given[position] = points_earned
        if self._caps:
            self._limit_at(given)
        total = 0.0
        for points_given in given:
            total += points_given
        rules: list[dict[str, object]] = [
            {"rule": self.names[i], "group": self.groups[i], "points": points_given}
            for i, points_given in enumerate(given)
            if points_given
        ]
        return OnePoints(
            total, reached_at(total, self.table), self.bucket(total), self._grade(given), rules
        )

    def bucket(self, points: float) -> str | None:
        """Return the highest bucket that points reach, None below all."""
        names, marks = self._buckets
        return names[bisect_right(marks, points)]

    def _limit_at(self, given: list[float]) -> None:
        """Fill in the cap entries of one lead, as `_limit` does."""
        sums = {group: _sum_of(given, places) for group, places in self._in_group.items()}
        for position, (name, cap) in enumerate(self._caps.items(), len(self.table.rules)):
            reach = _sum_of(list(sums.values())) if name == "total" else sums[name]
            given[position] = over = min(cap - reach, 0.0)
            if name != "total":
                sums[name] = sums[name] + over

    def _axis(self, groups: Collection[str]) -> tuple[list[int], float] | None:
        """Return the entries of one of the grade's two marks and what is attainable, if any is."""
        attainable = sum(self._attainable[group] for group in groups)
        entries = [i for i, group in enumerate(self.groups) if group in groups]
        return (entries, attainable) if attainable > 0 else None

    def _grade(self, given: Sequence[float]) -> str | None:
        """Return one lead's grade, as `_grades` does."""
        fit, engagement = self._axes
        if fit is None or engagement is None:
            return None
        marks = (_sum_of(given, entries) / most for entries, most in (fit, engagement))
        return GRADES[sum(w * bisect_right(_CUTS, m) for w, m in zip((4, 1), marks, strict=True))]

    def limited(self, given: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return contributions with the caps' entries after them, as `score` would.

        Parameters
        ----------
        given : float array, shape (leads, rules)
            What each rule gave each lead, before caps of groups.

        Returns
        -------
        float array, shape (leads, entries)
        """
        entries = np.zeros((len(given), len(self.names)), order="F")
        entries[:, : given.shape[1]] = given
        self._limit(entries)
        return entries

    def _limit(self, given: NDArray[np.float64]) -> None:
        """Fill in the cap entries, which stand after the rules."""
        sums = {group: self._sum(given, group) for group in GROUPS}
        for position, (name, cap) in enumerate(self._caps.items(), len(self.table.rules)):
            reach = _summed(sums.values()) if name == "total" else sums[name]
            over = np.minimum(cap - reach, 0.0)
            given[:, position] = over
            if name != "total":
                sums[name] = sums[name] + over

    def _sum(self, given: NDArray[np.float64], group: str) -> NDArray[np.float64]:
        return _left_to_right(given[:, self._in_group[group]])

    def _attainable_in(self, group: str) -> float:
        rules = [rule for rule in self.table.rules if rule.group == group]
        return min(most_points(rules, self._column_rules), self._caps.get(group, np.inf))

    def _grades(self, given: NDArray[np.float64]) -> list[str | None]:
        fit, engagement = self._axes
        if fit is None or engagement is None:
            return [None] * len(given)
        marks = 4 * _marks(given, *fit) + _marks(given, *engagement)
        return [GRADES[mark] for mark in marks.tolist()]


def _marks(given: NDArray[np.float64], entries: list[int], attainable: float) -> NDArray[np.intp]:
    """Return how many of the grade cuts each lead reaches (0 to 3)."""
    with np.errstate(over="ignore"):  # a share beyond all bounds is still below or above
        share = _left_to_right(given[:, entries]) / attainable
    return np.searchsorted(_CUTS, share, side="right")


def reached(points: NDArray[np.float64], mark: float) -> NDArray[np.bool_]:
    """Tell which points reach a mark, forgiving 1e-9 for the rounding of sums; NaN does not."""
    return points >= mark - ROUNDING


def reached_at(points: float, table: PointsTable) -> bool:
    """Tell whether one lead's points reach the table's threshold."""
    return points >= table.threshold - ROUNDING


def bucket_names(points: NDArray[np.float64], table: PointsTable) -> list[str | None]:
    """Return for every score the name of the highest bucket it reaches, None below all (or NaN)."""
    names, marks = _ascending(table)
    known = np.where(np.isnan(points), -np.inf, points)
    return [names[position] for position in np.searchsorted(marks, known, side="right").tolist()]


def _ascending(table: PointsTable) -> tuple[list[str | None], list[float]]:
    """Return the buckets' names after that of none, and the marks between them."""
    ascending = sorted(table.buckets.items(), key=lambda bucket: bucket[1])
    return [None, *(name for name, _ in ascending)], [mark - ROUNDING for _, mark in ascending]


def _caps(table: PointsTable) -> dict[str, float]:
    return {name: table.caps[name] for name in (*GROUPS, "total") if name in table.caps}


def _sum_of(given: Sequence[float], places: Iterable[int] | None = None) -> float:
    """Add one lead's points from left to right; `sum` may not, from Python 3.12 on."""
    total = 0.0
    for points in given if places is None else [given[place] for place in places]:
        total += points
    return total


def _left_to_right(given: NDArray[np.float64]) -> NDArray[np.float64]:
    return _summed(given.T, np.zeros(len(given)))


def _summed(
    parts: Collection[NDArray[np.float64]] | NDArray[np.float64],
    start: NDArray[np.float64] | float = 0.0,
) -> NDArray[np.float64]:
    total = start
    for part in parts:
        total = total + part
    return np.asarray(total)


def _unknown_column(rule: Rule, available: Collection[str]) -> str:
    near = get_close_matches(str(rule.column), list(available), n=1, cutoff=0.0)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return (
        f"points rule {rule.name!r} reads column {rule.column!r}, which the leads do not have"
        f"{hint} Correct `column` in [[points.rules]] or add the column to the export."
    )
