"""Columns as of a moment: what a replay of all changes from the start would give."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.data.history import read_history
from leadml.data.leads import read_leads
from leadml.data.raw import RawColumn
from leadml.data.tables import table_of
from leadml.data.values import NO_TIME
from leadml.domain.mapping import HistoryMapping, LeadMapping
from leadml.snapshot.rollback import Rollback

MAPPING = LeadMapping(id="id", created_at="made", owner="rep")
START = np.datetime64("2024-01-01", "us").astype("int64")
HOUR = 3_600_000_000


class Change(NamedTuple):
    lead: str
    hour: int
    old: str | None
    new: str | None
    field: str = "size"


def rollback(
    current: Sequence[str | None],
    changes: Sequence[Change],
    mapping: LeadMapping = MAPPING,
    **history: str | None,
) -> Rollback:
    """Leads L0, L1 … with these sizes now, and their changes at hours after the start."""
    n = len(current)
    frame = pd.DataFrame({"id": [f"L{row}" for row in range(n)], "made": ["2024-01-01T00Z"] * n})
    frame["size"] = pd.Series(list(current), dtype=object)
    frame["rep"] = "anna"
    leads = read_leads(table_of(frame, "leads.csv"), mapping, required={"id"})
    table = pd.DataFrame(
        {
            "lead_id": [c.lead for c in changes],
            "field": [c.field for c in changes],
            "old_value": pd.Series([c.old for c in changes], dtype=object),
            "new_value": pd.Series([c.new for c in changes], dtype=object),
            "changed_at": pd.to_datetime([START + c.hour * HOUR for c in changes], unit="us"),
        }
    )
    reading = {"timezone": "UTC", "date_format": None, "missing": ()}
    mapped = HistoryMapping(**history)  # type: ignore[arg-type]
    read = read_history(table_of(table, "changes.csv"), mapped, **reading)  # type: ignore[arg-type]
    return Rollback(leads, read)


def held(raw: RawColumn) -> list[object]:
    return [None if code < 0 else raw.values[code] for code in raw.codes]  # noqa: PD011


def as_of(back: Rollback, hours: Sequence[int], column: str = "size") -> list[object]:
    moments = np.array([START + hour * HOUR for hour in hours], np.int64)
    raw = back.raw(column, np.arange(len(hours)), moments)
    return held(raw)


CHANGES = (Change("L0", 5, "a", "b"), Change("L0", 9, "b", "c"))


@pytest.mark.parametrize(
    ("hour", "value"),
    [(4, "a"), (5, "a"), (6, "b"), (9, "b"), (10, "c")],  # at 5 the change of 5 is not yet known
)
def test_a_column_as_of_a_moment(hour: int, value: str) -> None:
    back = rollback(["now", "other"], CHANGES)
    assert as_of(back, [hour, hour]) == [value, "other"]


def test_changes_at_one_time_count_in_the_order_of_the_file() -> None:
    back = rollback(["c"], [Change("L0", 5, "a", "b"), Change("L0", 5, "b", "c")])
    assert as_of(back, [5]) == ["a"]
    assert as_of(back, [6]) == ["c"]


def test_emptied_and_filled_in() -> None:
    back = rollback(["x"], [Change("L0", 2, "a", None), Change("L0", 4, None, "x")])
    assert [as_of(back, [hour])[0] for hour in (1, 3, 5)] == ["a", None, "x"]


def test_without_old_values_the_start_is_unknown() -> None:
    back = rollback(["c"], CHANGES, old=None)
    assert [as_of(back, [hour])[0] for hour in (4, 6, 10)] == [None, "b", "c"]


def test_without_new_values_the_next_old_one_tells() -> None:
    back = rollback(["now"], CHANGES, new=None)
    assert [as_of(back, [hour])[0] for hour in (4, 6, 10)] == ["a", "b", "now"]


def test_leads_are_cut_and_numbers_keep_their_type() -> None:
    back = rollback(["1", "2", "3"], [Change("L2", 5, "30", "3")])
    raw = back.raw("size", np.array([2, 0]), np.full(2, START, np.int64))
    assert held(raw) == ["30", "1"]
    assert back.raw("made", np.array([1]), np.array([START])).codes.tolist() == [0]


def test_a_value_of_the_history_is_the_same_as_that_of_the_export() -> None:
    raw = rollback(["a", "b"], [Change("L0", 5, "b", "a")]).raw(
        "size", np.arange(2), np.full(2, START, np.int64)
    )
    assert raw.codes[0] == raw.codes[1]


def test_what_is_rolled_back_and_how_many_changes() -> None:
    changes = [*CHANGES, Change("L0", 3, "x", "y", "rep"), Change("L0", 3, "x", "y", "gone")]
    back = rollback(["c"], changes)
    assert (back.columns, back.changes) == ({"size"}, 2)
    assert as_of(back, [1], "rep") == ["anna"]


def test_without_values_or_a_moment_it_is_as_it_is() -> None:
    assert rollback(["c"], [Change("L0", 5, None, None)]).columns == frozenset()
    undated = rollback(["c"], CHANGES, LeadMapping(id="id"))
    assert undated.columns == frozenset()
    assert as_of(undated, [1]) == ["c"]
    some = rollback(["c", "d"], CHANGES)
    raw = some.raw("size", np.arange(2), np.array([NO_TIME, START]))
    assert held(raw) == ["c", "d"]


def test_leads_with_later_changes_are_counted() -> None:
    back = rollback(["c", "d", "e"], [*CHANGES, Change("L1", 2, "x", "d")])
    since = np.array([START + 9 * HOUR, START + 3 * HOUR, START], np.int64)
    assert back.later_changes("size", since) == 1  # L0 at the very moment; L1 before, L2 never
    assert back.later_changes("size", np.array([NO_TIME, START, START])) == 1
    assert back.later_changes("rep", since) == 0


VALUES = st.sampled_from([None, "a", "b", "c"])
LEADS = 3


@given(
    st.lists(st.tuples(st.integers(0, LEADS - 1), st.integers(0, 6), VALUES), max_size=12),
    st.lists(VALUES, min_size=LEADS, max_size=LEADS),
    st.lists(st.integers(-1, 8), min_size=LEADS, max_size=LEADS),
)
def test_it_equals_a_replay_from_the_start(
    steps: list[tuple[int, int, str | None]], start: list[str | None], moments: list[int]
) -> None:
    # Play all changes forward: every lead holds its start value until its first change.
    now, seen, changes = list(start), list(start), []
    for lead, hour, value in sorted(steps, key=lambda step: step[1]):
        changes.append(Change(f"L{lead}", hour, now[lead], value))
        now[lead] = value
        if hour < moments[lead]:
            seen[lead] = value
    mixed = sorted(changes, key=lambda change: change.lead)  # the file's order is another
    back = rollback(now, [*mixed, Change("L0", 0, "x", "y", "other")])
    assert as_of(back, moments) == seen
