"""Whole numbers that features of activities are made of: counts, newest, days, gaps.

A `Plan` says which of them a list of features needs. `aggregates_sql` and `aggregates_fold` compute
the very same numbers: the first for tables, the second for single leads.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leadml.data.activity_log import AccountLog, ActivityLog
from leadml.data.detail_group import detail_group, group_codes
from leadml.data.values import MICROSECONDS_A_DAY
from leadml.snapshot.feature import RARE, Feature

Integers = NDArray[np.int64]
Codes = NDArray[np.int32]
Slice = tuple[str | None, str | None]

ORDERED = ("longest_gap", "first")
"""Kinds of features that need the activities of a lead in their order."""
NONE = -1
"""What an aggregate holds that needs activities a lead has not."""


@dataclass(frozen=True)
class Plan:
    """Which aggregates a list of features needs.

    Attributes
    ----------
    slices : tuple of (str or None, str or None)
        Kind and detail group of the activities counted together; None for all of them.
    windows : tuple of int
        Microseconds, ascending; a window holds what is no older.
    days, contacts : bool
        Whether distinct days, or distinct contacts in each window, are needed.
    ordered : tuple of int
        Positions of the slices whose gaps and first activity are needed.
    levels : tuple of str
        First activities that are told apart.
    """

    slices: tuple[Slice, ...]
    windows: tuple[int, ...]
    days: bool
    contacts: bool
    ordered: tuple[int, ...]
    levels: tuple[str, ...]

    @cached_property
    def position(self) -> dict[Slice, int]:
        """Return where each slice stands."""
        return {part: place for place, part in enumerate(self.slices)}

    @cached_property
    def kinds(self) -> list[str]:
        """Return the kinds of activities that are told apart; their position is their code."""
        return list(dict.fromkeys(kind for kind, _ in self.slices if kind is not None))

    @cached_property
    def groups(self) -> list[str]:
        """Return the detail groups that are told apart; their position is their code."""
        return list(dict.fromkeys(group for _, group in self.slices if group is not None))

    def window(self, days: float | None) -> int:
        """Return the position of a window, the last for ever."""
        return len(self.windows) if days is None else self.windows.index(length(days))


@dataclass(frozen=True)
class Touches:
    """Activities in a plan's codes, and the leads that are asked about.

    Attributes
    ----------
    key : int array, shape (activities,)
        The lead whose activity it is, or the account.
    contact : int array, shape (activities,)
        Who did it; 0 where that does not matter.
    at : int64 array, shape (activities,)
        Microseconds UTC.
    kind, group, first : int32 arrays, shape (activities,)
        Codes of the plan's kinds, groups and levels; -1 for others (of `first`: the number of
        levels, so that what is known comes first among activities at one time).
    as_of : int64 array, shape (leads,)
        Microseconds UTC, `NO_TIME` where unknown: nothing is before it.
    of : int array, shape (leads,)
        Key of the activities that count for the lead; -1 for none.
    own : int array, shape (leads,)
        Contact whose activities do not count for it; -1 for none.
    """

    key: NDArray[np.intp]
    contact: NDArray[np.intp]
    at: Integers
    kind: Codes
    group: Codes
    first: Codes
    as_of: Integers
    of: NDArray[np.intp]
    own: NDArray[np.intp]

    @property
    def pairs(self) -> int:
        """How many pairs of a lead and an activity that may count for it there are."""
        sizes = np.bincount(self.key, minlength=int(self.of.max(initial=-1)) + 1)
        return int(sizes[self.of[self.of >= 0]].sum())


@dataclass(frozen=True)
class Aggregates:
    """One row for each lead and slice with an activity before the lead's moment.

    Attributes
    ----------
    place, lead : int arrays, shape (rows,)
        Position of the slice in the plan, and of the lead; ascending.
    counts, contacts : int64 arrays, shape (rows, windows + 1)
        Activities, and distinct contacts, in each window; the last ever.
    newest : int64 array, shape (rows,)
        Microseconds before the moment.
    days : int64 array, shape (rows,)
        Distinct UTC days.
    longest_gap : int64 array, shape (rows,)
        Microseconds between two activities in a row; `NONE` where there is one alone.
    first : int64 array, shape (rows,)
        Level of the oldest activity, the lowest one where several are as old.
    """

    place: Integers
    lead: Integers
    counts: Integers
    contacts: Integers
    newest: Integers
    days: Integers
    longest_gap: Integers
    first: Integers


def length(days: float) -> int:
    """Return a window's length in microseconds."""
    return round(days * MICROSECONDS_A_DAY)


