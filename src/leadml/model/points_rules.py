"""One points rule at a time: does a value fire it, what do a lead's activities earn under it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import translate
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from leadml.data.activity_log import ActivityLog
from leadml.data.raw import RawColumn
from leadml.data.values import (
    MICROSECONDS_A_DAY,
    NotUsableError,
    is_missing,
    to_number,
    to_text,
)
from leadml.domain.points_table import Rule

GRAIN = 1024.0  # a power of two: multiples of 1/1024 add exactly, in any order
READ_AT_MOST = 10_000  # characters a pattern looks at
_HOST = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]*", re.IGNORECASE)

Test = Callable[[object], bool]


class ColumnRule:
    """A rule on a column, evaluated once per distinct value.

    `equals` and `in` compare the canonical text (``5``, ``5.0`` and ``"5"`` are one value) and,
    where a number is written in the rule, the number as well (``0.5`` is ``"0.50"``). The numeric
    tests include both ends. `contains` ignores case; `matches` searches anywhere in the first
    10,000 characters. A missing value fires nothing but ``present = false``.
    """

    def __init__(self, rule: Rule, missing: frozenset[str], decimal: str = ".") -> None:
        self.rule = rule
        self._missing = missing
        self._worth = float(rule.points)
        self._test = _value_test(rule, decimal)

    def fires(self, value: object) -> bool:
        """Tell whether a raw value fires the rule."""
        if is_missing(value, self._missing):
            return self.rule.present is False
        try:
            return self._test(value)
        except NotUsableError:
            return False

    def at(self, value: object) -> float:
        """Return the rule's points for one value."""
        return self._worth if self.fires(value) else 0.0

    def points(self, column: RawColumn | None) -> NDArray[np.float64] | float:
        """Return the rule's points for every lead; one number where the column is absent."""
        if column is None:
            return self.rule.points if self.fires(None) else 0.0
        fired = [self.fires(value) for value in column.values]
        worth = np.where([*fired, self.fires(None)], self.rule.points, 0.0)
        return worth[column.codes]


def _value_test(rule: Rule, decimal: str) -> Test:
    if rule.present is not None:
        wanted = rule.present
        return lambda _: wanted
    if rule.contains is not None:
        needle = rule.contains.casefold()
        return lambda value: needle in str(to_text(value)).casefold()
    if rule.matches is not None:
        pattern = re.compile(rule.matches)
        return lambda value: bool(pattern.search(str(to_text(value))[:READ_AT_MOST]))
    if rule.equals is not None or rule.one_of is not None:
        return _equality_test(rule, decimal)
    low, high = rule.between or (rule.at_least, rule.at_most)
    low, high = -np.inf if low is None else low, np.inf if high is None else high
    return lambda value: bool(low <= to_number(value, decimal=decimal) <= high)


def _equality_test(rule: Rule, decimal: str) -> Test:
    wanted = rule.one_of if rule.one_of is not None else (rule.equals,)
    numbers = {
        float(scalar)
        for scalar in wanted
        if isinstance(scalar, (int, float)) and not isinstance(scalar, bool)
    }
    texts = {to_text(w) for w in wanted if isinstance(w, (bool, str))}

    def test(value: object) -> bool:
        if type(value) is str and value in texts:
            return True
        if to_text(value) in texts:
            return True
        return bool(numbers) and to_number(value, decimal=decimal) in numbers

    return test


