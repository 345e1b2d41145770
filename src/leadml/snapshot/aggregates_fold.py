"""Aggregates of activities by numpy, for single leads and small batches."""

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME
from leadml.snapshot.aggregates import NONE, Aggregates, Codes, Integers, Plan, Touches

Rows = NDArray[np.intp]


def fold(plan: Plan, touches: Touches) -> Aggregates:
    """Return the aggregates of a plan; see `Aggregates`."""
    lead, row = _before(touches)
    place, which = _slices(plan, touches, row)
    lead, row = lead[which], row[which]
    leads = max(len(touches.of), 1)
    cell, of = np.unique(place * leads + lead, return_inverse=True)
    of, cells = of.reshape(-1), len(cell)
    before = touches.as_of[lead] - touches.at[row]
    windows = np.array(plan.windows, np.int64)
    newest = np.full(cells, np.iinfo(np.int64).max)
    np.minimum.at(newest, of, before)
    gap, first = _ordered(plan, place, of, before, touches.first[row], cells)
    people = touches.contact[row]
    return Aggregates(
        place=cell // leads,
        lead=cell % leads,
        counts=_within(of, before, cells, windows),
        contacts=_contacts(of, before, people, cells, windows) if plan.contacts else _no(cells),
        newest=newest,
        days=_days(of, touches.at[row], cells) if plan.days else np.full(cells, NONE, np.int64),
        longest_gap=gap,
        first=first,
    )


def _before(touches: Touches) -> tuple[Rows, Rows]:
    """Return every pair of a lead and an activity that counts for it, before its moment."""
    lead, row = _pairs(touches)
    counts = (touches.at[row] < touches.as_of[lead]) & (touches.at[row] != NO_TIME)
    counts &= touches.contact[row] != touches.own[lead]
    return lead[counts], row[counts]


def _pairs(touches: Touches) -> tuple[Rows, Rows]:
    leads = np.arange(len(touches.of))
    if np.array_equal(touches.of, leads):
        return touches.key, np.arange(len(touches.key))
    order = np.argsort(touches.key, kind="stable")
    key = touches.key[order]
    start = np.searchsorted(key, touches.of, side="left")
    sizes = np.where(touches.of < 0, 0, np.searchsorted(key, touches.of, side="right") - start)
    lead = np.repeat(leads, sizes)
    ahead = np.cumsum(sizes) - sizes
    return lead, order[np.arange(len(lead)) - np.repeat(ahead - start, sizes)]


def _slices(plan: Plan, touches: Touches, row: Rows) -> tuple[Rows, Rows]:
    """Return each slice that an activity falls into (at most three), and which of `row` it is."""
    kind, group = touches.kind[row].astype(np.intp), touches.group[row].astype(np.intp)
    table = np.full((len(plan.kinds) + 1, len(plan.groups) + 1), -1, np.intp)  # the last for others
    for number, (name, of) in enumerate(plan.slices):
        across = plan.kinds.index(name) if name is not None else -1
        table[across, plan.groups.index(of) if of is not None else -1] = number
    of_kind = np.where(kind < 0, -1, table[kind, -1])
    of_group = np.where((kind < 0) | (group < 0), -1, table[kind, group])
    place = np.concatenate([np.full(len(row), table[-1, -1]), of_kind, of_group])
    found = np.flatnonzero(place >= 0)
    return place[found], found % max(len(row), 1)


def _within(of: Rows, before: Integers, cells: int, windows: Integers) -> Integers:
    """Count in each window; the windows are ascending and the last count is of all."""
    width = len(windows) + 1
    narrowest = np.searchsorted(windows, before, side="left")
    counts = np.bincount(of * width + narrowest, minlength=cells * width)
    return counts.reshape(cells, width).cumsum(axis=1).astype(np.int64)


def _contacts(of: Rows, before: Integers, contact: Rows, cells: int, windows: Integers) -> Integers:
    people = int(contact.max(initial=0)) + 1
    pairs, same = np.unique(of * people + contact, return_inverse=True)
    newest = np.full(len(pairs), np.iinfo(np.int64).max)
    np.minimum.at(newest, same.reshape(-1), before)
    return _within(pairs // people, newest, cells, windows)


def _no(cells: int) -> Integers:
    return np.zeros((cells, 0), np.int64)


def _days(of: Rows, at: Integers, cells: int) -> Integers:
    day = at // MICROSECONDS_A_DAY
    day -= day.min(initial=0)
    span = int(day.max(initial=0)) + 1
    return np.bincount(np.unique(of * span + day) // span, minlength=cells).astype(np.int64)


def _ordered(
    plan: Plan, place: Rows, of: Rows, before: Integers, code: Codes, cells: int
) -> tuple[Integers, Integers]:
    """Return the longest gap and the first activity of the slices that need them."""
    gap, first = np.full(cells, NONE, np.int64), np.full(cells, NONE, np.int64)
    if not plan.ordered:
        return gap, first
    rows = np.flatnonzero(np.isin(place, plan.ordered))
    rows = rows[np.lexsort((code[rows], -before[rows], of[rows]))]  # the oldest activity leads
    cell, age = of[rows], before[rows]
    fresh = np.concatenate([[True], cell[1:] != cell[:-1]])[: len(rows)]
    first[cell[fresh]] = code[rows[fresh]]
    np.maximum.at(gap, cell[1:][~fresh[1:]], (age[:-1] - age[1:])[~fresh[1:]])
    return gap, first
