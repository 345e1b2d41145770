"""SQL and fold compute the very same whole numbers, and nothing later than the moment counts."""

from dataclasses import fields, replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.data.activity_log import AccountLog, ActivityLog
from leadml.data.values import NO_TIME
from leadml.snapshot import activity_numbers
from leadml.snapshot.activity_numbers import LARGE, ActivityNumbers, aggregates_of
from leadml.snapshot.aggregates import (
    Plan,
    Touches,
    plan_of,
    touches_of_accounts,
    touches_of_leads,
)
from leadml.snapshot.aggregates_fold import fold
from leadml.snapshot.aggregates_sql import query
from leadml.snapshot.feature import RARE, Feature

DAY = 86_400_000_000
MOMENT = 1_700_000_000_000_000
LEADS = 5
KINDS = ("visit", "mail", "call")
DETAILS = ("/pricing/a", "https://x.com/en/pricing", "/blog", "May", "/")
FEATURES = (
    *(
        Feature(name="n", kind=kind, activity=activity, group=group, window=window)
        for kind in ("count", "contacts")
        for activity, group in (
            (None, None),
            ("visit", None),
            ("visit", "/pricing"),
            ("mail", "/blog"),
            ("absent", "/"),
        )
        for window in (1.0, 7.0, 0.5, None)
    ),
    *(
        Feature(name="n", kind=kind, activity=activity)
        for kind in ("recency", "days", "longest_gap")
        for activity in (None, "visit", "mail")
    ),
    Feature(name="n", kind="trend", window=7.0),
    Feature(name="n", kind="ratio", activity="visit", per="mail"),
    Feature(name="n", kind="first", levels=("mail May", "visit", "visit /pricing", RARE)),
)

