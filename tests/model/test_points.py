"""Points against numbers worked by hand, and the laws every table must keep."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.data.activity_log import ActivityLog
from leadml.data.raw import RawColumn
from leadml.domain.points_table import PointsTable, Rule
from leadml.errors import ConfigError
from leadml.model.points import PointsEngine, PointsScore, bucket_names, reached

MISSING = frozenset({"n/a"})
DAY = 86_400_000_000
NOW = 100 * DAY

Touch = tuple[int, int, str, str | None]  # lead, microseconds before NOW, kind, detail


def log_of(touches: list[Touch]) -> ActivityLog:
    kinds = sorted({kind for _, _, kind, _ in touches})
    details = sorted({detail for *_, detail in touches if detail is not None})
    return ActivityLog(
        lead=np.array([lead for lead, *_ in touches], np.intp),
        at=np.array([NOW - age for _, age, *_ in touches], np.int64),
        kind=np.array([kinds.index(kind) for _, _, kind, _ in touches], np.int32),
        detail=np.array(
            [-1 if detail is None else details.index(detail) for *_, detail in touches], np.int32
        ),
        kinds=kinds,
        details=details,
    )


def points_of(
    table: PointsTable,
    columns: dict[str, list[object]] | None = None,
    touches: list[Touch] | None = None,
    leads: int | None = None,
) -> PointsScore:
    columns = columns or {}
    n = leads or max([len(values) for values in columns.values()], default=1)
    raw = {name: RawColumn.of(values) for name, values in columns.items()}
    log = log_of(touches or [])
    return PointsEngine(table, MISSING).score(raw, n, log, np.full(n, NOW))


def of_rule(values: list[object], **test: object) -> list[bool]:
    """Return which values fire a rule worth one point."""
    table = PointsTable(rules=(Rule(name="R", points=1.0, column="c", **test),))  # type: ignore[arg-type]
    total: list[float] = points_of(table, {"c": values}).total.tolist()
    return [points == 1.0 for points in total]


def test_a_decimal_comma_in_rules_on_numbers() -> None:
    values = ["2.835", "2,835", "12,5", 2.835]
    rules = (
        Rule(name="large", points=1.0, column="c", at_least=1000.0),
        Rule(name="equal", points=10.0, column="c", equals=12.5),
        Rule(name="in", points=100.0, column="c", one_of=(2835, "other")),
    )
    raw = {"c": RawColumn.of([*values, "1.000"])}
    table = PointsTable(rules=(*rules, Rule(name="one", points=1000.0, column="c", equals=1)))
    n, none = 5, log_of([])
    # 2.835 is 2835: large and in; 2,835 is 2.835; 12,5 is equal; a number stays; 1.000 is not 1
    scored = PointsEngine(table, MISSING, ",").score(raw, n, none, np.full(n, NOW))
    assert scored.total.tolist() == [101.0, 0.0, 10.0, 0.0, 1.0]
    scored = PointsEngine(table, MISSING).score(raw, n, none, np.full(n, NOW))
    assert scored.total.tolist() == [0.0, 101.0, 10.0, 0.0, 1000.0]


def of_activity(touches: list[Touch], points: float = 1.0, **rule: object) -> float:
    """Return what lead 0 gets from one activity rule."""
    made = Rule(name="R", points=points, activity="visit", group="behaviour", **rule)  # type: ignore[arg-type]
    return float(points_of(PointsTable(rules=(made,)), touches=touches, leads=2).total[0])


def days(*ages: float, lead: int = 0, kind: str = "visit") -> list[Touch]:
    return [(lead, round(age * DAY), kind, None) for age in ages]


class TestColumnRules:
    def test_equality_compares_canonical_texts(self) -> None:
        assert (
            of_rule(["5", 5, 5.0, "5.0", " 5 ", "50", None], equals=5) == [True] * 5 + [False] * 2
        )
        assert of_rule(["TRUE", True, "yes"], equals=True) == [True, True, False]
        assert of_rule(["Berlin", "berlin"], equals="Berlin") == [True, False]

    def test_a_number_equals_its_other_spellings(self) -> None:
        assert of_rule(["0.50", 0.5, "0,5", "x"], equals=0.5) == [True, True, True, False]
        assert of_rule(["1,000", "1000.00", "100"], one_of=(7, 1000)) == [True, True, False]

    def test_one_of_takes_any(self) -> None:
        assert of_rule(["DE", "AT", "FR"], one_of=("DE", "AT")) == [True, True, False]

    def test_numeric_tests_include_their_ends(self) -> None:
        values = ["9.99", 10, "15", 20.0, "20.01"]
        assert of_rule(values, at_least=10.0) == [False, True, True, True, True]
        assert of_rule(values, at_most=20.0) == [True, True, True, True, False]
        assert of_rule(values, between=(10.0, 20.0)) == [False, True, True, True, False]
        assert of_rule(values, at_least=10.0, at_most=20.0) == [False, True, True, True, False]

    def test_zero_is_a_bound_like_any_other(self) -> None:
        assert of_rule([-1, 0, 1], at_least=0.0) == [False, True, True]
        assert of_rule([-1, 0, 1], between=(0.0, 0.0)) == [False, True, False]

    def test_a_value_a_test_cannot_read_does_not_fire(self) -> None:
        assert of_rule(["many", "inf", [1], None, "nan"], at_least=-1e300) == [False] * 5
        assert of_rule([{"a": 1}, "ab"], contains="a") == [False, True]

    def test_contains_ignores_case_and_matches_does_not(self) -> None:
        assert of_rule(["VP SALES", "Engineer"], contains="sales") == [True, False]
        assert of_rule(["VP SALES", "a sales man"], matches=r"\bsales\b") == [False, True]

    def test_matches_looks_at_the_first_ten_thousand_characters(self) -> None:
        values: list[object] = ["." * 9_999 + "x", "." * 10_000 + "x"]
        assert of_rule(values, matches="x") == [True, False]

    def test_missing_fires_only_the_absence_test(self) -> None:
        values: list[object] = [None, "", " N/A ", math.nan, "x"]
        assert of_rule(values, present=True) == [False, False, False, False, True]
        assert of_rule(values, present=False) == [True, True, True, True, False]
        assert of_rule(values, contains="a") == [False] * 5

    @pytest.mark.parametrize(("present", "points"), [(False, 1.0), (True, 0.0)])
    def test_an_absent_column_is_missing_everywhere(self, present: bool, points: float) -> None:
        rule = Rule(name="R", points=1.0, column="c", present=present)
        assert points_of(PointsTable(rules=(rule,)), leads=2).total.tolist() == [points] * 2

    def test_codes_of_minus_one_are_missing(self) -> None:
        rules = (
            Rule(name="none", points=4.0, column="c", present=False),
            Rule(name="x", points=1.0, column="c", equals="x"),
        )
        engine = PointsEngine(PointsTable(rules=rules), MISSING)
        raw = {"c": RawColumn(["y", "x"], np.array([1, -1, 0, 1]))}
        score = engine.score(raw, 4, ActivityLog.empty(), np.full(4, NOW))
        assert score.total.tolist() == [1.0, 4.0, 0.0, 1.0]


class TestActivityRules:
    def test_once_gives_the_points_once(self) -> None:
        assert of_activity(days(1, 2, 3), points=7.0) == 7.0
        assert of_activity(days(1, lead=1), points=7.0) == 0.0

    def test_each_gives_them_every_time_up_to_the_most(self) -> None:
        assert of_activity(days(1, 2, 3), points=7.0, per="each") == 21.0
        assert of_activity(days(1, 2, 3), points=7.0, per="each", max_points=15.0) == 15.0
        assert of_activity(days(1, 2, 3), points=-7.0, per="each", max_points=-15.0) == -15.0

    def test_at_least_counts_activities(self) -> None:
        assert of_activity(days(1, 2), at_least=3.0) == 0.0
        assert of_activity(days(1, 2, 3), at_least=3.0) == 1.0
        assert of_activity(days(1, 2, 3), at_least=3.0, per="each") == 3.0
        assert of_activity(days(1, 2), at_least=3.0, per="each", half_life_days=1.0) == 0.0

    def test_only_what_lies_strictly_before_the_moment_counts(self) -> None:
        touches: list[Touch] = [(0, 0, "visit", None), (0, -1, "visit", None)]
        assert of_activity(touches) == 0.0
        assert of_activity([(0, 1, "visit", None)]) == 1.0

    def test_exactly_within_days_old_still_counts(self) -> None:
        assert of_activity([(0, 7 * DAY, "visit", None)], within_days=7.0) == 1.0
        assert of_activity([(0, 7 * DAY + 1, "visit", None)], within_days=7.0) == 0.0

    def test_half_life(self) -> None:
        # 10 points after one half-life are 5, after two 2.5; "once" takes the newest alone.
        assert of_activity(days(7, 14), points=10.0, half_life_days=7.0, per="each") == 7.5
        assert of_activity(days(14, 7), points=10.0, half_life_days=7.0) == 5.0
        # 10 * 0.5 ** (1/7) = 9.0572...; times 1024 = 9274.6, rounded 9275, over 1024
        assert of_activity(days(1), points=10.0, half_life_days=7.0) == 9275 / 1024

    def test_a_lead_without_activities_decays_to_nothing(self) -> None:
        assert of_activity(days(7, lead=1), points=10.0, half_life_days=7.0) == 0.0

    def test_kinds_are_compared_without_case(self) -> None:
        assert of_activity(days(1, kind="Visit") + days(1, kind="call"), per="each") == 1.0

    @pytest.mark.parametrize(
        ("glob", "detail", "fits"),
        [
            ("/pricing*", "/pricing", True),
            ("/pricing*", "/Pricing/enterprise", True),
            ("/pricing*", "https://example.com/pricing?plan=team", True),
            ("/pricing*", "https://example.com/blog/pricing", False),
            ("/pricing", "/pricing/enterprise", False),
            ("/", "https://example.com", True),
            ("*pricing*", "https://example.com/blog/pricing", True),
            ("https://example.com/*", "https://example.com/x", True),
            ("*.pdf", "/files/Price List.PDF", True),
            ("*", None, False),
        ],
    )
    def test_detail_globs(self, glob: str, detail: str | None, fits: bool) -> None:
        touches: list[Touch] = [(0, DAY, "visit", detail), (1, DAY, "visit", "/other")]
        assert of_activity(touches, detail=glob) == float(fits)

    def test_kind_and_detail_and_age_are_all_asked_of_one_activity(self) -> None:
        touches: list[Touch] = [
            (0, 2 * DAY, "visit", "/pricing"),  # too old
            (0, DAY // 2, "visit", "/blog"),  # other page
            (0, DAY // 2, "call", "/pricing"),  # other kind
        ]
        assert of_activity(touches, detail="/pricing", within_days=1.0) == 0.0


def table_of(**parts: object) -> PointsTable:
    """Fit +30 and +30, behaviour +40 and -10, page +20, value +15: columns a to f, fired by 1."""
    rules = [
        Rule(name=name, points=points, group=group, column=name, equals=1)  # type: ignore[arg-type]
        for name, points, group in (
            ("a", 30.0, "fit"),
            ("b", 30.0, "fit"),
            ("c", 40.0, "behaviour"),
            ("d", -10.0, "behaviour"),
            ("e", 20.0, "page"),
            ("f", 15.0, "value"),
        )
    ]
    return PointsTable(rules=tuple(rules), **parts)  # type: ignore[arg-type]


def fired(*names: str) -> dict[str, list[object]]:
    return {name: [1 if name in names else 0] for name in "abcdef"}


class TestCaps:
    def test_a_cap_limits_the_sum_of_its_group(self) -> None:
        score = points_of(table_of(caps={"fit": 50.0}), fired("a", "b", "f"))
        assert score.total.tolist() == [65.0]  # min(60, 50) + 15
        assert score.rules_of(0) == [
            {"rule": "a", "group": "fit", "points": 30.0},
            {"rule": "b", "group": "fit", "points": 30.0},
            {"rule": "f", "group": "value", "points": 15.0},
            {"rule": "cap: fit", "group": "fit", "points": -10.0},
        ]

    def test_negative_points_count_before_the_cap(self) -> None:
        # behaviour min(40 - 10, 20) = 20; below the cap, min(40 - 10, 35) = 30
        score = points_of(table_of(caps={"behaviour": 20.0}), fired("c", "d"))
        assert score.total.tolist() == [20.0]
        score = points_of(table_of(caps={"behaviour": 35.0}), fired("c", "d"))
        assert score.total.tolist() == [30.0]

    def test_the_total_cap_acts_on_what_the_group_caps_leave(self) -> None:
        # fit 60 -> 50, behaviour 40 - 10, page 20, value 15: 115 -> 100
        score = points_of(table_of(caps={"total": 100.0, "fit": 50.0}), fired(*"abcdef"))
        assert score.total.tolist() == [100.0]
        assert [r["rule"] for r in score.rules_of(0)][-2:] == ["cap: fit", "cap: total"]
        assert score.rules_of(0)[-1]["points"] == -15.0

    def test_a_cap_that_does_not_bind_gives_no_entry(self) -> None:
        score = points_of(table_of(caps={"total": 60.0, "fit": 60.0}), fired("a", "b"))
        assert [r["rule"] for r in score.rules_of(0)] == ["a", "b"]
        assert score.names[-2:] == ("cap: fit", "cap: total")


class TestThresholdBucketsGrades:
    def test_ready_from_the_threshold_on(self) -> None:
        assert points_of(table_of(threshold=60.0), fired("a", "b")).ready.tolist() == [True]
        assert points_of(table_of(threshold=60.5), fired("a", "b")).ready.tolist() == [False]

    def test_rounding_of_sums_does_not_cost_a_lead_its_hand_off(self) -> None:
        assert 0.1 + 0.7 < 0.8
        rules = [Rule(name=n, points=p, column=n, equals=1) for n, p in (("a", 0.1), ("b", 0.7))]
        table = PointsTable(rules=tuple(rules), threshold=0.8, buckets={"A": 0.8})
        score = points_of(table, fired("a", "b"))
        assert (score.ready.tolist(), score.buckets) == ([True], ["A"])

    def test_buckets_are_the_highest_reached(self) -> None:
        table = PointsTable(buckets={"B": 50.0, "A": 80.0, "C": 20.0})
        points = np.array([19.9, 20.0, 79.0, 80.0, 500.0, -5.0, np.nan])
        assert bucket_names(points, table) == [None, "C", "B", "A", "A", None, None]
        assert bucket_names(points[:1], PointsTable()) == [None]

    def test_points_that_are_not_known_reach_nothing(self) -> None:
        assert reached(np.array([np.nan, 1.0]), 1.0).tolist() == [False, True]

    @pytest.mark.parametrize(
        ("names", "grade"),
        [
            ("abce", "A1"),  # fit 60/60, engagement (40+20)/60
            ("ae", "B3"),  # 30/60 = 50 %; 20/60 = 33 %
            ("c", "D2"),  # 0; 40/60 = 67 %
            ("acd", "B2"),  # (40-10)/60 = 50 %
            ("cde", "D1"),  # (60-10)/60 = 83 %
            ("abd", "A4"),  # -10/60
            ("f", "D4"),  # value counts in neither
        ],
    )
    def test_grades(self, names: str, grade: str) -> None:
        assert points_of(table_of(), fired(*names)).grades == [grade]

    def test_a_grade_is_a_share_of_the_cap_where_that_is_lower(self) -> None:
        # fit cap 40: 30/40 = 75 % is an A; a cap above what can be had (99) changes nothing
        assert points_of(table_of(caps={"fit": 40.0}), fired("a")).grades == ["A4"]
        assert points_of(table_of(caps={"fit": 99.0}), fired("a")).grades == ["B4"]

    def test_rules_that_exclude_each_other_are_not_added_up(self) -> None:
        sizes = [
            Rule(name="small", points=5.0, column="size", between=(1.0, 49.0)),
            Rule(name="large", points=20.0, column="size", at_least=50.0),
            Rule(name="DE", points=10.0, column="country", equals="DE"),
            Rule(name="AT", points=8.0, column="country", one_of=("AT", "CH")),
            Rule(name="vp", points=6.0, column="title", contains="vp"),
            Rule(name="sales", points=4.0, column="title", contains="sales"),
            Rule(name="www", points=2.0, column="site", matches="^www"),
            Rule(name="open", points=1.0, group="page", activity="open"),
        ]
        columns: dict[str, list[object]] = {
            "size": [80, 80],
            "country": ["DE", "DE"],
            "title": ["VP of Sales", "VP of Sales"],
            "site": ["www.x.org", None],
        }
        # attainable fit: 20 + 10 + (6 + 4) + 2 = 42
        score = points_of(PointsTable(rules=tuple(sizes)), columns)
        assert score.grades == ["A4", "A4"]
        columns = {
            "country": ["DE"],
            "title": ["VP"],
        }  # 16/42 = 38 %; by mere addition 16/55 = 29 %
        columns["size"] = [10]  # 21/42 = 50 % exactly
        assert points_of(PointsTable(rules=tuple(sizes)), columns).grades == ["B4"]

    def test_each_rules_are_attained_at_their_most(self) -> None:
        fit = Rule(name="fit", points=1.0, column="a", equals=1)
        each = {"points": 5.0, "group": "behaviour", "activity": "visit", "per": "each"}
        limited = PointsTable(rules=(fit, Rule(name="v", max_points=20.0, **each)))  # type: ignore[arg-type]
        unlimited = PointsTable(rules=(fit, Rule(name="v", at_least=2.0, **each)))  # type: ignore[arg-type]
        touches = days(1, 2)
        assert points_of(limited, touches=touches).grades == ["D2"]  # 10/20
        assert points_of(unlimited, touches=touches).grades == ["D1"]  # 10/(5 * 2)

    def test_there_is_no_grade_without_both_axes(self) -> None:
        fit = Rule(name="fit", points=1.0, column="a", equals=1)
        spam = Rule(name="spam", points=-5.0, group="behaviour", activity="bounce")
        assert points_of(PointsTable(rules=(fit, spam)), leads=2).grades == [None, None]


class TestColumnsAreChecked:
    def test_the_columns_read(self) -> None:
        assert PointsEngine(table_of(), MISSING).columns() == frozenset("abcdef")

    def test_an_unknown_column_is_named_with_the_nearest(self) -> None:
        rule = Rule(name="Big budget", points=5.0, column="budgt", at_least=1.0)
        engine = PointsEngine(PointsTable(rules=(rule,)), MISSING)
        with pytest.raises(ConfigError, match=r"'Big budget' reads column 'budgt'.*'budget'\?"):
            engine.check_columns(["country", "budget"])
        engine.check_columns({"budgt"})

    def test_there_may_be_no_columns_at_all(self) -> None:
        with pytest.raises(ConfigError, match="which the leads do not have"):
            PointsEngine(table_of(), MISSING).check_columns([])


def test_no_rules_give_no_points() -> None:
    score = points_of(PointsTable(threshold=0.0), leads=2)
    assert score.total.tolist() == [0.0, 0.0]
    assert score.rules_of(0) == []


# -- laws ---------------------------------------------------------------------------------------

POINTS = st.floats(-50, 50, allow_nan=False).filter(lambda p: p == 0 or abs(p) > 1e-3)
GROUP = st.sampled_from(["fit", "behaviour", "page", "value"])
COLUMN_RULES = st.builds(
    dict,
    points=POINTS,
    group=GROUP,
    column=st.sampled_from(["c", "d"]),
    at_least=st.floats(-3, 3),
)
ACTIVITY_RULES = st.builds(
    dict,
    points=POINTS,
    group=GROUP,
    activity=st.sampled_from(["visit", "call"]),
    detail=st.sampled_from([None, "/a*"]),
    within_days=st.sampled_from([None, 1.0, 30.0]),
    per=st.sampled_from(["each", "once"]),
    half_life_days=st.sampled_from([None, 0.5, 7.0]),
    at_least=st.sampled_from([None, 2.0]),
)
CAPS = st.dictionaries(
    st.sampled_from(["fit", "behaviour", "page", "value", "total"]), st.floats(0, 60)
)
TABLES = st.builds(
    lambda rules, caps: PointsTable(
        rules=tuple(Rule(name=f"r{i}", **rule) for i, rule in enumerate(rules)),
        caps=caps,
        buckets={"A": 40.0, "B": 10.0},
    ),
    st.lists(COLUMN_RULES | ACTIVITY_RULES, max_size=6),
    CAPS,
)
TOUCHES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(-2 * DAY, 90 * DAY),
        st.sampled_from(["visit", "call", "Open"]),
        st.sampled_from([None, "/a", "/ab", "/b"]),
    ),
    max_size=12,
)
VALUES = st.lists(st.one_of(st.none(), st.floats(-4, 4), st.just("x")), min_size=3, max_size=3)


@settings(max_examples=150, deadline=None)
@given(TABLES, VALUES, TOUCHES)
def test_the_rules_sum_to_the_points_exactly(
    table: PointsTable, values: list[object], touches: list[Touch]
) -> None:
    score = points_of(table, {"c": values, "d": values[::-1]}, touches, 3)
    for row in range(3):
        total = 0.0
        for entry in score.rules_of(row):
            total += float(entry["points"])  # type: ignore[arg-type]
        assert total == score.total[row]


@settings(max_examples=100, deadline=None)
@given(TABLES, VALUES, TOUCHES)
def test_caps_hold(table: PointsTable, values: list[object], touches: list[Touch]) -> None:
    score = points_of(table, {"c": values, "d": values[::-1]}, touches, 3)
    assert (score.total <= table.caps.get("total", math.inf) + 1e-9).all()
    for group, cap in table.caps.items():
        entries = [i for i, name in enumerate(score.groups) if name == group]
        given_ = score.contributions[:, entries]
        assert group == "total" or (given_.sum(axis=1) <= cap + 1e-9).all()


@settings(max_examples=100, deadline=None)
@given(TABLES, VALUES, TOUCHES)
def test_one_lead_alone_gets_what_it_gets_in_the_table(
    table: PointsTable, values: list[object], touches: list[Touch]
) -> None:
    together = points_of(table, {"c": values, "d": values[::-1]}, touches, 3)
    for row in range(3):
        own = [(0, age, kind, detail) for lead, age, kind, detail in touches if lead == row]
        alone = points_of(table, {"c": [values[row]], "d": [values[::-1][row]]}, own, 1)
        assert alone.total[0] == together.total[row]
        assert alone.rules_of(0) == together.rules_of(row)
        assert alone.grades[0] == together.grades[row]
        assert alone.buckets[0] == together.buckets[row]


@settings(max_examples=100, deadline=None)
@given(TABLES, TOUCHES, st.randoms(use_true_random=False))
def test_the_order_of_activities_does_not_matter(
    table: PointsTable, touches: list[Touch], random: object
) -> None:
    mixed = list(touches)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    before, after = (points_of(table, touches=t, leads=3) for t in (touches, mixed))
    assert before.contributions.tolist() == after.contributions.tolist()


@settings(max_examples=100, deadline=None)
@given(TABLES, TOUCHES, TOUCHES)
def test_nothing_at_or_after_the_moment_changes_anything(
    table: PointsTable, touches: list[Touch], later: list[Touch]
) -> None:
    later = [(lead, -abs(age), kind, detail) for lead, age, kind, detail in later]
    before, after = (points_of(table, touches=t, leads=3) for t in (touches, touches + later))
    assert before.contributions.tolist() == after.contributions.tolist()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 60 * DAY), max_size=30), st.integers(-40, 40))
def test_whole_and_decayed_points_are_multiples_of_a_grain(ages: list[int], points: int) -> None:
    touches: list[Touch] = [(0, age, "visit", None) for age in ages]
    total = of_activity(touches, points=points, per="each", half_life_days=9.0)
    assert Fraction(total).denominator <= 1024
