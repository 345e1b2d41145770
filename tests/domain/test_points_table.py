"""The points table refuses what could not be read in one way only."""

import math

import pytest

from leadml.domain.points_table import PointsTable, Rule


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "exactly one of column and activity"),
        ({"column": "a", "activity": "b"}, "exactly one of column and activity"),
        ({"column": "a"}, "exactly one test of equals, in, at_least"),
        ({"column": "a", "equals": 1, "present": True}, "exactly one test"),
        ({"column": "a", "at_least": 1.0, "between": (0.0, 1.0)}, "exactly one test"),
        ({"column": "a", "equals": 1, "within_days": 3.0}, "within_days belongs to activity rules"),
        ({"column": "a", "contains": ""}, "must not be empty"),
        ({"column": "a", "one_of": ()}, "must not be empty"),
        ({"column": "a", "matches": "("}, "not a regular expression"),
        ({"column": "a", "between": (5.0, 1.0)}, "from low to high, found 5.0 to 1.0"),
        ({"column": "a", "at_least": 5.0, "at_most": 1.0}, "from low to high"),
        ({"column": "a", "at_least": math.nan}, "from low to high"),
        ({"activity": "visit", "equals": 1}, "equals belongs to column rules"),
        ({"activity": "visit", "within_days": 0.0}, "within_days must be above 0, found 0.0"),
        ({"activity": "visit", "half_life_days": -1.0}, "half_life_days must be above 0"),
        ({"activity": "visit", "at_least": 0.0}, "at_least must be above 0"),
        ({"activity": "visit", "max_points": -5.0}, "max_points must have the sign of points"),
        ({"activity": "visit", "group": "fits"}, "unknown group 'fits'; groups are fit, behaviour"),
        ({"activity": "visit", "points": math.inf}, "points must be a finite number, found inf"),
        ({"activity": "visit", "name": "cap: fit"}, "must not be empty nor start with 'cap: '"),
        ({"activity": "visit", "name": " "}, "must not be empty"),
    ],
)
def test_an_ambiguous_rule_is_refused_by_name(rule: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        Rule(**({"name": "R1", "points": 5.0} | rule))  # type: ignore[arg-type]
    assert "rule " in str(refused.value)


@pytest.mark.parametrize(
    "rule",
    [
        {"column": "a", "at_least": 1.0, "at_most": 1.0},
        {"column": "a", "present": False},
        {"activity": "visit", "points": -5.0, "max_points": -20.0, "per": "each"},
    ],
)
def test_what_is_clear_is_taken(rule: dict[str, object]) -> None:
    assert Rule(**({"name": "R1", "points": 5.0} | rule)).name == "R1"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"caps": {"behavior": 5.0}}, "unknown group 'behavior'; groups are fit"),
        ({"caps": {"fit": -1.0}}, "caps: fit must be 0 points or more, found -1.0"),
        ({"caps": {"total": math.inf}}, "caps: total must be 0 points or more"),
        ({"threshold": math.nan}, "threshold must be a finite number of points, found nan"),
        ({"buckets": {"A": math.inf}}, "A must be a finite number"),
    ],
)
def test_a_table_out_of_range_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PointsTable(**table)  # type: ignore[arg-type]


def test_two_rules_of_one_name_are_refused() -> None:
    rules = [Rule(name=name, points=1.0, column="c", equals=name) for name in ("x", "y", "x")]
    with pytest.raises(ValueError, match="two rules are named 'x'"):
        PointsTable(rules=tuple(rules))
