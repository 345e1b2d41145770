"""Features of activities, worked by hand."""

import numpy as np
import pytest

from leadml.data.activity_log import AccountLog, ActivityLog
from leadml.data.values import NO_TIME
from leadml.snapshot.activity_numbers import ActivityNumbers, Engine, aggregates_of
from leadml.snapshot.aggregates import plan_of, touches_of_accounts, touches_of_leads
from leadml.snapshot.feature import RARE, Feature

DAY = 86_400_000_000
MOMENT = 20_000 * DAY
KINDS = ("mail_open", "mail_click", "visit")
DETAILS = ("/pricing/plans", "https://x.com/pricing", "/blog")

Touch = tuple[int, float, str | None, str | None]  # lead, days before the moment, kind, detail


def log_of(touches: list[Touch]) -> ActivityLog:
    return ActivityLog(
        np.array([lead for lead, *_ in touches], np.intp),
        np.array([MOMENT - round(days * DAY) for _, days, *_ in touches], np.int64),
        np.array([KINDS.index(k) if k else -1 for *_, k, _ in touches], np.int32),
        np.array([DETAILS.index(d) if d else -1 for *_, d in touches], np.int32),
        KINDS,
        DETAILS,
    )


@pytest.fixture(params=["fold", "sql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    chosen: Engine = request.param
    return chosen


def worked(
    feature: Feature, touches: list[Touch], engine: Engine, *, leads: int = 1
) -> list[float | None]:
    plan = plan_of([feature])
    found = touches_of_leads(plan, log_of(touches), np.full(leads, MOMENT))
    made = ActivityNumbers(plan, aggregates_of(plan, found, engine=engine), leads)
    numbers = made.of(feature)
    assert numbers.tobytes() == np.array([made.at(feature, n) for n in range(leads)]).tobytes()
    return [None if np.isnan(number) else float(number) for number in numbers]


def test_detail_groups_within_a_kind(engine: Engine) -> None:
    touches: list[Touch] = [
        (0, 1, "visit", "/pricing/plans"),
        (0, 2, "visit", "https://x.com/pricing"),
        (0, 2, "visit", "/blog"),
        (0, 2, "mail_click", "/pricing/plans"),
        (0, 8, "visit", "/pricing/plans"),
        (0, 1, None, "/pricing/plans"),
    ]
    pages = Feature(name="n", kind="count", activity="visit", group="/pricing", window=7.0)
    assert worked(pages, touches, engine, leads=2) == [2, 0]
    last = Feature(name="n", kind="recency", activity="visit", group="/blog")
    assert worked(last, touches, engine, leads=2) == [2, None]


def test_trend_is_between_only_earlier_and_only_recent(engine: Engine) -> None:
    trend = Feature(name="t", kind="trend", window=7.0)
    touches: list[Touch] = [
        *((0, days, "visit", None) for days in (1, 2, 7, 8)),  # 3 against 1: (3 - 1) / 4
        (1, 14, "visit", None),  # the window before it ends after 14 days
        (2, 15, "visit", None),
        (3, 7, "visit", None),
    ]
    assert worked(trend, touches, engine, leads=5) == [0.5, -1, None, 1, None]


def test_gaps_between_two_in_a_row(engine: Engine) -> None:
    touches: list[Touch] = [
        *((0, days, "visit", None) for days in (9, 2, 1, 1)),  # gaps of 7, 1 and 0 days
        (1, 3, "visit", None),
    ]
    longest = Feature(name="g", kind="longest_gap")
    assert worked(longest, touches, engine, leads=3) == [7, None, None]


def test_clicks_to_opens_are_at_most_one(engine: Engine) -> None:
    ratio = Feature(name="r", kind="ratio", activity="mail_click", per="mail_open")
    touches: list[Touch] = [
        *((0, 1, "mail_open", None) for _ in range(4)),
        (0, 1, "mail_click", None),
        (1, 1, "mail_open", None),  # opened, never clicked
        (2, 1, "mail_click", None),  # clicked, the opening was not seen
        (3, 1, "visit", None),
    ]
    assert worked(ratio, touches, engine, leads=4) == [0.25, 0, 1, None]


def test_first_activity_by_detail_group_else_by_kind(engine: Engine) -> None:
    levels = ("mail_click", "visit", "visit /pricing", RARE)
    first = Feature(name="f", kind="first", levels=levels)
    touches: list[Touch] = [
        (0, 5, "visit", "/pricing/plans"),
        (0, 4, "mail_click", None),
        (1, 5, "visit", "/blog"),  # no level of its own
        (2, 5, "mail_open", None),  # nor its kind
        (3, 5, "visit", "https://x.com/pricing"),  # at one time: the lower level
        (3, 5, "mail_click", None),
        (4, 5, None, "/blog"),
    ]
    assert worked(first, touches, engine, leads=6) == [2, 1, 3, 0, None, None]


def test_colleagues_are_the_other_leads_of_the_account(engine: Engine) -> None:
    # persons 0, 1 and 2 are of one account, person 3 of another
    log = log_of(
        [
            (0, 1, "visit", None),
            (1, 1, "visit", None),
            (1, 20, "visit", None),
            (2, 40, "visit", None),
            (2, 0, "visit", None),  # at the moment: not before it
            (3, 1, "visit", None),
        ]
    )
    of = np.array([0, 0, 0, 0, 0, 1])
    # person 0, person 2, somebody new of the second account, somebody of none
    colleagues = AccountLog(np.array([0, 0, 1, -1]), np.array([0, 2, -1, -1]), ("a", "b"), of, log)
    features = [
        Feature(name="n", kind="count", scope="account"),
        Feature(name="n", kind="contacts", scope="account", window=30.0),
        Feature(name="n", kind="contacts", scope="account"),
        Feature(name="n", kind="recency", scope="account"),
    ]
    plan = plan_of(features)
    touches = touches_of_accounts(plan, colleagues, np.full(4, MOMENT))
    made = ActivityNumbers(plan, aggregates_of(plan, touches, engine=engine), 4)
    numbers = [made.of(feature).tolist() for feature in features]
    assert numbers[:3] == [[3, 3, 1, 0], [1, 2, 1, 0], [2, 2, 1, 0]]
    assert numbers[3][:3] == [1, 1, 1]
    assert np.isnan(numbers[3][3])


def test_undated_leads_and_activities_know_no_before(engine: Engine) -> None:
    count = Feature(name="n", kind="count")
    plan = plan_of([count])
    log = log_of([(0, 1, "visit", None), (1, 1, "visit", None), (1, 2, "visit", None)])
    log.at[1] = NO_TIME
    touches = touches_of_leads(plan, log, np.array([NO_TIME, MOMENT]))
    made = ActivityNumbers(plan, aggregates_of(plan, touches, engine=engine), 2)
    assert made.of(count).tolist() == [0, 1]
