"""Aggregates of activities by SQL, for tables.

The SQL is plain (filtered aggregates, window functions) and reads two tables of whole numbers, so
the same text runs on other engines. DuckDB, which runs it here, is imported when first needed.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME
from leadml.snapshot.aggregates import NONE, Aggregates, Integers, Plan, Slice, Touches

if TYPE_CHECKING:
    import pyarrow as pa

THREADS = 2

_BEFORE = """\
WITH before AS (
  SELECT lead.lead, touch.kind, touch.detail_group, touch.first_touch, touch.contact, touch.day,
         lead.as_of - touch.at AS age
  FROM touch JOIN lead ON touch.belongs_to = lead.belongs_to
  WHERE touch.at < lead.as_of AND touch.contact <> lead.contact
),
sliced AS (
  {slices}
)
"""
_COUNTS = """\
SELECT slice, lead, {counts}, MIN(age) AS newest, {days} AS days
FROM sliced GROUP BY slice, lead ORDER BY slice, lead"""
_CONTACTS = """\
SELECT slice, lead, {counts}
FROM (SELECT slice, lead, contact, MIN(age) AS age FROM sliced GROUP BY slice, lead, contact) person
GROUP BY slice, lead ORDER BY slice, lead"""
_ORDERED = """\
SELECT slice, lead, COALESCE(MAX(gap), {none}) AS longest_gap,
       MIN(first_touch) FILTER (WHERE age = oldest) AS first_touch
FROM (
  SELECT slice, lead, age, first_touch,
         LAG(age) OVER (PARTITION BY slice, lead ORDER BY age DESC) - age AS gap,
         MAX(age) OVER (PARTITION BY slice, lead) AS oldest
  FROM sliced WHERE slice IN ({ordered})
) row_by_row
GROUP BY slice, lead ORDER BY slice, lead"""


def counts_sql(plan: Plan) -> str:
    """Return the query of counts, newest and distinct days of each slice and lead."""
    days = "COUNT(DISTINCT day)" if plan.days else str(NONE)
    return _before(plan) + _COUNTS.format(counts=_within(plan), days=days)


def contacts_sql(plan: Plan) -> str:
    """Return the query of distinct contacts in each window."""
    return _before(plan) + _CONTACTS.format(counts=_within(plan))


def ordered_sql(plan: Plan) -> str:
    """Return the query of the longest gap and the first activity of the slices that need them."""
    ordered = ", ".join(str(place) for place in plan.ordered)
    return _before(plan) + _ORDERED.format(none=NONE, ordered=ordered)


def _before(plan: Plan) -> str:
    return _BEFORE.format(slices="\n  UNION ALL\n  ".join(_slices(plan)))


def _slices(plan: Plan) -> Iterator[str]:
    """Yield one SELECT for each depth of slices: all activities, those of a kind, of a group."""
    columns = "lead, age, day, contact, first_touch"
    for depth in range(3):
        parts = [part for part in plan.slices if _depth(part) == depth]
        if parts:
            cases = " ".join(
                f"WHEN {_condition(plan, part)} THEN {plan.position[part]}" for part in parts
            )
            one_of = " OR ".join(_condition(plan, part) for part in parts)
            yield f"SELECT {columns}, CASE {cases} END AS slice FROM before WHERE {one_of}"  # noqa: S608 - codes only  # nosec B608


def _depth(part: Slice) -> int:
    return sum(name is not None for name in part)


def _condition(plan: Plan, part: Slice) -> str:
    kind, group = part
    if kind is None:
        return "TRUE"
    of_kind = f"kind = {plan.kinds.index(kind)}"
    return (
        of_kind if group is None else f"({of_kind} AND detail_group = {plan.groups.index(group)})"
    )


def _within(plan: Plan) -> str:
    counts = [
        f"COUNT(*) FILTER (WHERE age <= {window}) AS within_{place}"
        for place, window in enumerate(plan.windows)
    ]
    return ", ".join([*counts, f"COUNT(*) AS within_{len(plan.windows)}"])


def query(plan: Plan, touches: Touches) -> Aggregates:
    """Return the aggregates of a plan; see `Aggregates`."""
    import duckdb

    with duckdb.connect(":memory:", config={"threads": THREADS}) as connection:
        for name, table in _tables(touches).items():
            connection.register(name, table)

        def run(sql: str) -> _Columns:
            found = connection.execute(sql).fetchnumpy()
            return {name: np.asarray(column, np.int64) for name, column in found.items()}

        found = run(counts_sql(plan))
        nothing = np.full(len(found["lead"]), NONE, np.int64)
        found |= {"longest_gap": nothing, "first_touch": nothing.copy()}
        if plan.ordered:
            rows = np.isin(found["slice"], plan.ordered)  # ascending in both, so they pair up
            for name, column in run(ordered_sql(plan)).items():
                found[name][rows] = column
        contacts = run(contacts_sql(plan)) if plan.contacts else None
    return _aggregates(plan, found, contacts)


_Columns = dict[str, Integers]


def _tables(touches: Touches) -> "dict[str, pa.Table]":
    """Return the two tables the queries read, in Arrow's form and without copies."""
    import pyarrow as pa

    usable = touches.at != NO_TIME
    touch = {
        "belongs_to": touches.key,
        "contact": touches.contact,
        "at": touches.at,
        "day": touches.at // MICROSECONDS_A_DAY,
        "kind": touches.kind,
        "detail_group": touches.group,
        "first_touch": touches.first,
    }
    lead = {
        "lead": np.arange(len(touches.of)),
        "belongs_to": touches.of,
        "contact": touches.own,
        "as_of": touches.as_of,
    }
    tables = {"touch": pa.table(touch), "lead": pa.table(lead)}
    return tables if usable.all() else tables | {"touch": tables["touch"].filter(pa.array(usable))}


def _aggregates(plan: Plan, found: _Columns, contacts: _Columns | None) -> Aggregates:
    names = [f"within_{place}" for place in range(len(plan.windows) + 1)]
    nobody = np.zeros((len(found["lead"]), 0), np.int64)
    return Aggregates(
        place=found["slice"],
        lead=found["lead"],
        counts=np.stack([found[name] for name in names], axis=1),
        contacts=nobody if contacts is None else np.stack([contacts[n] for n in names], axis=1),
        newest=found["newest"],
        days=found["days"],
        longest_gap=found["longest_gap"],
        first=found["first_touch"],
    )