times = st.one_of(
    st.integers(-40 * DAY, 40 * DAY),
    st.sampled_from([0, -1, 1, -7 * DAY, -7 * DAY - 1, -DAY, -DAY // 2, 3 * DAY]),
).map(lambda offset: MOMENT + offset)


@st.composite
def logs(draw: st.DrawFn, people: int = LEADS) -> ActivityLog:
    moments = st.one_of(times, st.just(NO_TIME))
    row = st.tuples(
        st.integers(0, people - 1), moments, st.integers(-1, 2), st.integers(-1, len(DETAILS) - 1)
    )
    rows = draw(st.lists(row, max_size=30))
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return ActivityLog(
        columns[0].astype(np.intp),
        columns[1].copy(),
        columns[2].astype(np.int32),
        columns[3].astype(np.int32),
        KINDS,
        DETAILS,
    )


moments = st.lists(st.one_of(times, st.just(NO_TIME)), min_size=LEADS, max_size=LEADS).map(
    lambda given: np.array(given, np.int64)
)


@st.composite
def companies(draw: st.DrawFn) -> AccountLog:
    """Draw 3 accounts of 6 people, of which the leads may be the same one twice, or none."""
    log = draw(logs(people=6))
    number = st.integers(-1, 2)
    belongs = np.array(draw(st.lists(st.integers(0, 2), min_size=6, max_size=6)), np.intp)
    account = np.array(draw(st.lists(number, min_size=LEADS, max_size=LEADS)), np.intp)
    person = st.integers(-1, 5)
    contact = np.array(draw(st.lists(person, min_size=LEADS, max_size=LEADS)), np.intp)
    return AccountLog(account, contact, ("a", "b", "c"), belongs[log.lead], log)


def assert_equal(plan: Plan, touches: Touches) -> None:
    """Hold both engines against each other, whole numbers and features, to the last bit."""
    by_fold = aggregates_of(plan, touches, engine="fold")
    by_sql = aggregates_of(plan, touches, engine="sql")
    for field in fields(by_fold):
        mine, other = getattr(by_fold, field.name), getattr(by_sql, field.name)
        assert mine.dtype == other.dtype == np.int64, field.name
        assert np.array_equal(mine, other), field.name
    for feature in FEATURES:
        numbers = [ActivityNumbers(plan, found, LEADS).of(feature) for found in (by_fold, by_sql)]
        assert numbers[0].tobytes() == numbers[1].tobytes()


@settings(max_examples=30)
@given(logs(), moments)
def test_sql_and_fold_agree_on_leads(log: ActivityLog, as_of: np.ndarray) -> None:
    plan = plan_of(FEATURES)
    assert_equal(plan, touches_of_leads(plan, log, as_of))


@settings(max_examples=30)
@given(companies(), moments)
def test_sql_and_fold_agree_on_accounts(colleagues: AccountLog, as_of: np.ndarray) -> None:
    plan = plan_of(FEATURES)
    assert_equal(plan, touches_of_accounts(plan, colleagues, as_of))


def numbers(plan: Plan, touches: Touches) -> bytes:
    made = ActivityNumbers(plan, aggregates_of(plan, touches, engine="fold"), LEADS)
    return np.stack([made.of(feature) for feature in FEATURES]).tobytes()


@given(logs(), logs(), moments)
def test_nothing_at_or_after_the_moment_changes_a_lead(
    log: ActivityLog, more: ActivityLog, as_of: np.ndarray
) -> None:
    plan = plan_of(FEATURES)
    later = more.keep((more.at >= as_of[more.lead]) | (as_of[more.lead] == NO_TIME))
    told = joined(later, log)
    known = numbers(plan, touches_of_leads(plan, log, as_of))
    assert numbers(plan, touches_of_leads(plan, told, as_of)) == known
    before = log.keep((log.at < as_of[log.lead]) & (as_of[log.lead] != NO_TIME))
    assert numbers(plan, touches_of_leads(plan, before, as_of)) == known


@given(companies(), logs(people=6), moments)
def test_nothing_at_or_after_the_moment_changes_an_account(
    colleagues: AccountLog, more: ActivityLog, as_of: np.ndarray
) -> None:
    plan = plan_of(FEATURES)
    latest = as_of.max()
    later = more.keep(more.at >= latest)
    told = replace(
        colleagues,
        of=np.concatenate([later.lead % 3, colleagues.of]),
        log=joined(later, colleagues.log),
    )
    known = numbers(plan, touches_of_accounts(plan, colleagues, as_of))
    assert numbers(plan, touches_of_accounts(plan, told, as_of)) == known


@given(logs(), moments, st.randoms(use_true_random=False))
def test_neither_order_nor_codes_matter(
    log: ActivityLog, as_of: np.ndarray, random: Random
) -> None:
    plan = plan_of(FEATURES)
    order = list(range(len(log)))
    random.shuffle(order)
    kind, detail = (np.where(c < 0, -1, n - 1 - c) for c, n in ((log.kind, 3), (log.detail, 5)))
    turned = ActivityLog(
        log.lead[order],
        log.at[order],
        kind[order].astype(np.int32),
        detail[order].astype(np.int32),
        KINDS[::-1],
        DETAILS[::-1],
    )
    known = numbers(plan, touches_of_leads(plan, log, as_of))
    assert numbers(plan, touches_of_leads(plan, turned, as_of)) == known


def joined(a: ActivityLog, b: ActivityLog) -> ActivityLog:
    parts = [
        np.concatenate([getattr(a, n), getattr(b, n)]) for n in ("lead", "at", "kind", "detail")
    ]
    return ActivityLog(*parts, a.kinds, a.details)


def test_tables_are_computed_by_sql_and_few_activities_by_the_fold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used: list[str] = []
    for name, made in (("query", query), ("fold", fold)):
        monkeypatch.setattr(
            activity_numbers, name, lambda p, t, n=name, f=made: (used.append(n), f(p, t))[1]
        )
    plan = plan_of([Feature(name="n", kind="count")])
    for size in (LARGE - 1, LARGE):
        log = ActivityLog(
            np.zeros(size, np.intp),
            np.arange(size),
            *(np.full(size, -1, np.int32) for _ in range(2)),
            (),
            (),
        )
        found = aggregates_of(plan, touches_of_leads(plan, log, np.array([size])))
        assert found.counts.tolist() == [[size]]
    assert used == ["fold", "query"]
