"""Attributes as they stood when their lead was judged, from the history of their changes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leadml.data.history import History
from leadml.data.history_checks import columns_of, facts_of
from leadml.data.leads import Leads
from leadml.data.raw import RawColumn
from leadml.data.values import NO_TIME
from leadml.domain.mapping import DECIDING_TIMES

Rows = NDArray[np.intp]
Microseconds = NDArray[np.int64]


@dataclass(frozen=True)
class Timeline:
    """The changes of one column, ordered by lead and time.

    Attributes
    ----------
    lead : int array, shape (changes,)
        Number of the lead, rising.
    at : int64 array, shape (changes,)
        Microseconds UTC.
    old, new : int array or None
        Positions in `values`, -1 for empty; None where the history does not say.
    values : list
        Those of the export's column, then others.
    """

    lead: Rows
    at: Microseconds
    old: Rows | None
    new: Rows | None
    values: list[object]

    def at_moments(self, lead: Rows, current: Rows, as_of: Microseconds) -> Rows:
        """Return what each lead held, as positions in `values`.

        The last change strictly before the moment says what it was set to; without one, the first
        change at or after it says what it was set from (unknown, so empty, where old values are
        not told); without any, it is as it is now.

        Parameters
        ----------
        lead : int array, shape (leads,)
            Their numbers; -1 has no changes.
        current : int array, shape (leads,)
            What each holds in the export.
        as_of : int64 array, shape (leads,)
            Microseconds; at `NO_TIME` nothing is rolled back.
        """
        first = np.searchsorted(self.lead, lead, "left")
        size = np.where(as_of == NO_TIME, 0, np.searchsorted(self.lead, lead, "right") - first)
        before = self._before(first, size, as_of)
        held = current.copy()
        if self.new is None:
            later = before < size
        else:
            later = (before == 0) & (size > 0)
            held[before > 0] = self.new[(first + before - 1)[before > 0]]
        held[later] = -1 if self.old is None else self.old[(first + before)[later]]
        return held

    def _before(self, first: Rows, size: Rows, as_of: Microseconds) -> Rows:
        """Count the changes of each lead strictly before its moment."""
        row = np.repeat(np.arange(len(size)), size)
        change = np.arange(len(row)) + np.repeat(first - (np.cumsum(size) - size), size)
        earlier = self.at[change] < as_of[row]
        return np.bincount(row[earlier], minlength=len(size))


class Rollback:
    """The columns of an export as of moments.

    Parameters
    ----------
    leads : Leads
        The whole export.
    history : History
        The changes of its columns.
    """

    def __init__(self, leads: Leads, history: History) -> None:
        self.leads, self.history = leads, history
        self._fields = columns_of(history, leads.columns)
        self._timelines: dict[str, Timeline] = {}

    @cached_property
    def columns(self) -> frozenset[str]:
        """The columns that are rolled back: facts of the lead and untold changes are not."""
        if not set(self.leads.times) & DECIDING_TIMES:
            return frozenset()
        told = {column for column, field in self._fields.items() if self.history.told[field]}
        return frozenset(told - facts_of(self.leads.mapping))

    @property
    def changes(self) -> int:
        """Number of changes of those columns."""
        sizes = np.diff(self.history.starts)
        return int(sum(sizes[self._fields[column]] for column in self.columns))

    @cached_property
    def lead(self) -> Rows:
        """The number of each lead in the history, -1 where it has no changes."""
        ids = self.history.ids
        return np.array([ids.get(name, -1) for name in self.leads.lead_id.tolist()], np.intp)

    def raw(self, column: str, rows: Rows, as_of: Microseconds) -> RawColumn:
        """Return one column of the leads at `rows`, each as of its moment (microseconds)."""
        current = self.leads.raw(column).take(rows)
        if column not in self.columns:
            return current
        if column not in self._timelines:
            self._timelines[column] = self._timeline(column)
        line = self._timelines[column]
        return RawColumn(line.values, line.at_moments(self.lead[rows], current.codes, as_of))

    def later_changes(self, column: str, since: Microseconds) -> int:
        """Count the leads in which a column was changed at or after a moment each.

        Parameters
        ----------
        since : int64 array, shape (leads of the export,)
            Microseconds; leads at `NO_TIME` do not count.
        """
        if column not in self._fields:
            return 0
        field = self._fields[column]
        part = slice(self.history.starts[field], self.history.starts[field + 1])
        latest = np.full(len(self.history.ids) + 1, NO_TIME)  # the last one is that of number -1
        np.maximum.at(latest, self.history.lead[part], self.history.at[part])
        return int(((since != NO_TIME) & (latest[self.lead] >= since)).sum())

    def _timeline(self, column: str) -> Timeline:
        history, field = self.history, self._fields[column]
        part = slice(history.starts[field], history.starts[field + 1])
        values = list(self.leads.raw(column).values)
        positions = {(type(value), value): place for place, value in enumerate(values)}

        def placed(raw: RawColumn | None) -> Rows | None:
            if raw is None:
                return None
            codes = raw.codes[part]
            place = np.full(len(raw.values) + 1, -1, np.intp)
            for code in np.unique(codes[codes >= 0]).tolist():
                value = raw.values[code]
                key = (type(value), value)
                if key not in positions:
                    positions[key] = len(values)
                    values.append(value)
                place[code] = positions[key]
            return place[codes]

        old, new = placed(history.old), placed(history.new)
        return Timeline(history.lead[part], history.at[part], old, new, values)