class Past:
    """The activities strictly before each lead's moment, with their ages in microseconds."""

    def __init__(self, log: ActivityLog, as_of: NDArray[np.int64]) -> None:
        self.leads = len(as_of)
        self.log = log.keep(log.at < as_of[log.lead])
        self.age = as_of[self.log.lead] - self.log.at
        self._of_kind: dict[str, NDArray[np.intp]] = {}

    def rows(self, rule: Rule) -> NDArray[np.intp]:
        """Return the positions of the activities that a rule counts.

        The kind is compared without regard to case. `detail` is a glob over the whole detail, also
        without regard to case; one that starts with ``/`` is held against the path of a full
        address (``/pricing*`` finds ``https://example.com/pricing?plan=team``). An activity exactly
        `within_days` old still counts.
        """
        rows = self._rows_of_kind(str(rule.activity).casefold())
        if rule.within_days is not None:
            rows = rows[self.age[rows] <= rule.within_days * MICROSECONDS_A_DAY]
        if rule.detail is not None:
            rows = rows[self._detail_fits(rule.detail, self.log.detail[rows])]
        return rows

    def _rows_of_kind(self, wanted: str) -> NDArray[np.intp]:
        if wanted not in self._of_kind:
            fits = [kind.casefold() == wanted for kind in self.log.kinds]
            self._of_kind[wanted] = np.flatnonzero(np.array([*fits, False])[self.log.kind])
        return self._of_kind[wanted]

    def _detail_fits(self, glob: str, codes: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Match each detail that occurs once; the slot after the last stands for missing (-1)."""
        occurs = np.zeros(len(self.log.details) + 1, bool)
        occurs[codes] = True
        occurs[-1] = False
        pattern = _glob_pattern(glob)
        fits = np.zeros(len(occurs), bool)
        for code in np.flatnonzero(occurs).tolist():
            fits[code] = pattern.match(_comparable(self.log.details[code], glob)) is not None
        return fits[codes]


@lru_cache
def _glob_pattern(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob), re.IGNORECASE)


def _comparable(detail: str, glob: str) -> str:
    detail = detail[:READ_AT_MOST]
    return _HOST.sub("", detail, count=1) or "/" if glob.startswith("/") else detail


def activity_points(rule: Rule, past: Past) -> NDArray[np.float64]:
    """Return what an activity rule gives every lead."""
    rows = past.rows(rule)
    lead = past.log.lead[rows]
    count = np.bincount(lead, minlength=past.leads)
    earned = _each(rule, lead, past.age[rows], count)
    earned = np.where(count >= (rule.at_least or 1), earned, 0.0)
    return earned if rule.max_points is None else _limited(earned, rule.max_points)


def _each(
    rule: Rule,
    lead: NDArray[np.intp],
    age: NDArray[np.int64],
    count: NDArray[np.intp],
) -> NDArray[np.float64]:
    if rule.per == "once":
        return _newest(rule, lead, age, len(count))
    if rule.half_life_days is None:
        return count.astype(np.float64) * float(rule.points)
    worth = _decayed(rule, age)
    return np.bincount(lead, weights=worth, minlength=len(count)).astype(np.float64, copy=False)


def _newest(
    rule: Rule, lead: NDArray[np.intp], age: NDArray[np.int64], leads: int
) -> NDArray[np.float64]:
    if rule.half_life_days is None:
        return np.full(leads, float(rule.points))
    youngest = np.full(leads, np.iinfo(np.int64).max)
    np.minimum.at(youngest, lead, age)
    return _decayed(rule, youngest)


def _decayed(rule: Rule, age: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return ``points * 0.5 ** (age / half-life)``, rounded to 1/1024."""
    half_lives = age / (float(rule.half_life_days or 1) * MICROSECONDS_A_DAY)
    worth: NDArray[np.float64] = np.round(rule.points * np.exp2(-half_lives) * GRAIN) / GRAIN
    return worth


def _limited(earned: NDArray[np.float64], most: float) -> NDArray[np.float64]:
    return np.minimum(earned, most) if most > 0 else np.maximum(earned, most)


def most_points(rules: Sequence[Rule], column_rules: Mapping[str, ColumnRule]) -> float:
    """Return the most points that one lead could get from these rules, 0 or more."""
    by_column = sorted((rule for rule in rules if rule.column is not None), key=_column_of)
    best = sum(
        _best_of_column([column_rules[rule.name] for rule in same])
        for _, same in groupby(by_column, key=_column_of)
    )
    return best + sum(_most_of_activity(rule) for rule in rules if rule.column is None)


def _column_of(rule: Rule) -> str:
    return str(rule.column)


def _most_of_activity(rule: Rule) -> float:
    if rule.per == "once":
        most = rule.points
    elif rule.max_points is not None:
        most = rule.max_points
    else:
        most = rule.points * max(rule.at_least or 1, 1)
    return max(float(most), 0.0)


def _best_of_column(rules: Sequence[ColumnRule]) -> float:
    """Try every value at which a test can change; a pattern's text is not known, so it is added."""
    tried = [rule for rule in rules if rule.rule.matches is None]
    best = max(
        sum(rule.rule.points for rule in tried if rule.fires(value))
        for value in _telling_values([rule.rule for rule in tried])
    )
    return max(best, 0.0) + sum(
        max(rule.rule.points, 0.0) for rule in rules if rule.rule.matches is not None
    )


def _telling_values(rules: Iterable[Rule]) -> list[object]:
    values: list[object] = [None, "any value"]
    needles: list[str] = []
    for rule in rules:
        values += [rule.equals, *(rule.one_of or ()), *(rule.between or ())]
        values += [rule.at_least, rule.at_most, rule.contains]
        needles += [rule.contains] if rule.contains else []
    return [*values, " ".join(needles)]
