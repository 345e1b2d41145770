"""The SQL itself: it says what it counts, and another engine gives the same numbers."""

import sqlite3

import numpy as np

from leadml.snapshot.aggregates import Touches, plan_of
from leadml.snapshot.aggregates_sql import contacts_sql, counts_sql, ordered_sql, query
from leadml.snapshot.feature import Feature

DAY = 86_400_000_000


def test_it_says_what_it_counts() -> None:
    plan = plan_of([Feature(name="n", kind="count", activity="visit", group="/a", window=7.0)])
    sql = counts_sql(plan)
    assert "touch.at < lead.as_of" in sql
    assert "WHEN (kind = 0 AND detail_group = 0) THEN 0 END AS slice" in sql
    assert "COUNT(*) FILTER (WHERE age <= 604800000000) AS within_0" in sql  # 7 x 86,400,000,000


def drawn(activities: int = 400, leads: int = 20) -> Touches:
    random = np.random.default_rng(0)
    return Touches(
        key=random.integers(0, 6, activities),
        contact=random.integers(0, 9, activities),
        at=random.integers(0, 60, activities) * DAY // 2,  # ties in time
        kind=random.integers(-1, 2, activities).astype(np.int32),
        group=random.integers(-1, 2, activities).astype(np.int32),
        first=random.integers(0, 4, activities).astype(np.int32),
        as_of=random.integers(0, 40 * DAY, leads),
        of=random.integers(-1, 6, leads),
        own=random.integers(-1, 9, leads),
    )


def in_sqlite(sql: str, touches: Touches) -> np.ndarray:
    """Run a query on the two tables it reads, which hold whole numbers alone."""
    t = touches
    tables = {
        "touch(belongs_to, contact, at, day, kind, detail_group, first_touch)": (
            *(t.key, t.contact, t.at, t.at // DAY, t.kind, t.group, t.first),
        ),
        "lead(lead, belongs_to, contact, as_of)": (np.arange(len(t.of)), t.of, t.own, t.as_of),
    }
    connection = sqlite3.connect(":memory:")
    for table, columns in tables.items():
        connection.execute(f"CREATE TABLE {table}")
        rows = np.stack(columns, axis=1).astype(np.int64).tolist()
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO {table.partition('(')[0]} VALUES ({marks})", rows)
    found = np.array(connection.execute(sql).fetchall(), np.int64)
    connection.close()
    return found


def test_another_engine_gives_the_same_numbers() -> None:
    plan = plan_of(
        [
            *(
                Feature(name="n", kind=kind, activity=activity, group=group, window=window)
                for kind in ("count", "contacts")
                for activity, group in ((None, None), ("visit", None), ("mail", "/a"))
                for window in (7.0, 30.0, None)
            ),
            Feature(name="n", kind="count", activity="mail", group="/b"),
            Feature(name="d", kind="days", activity="visit"),
            Feature(name="g", kind="longest_gap", activity="visit"),
            Feature(name="f", kind="first", levels=("mail", "visit", "visit /a")),
        ]
    )
    touches = drawn()
    here = query(plan, touches)
    place = np.stack([here.place, here.lead], axis=1)
    counts = np.column_stack([place, here.counts, here.newest, here.days])
    assert len(counts) > 40
    assert np.array_equal(in_sqlite(counts_sql(plan), touches), counts)
    contacts = np.column_stack([place, here.contacts])
    assert np.array_equal(in_sqlite(contacts_sql(plan), touches), contacts)
    ordered = np.column_stack([place, here.longest_gap, here.first])
    ordered = ordered[np.isin(here.place, plan.ordered)]
    assert np.array_equal(in_sqlite(ordered_sql(plan), touches), ordered)