def plan_of(features: Iterable[Feature]) -> Plan:
    """Return what these features of activities need."""
    asked = list(features)
    slices = dict.fromkeys(part for feature in asked for part in slices_of(feature))
    windows = {length(days) for feature in asked for days in _windows(feature)}
    position = {part: place for place, part in enumerate(slices)}
    ordered = {position[slices_of(f)[0]] for f in asked if f.kind in ORDERED}
    levels = [feature.levels for feature in asked if feature.kind == "first"]
    return Plan(
        tuple(slices),
        tuple(sorted(windows)),
        any(feature.kind == "days" for feature in asked),
        any(feature.kind == "contacts" for feature in asked),
        tuple(sorted(ordered)),
        levels[0] if levels else (),
    )


def slices_of(feature: Feature) -> list[Slice]:
    """Return which activities a feature is about; of a ratio two sorts."""
    parts: list[Slice] = [(feature.activity, feature.group)]
    return [*parts, (feature.per, None)] if feature.per else parts


def _windows(feature: Feature) -> list[float]:
    if feature.window is None:
        return []
    return [feature.window, *([2 * feature.window] if feature.kind == "trend" else [])]


def touches_of_leads(plan: Plan, log: ActivityLog, as_of: Integers) -> Touches:
    """Return each lead's own activities in the plan's codes."""
    everyone = np.arange(len(as_of))
    nobody = np.full(len(as_of), -1, np.intp)
    return Touches(log.lead, np.zeros_like(log.lead), *_coded(plan, log), as_of, everyone, nobody)


def touches_of_accounts(plan: Plan, colleagues: AccountLog, as_of: Integers) -> Touches:
    """Return the activities of each lead's colleagues in the plan's codes."""
    log = colleagues.log
    coded = _coded(plan, log)
    return Touches(colleagues.of, log.lead, *coded, as_of, colleagues.account, colleagues.contact)


def _coded(plan: Plan, log: ActivityLog) -> tuple[Integers, Codes, Codes, Codes]:
    codes = {kind: code for code, kind in enumerate(plan.kinds)}
    table = np.array([*(codes.get(kind, -1) for kind in log.kinds), -1], np.int32)
    groups = group_codes(log.detail, log.details, plan.groups)
    return log.at, table[log.kind], groups, _first_codes(plan.levels, log)


def _first_codes(levels: Sequence[str], log: ActivityLog) -> Codes:
    """Return the level of each activity, were it a lead's first."""
    if not levels:
        return np.zeros(len(log), np.int32)
    codes = {level: code for code, level in enumerate(levels)}
    pairs = log.kind.astype(np.int64) * (len(log.details) + 1) + (log.detail + 1)
    distinct, rows = np.unique(pairs, return_inverse=True)
    table = np.array([_first_code(codes, pair, log) for pair in distinct.tolist()], np.int32)
    return table[rows.reshape(-1)] if len(table) else np.zeros(0, np.int32)


def _first_code(codes: dict[str, int], pair: int, log: ActivityLog) -> int:
    kind, detail = divmod(pair, len(log.details) + 1)
    if kind < 0:
        return len(codes)
    name = log.kinds[kind]
    narrow = touch_name(name, detail_group(log.details[detail - 1])) if detail else name
    return codes.get(narrow, codes.get(name, codes.get(RARE, len(codes))))


def touch_name(kind: str | None, group: str | None = None) -> str:
    """Return how a kind of activity, or a detail group of one, is called."""
    return " ".join(part for part in (kind or "any activity", group) if part)
