"""Which features of activities there are, and which of them only repeat another."""

from collections.abc import Sequence

import numpy as np
import pytest

from leadml.data.activity_log import AccountLog, ActivityLog
from leadml.snapshot.activity_features import (
    MOST_GROUPS,
    account_features,
    activity_features,
    copies,
)
from leadml.snapshot.feature import RARE, Feature

DAY = 86_400_000_000
MOMENT = 20_000 * DAY


def offered(touches: Sequence[tuple[int, str, str | None]], leads: int = 100) -> dict[str, Feature]:
    """Return the features, by name, of activities in this order, a day before the moment."""
    kinds = sorted({kind for _, kind, _ in touches})
    details = sorted({detail for *_, detail in touches if detail is not None})
    log = ActivityLog(
        np.array([lead for lead, *_ in touches], np.intp),
        np.array([MOMENT - DAY - place for place in range(len(touches), 0, -1)], np.int64),
        np.array([kinds.index(kind) for _, kind, _ in touches], np.int32),
        np.array([-1 if d is None else details.index(d) for *_, d in touches], np.int32),
        kinds,
        details,
    )
    found = activity_features(log, np.full(leads, MOMENT))
    assert len({feature.name for feature in found}) == len(found)
    return {feature.name: feature for feature in found}


def groups(found: dict[str, Feature]) -> set[tuple[str | None, str]]:
    return {(f.activity, f.group) for f in found.values() if f.group is not None}


def test_detail_groups_that_ten_leads_have_of_kinds_with_several() -> None:
    touches = [(lead, "visit", f"/pricing/{lead}") for lead in range(10)]
    touches += [(lead, "visit", "/blog") for lead in range(9)] * 3  # nine leads alone
    touches += [(lead, "mail", "May") for lead in range(20)]  # no other mails than these
    found = offered(touches)
    assert groups(found) == {("visit", "/pricing")}
    names = [name for name, feature in found.items() if feature.group]
    assert names == [
        "visit /pricing: times in 1 day",
        "visit /pricing: times in 7 days",
        "visit /pricing: times in 30 days",
        "visit /pricing: times in 90 days",
        "visit /pricing: times ever",
        "visit /pricing: days since last",
    ]


def test_one_lead_in_a_hundred_has_a_detail_group() -> None:
    touches = [(lead, "visit", "/a") for lead in range(20)]
    touches += [(lead, "visit", "/b") for lead in range(19)]
    assert groups(offered(touches, leads=2000)) == {("visit", "/a")}


def test_the_detail_groups_that_most_leads_have() -> None:
    pages = MOST_GROUPS + 2
    touches = [(lead, "visit", f"/{page:02}") for page in range(pages) for lead in range(10 + page)]
    found = groups(offered(touches))
    assert found == {("visit", f"/{page:02}") for page in range(2, pages)}


@pytest.mark.parametrize(
    ("click", "per"),
    [
        ("email_click", "email_open"),
        ("Clicked Email", "Opened e-mail"),
        ("EMAIL_CLICKED", "email open"),
        ("Email clicks", "Email opens"),
    ],
)
def test_clicks_to_opens(click: str, per: str) -> None:
    found = offered([(lead, kind, None) for lead in range(10) for kind in (click, per, "visit")])
    (ratio,) = (feature for feature in found.values() if feature.kind == "ratio")
    assert (ratio.name, ratio.activity, ratio.per) == (f"{click} for each {per}", click, per)


@pytest.mark.parametrize("kinds", [("email_click",), ("email_open",), ("ad_click", "email_open")])
def test_no_clicks_to_opens_of_other_things(kinds: tuple[str, ...]) -> None:
    found = offered([(lead, kind, None) for lead in range(10) for kind in kinds])
    assert not [feature for feature in found.values() if feature.kind == "ratio"]


def test_first_activities_that_ten_leads_have_and_the_rest_by_kind() -> None:
    touches = [(lead, "visit", "/pricing") for lead in range(10)]
    touches += [(lead, "visit", f"/{lead}") for lead in range(10, 21)]  # eleven of one kind
    touches += [(lead, "mail", None) for lead in range(21, 30)]  # nine: too few
    touches += [(lead, "call", None) for lead in range(30)]  # never the first
    first = offered(touches)["first activity"]
    assert first.levels == ("visit", "visit /pricing", RARE)


def test_without_others_none_is_rare() -> None:
    assert offered([(n, "visit", None) for n in range(10)])["first activity"].levels == ("visit",)


def test_only_what_was_before_the_moment() -> None:
    log = ActivityLog(
        np.arange(20),
        np.array([MOMENT - 1] * 9 + [MOMENT] * 11),
        np.zeros(20, np.int32),
        np.full(20, -1, np.int32),
        ("visit",),
        (),
    )
    found = activity_features(log, np.full(20, MOMENT))
    assert {feature.activity for feature in found} == {None}
    assert activity_features(log.keep(log.at >= MOMENT), np.full(20, MOMENT)) == []


def test_copies_of_a_wider_window() -> None:
    names = ((None, 7.0), (None, 30.0), (None, None), ("visit", None), ("mail", None))
    features = [Feature(name="n", kind="count", activity=k, window=w) for k, w in names]
    ever = np.repeat([0, 1, 2], [800, 100, 100]).astype(float)
    month, week = ever.copy(), ever.copy()
    month[-2:] = 1  # differs in 2 of the 200 leads with any: 1 in 100 is a copy
    week[-3:] = 1
    mail = np.where(ever == 1, 1.0, 0.0)
    x = np.stack([week, month, ever, ever, mail], axis=1)
    assert copies(features, x).tolist() == [False, True, False, True, False]
    last = [Feature(name="r", kind="recency", activity=k) for k in ("visit", "mail")]
    assert not copies(last, x[:, 2:4]).any()  # counts alone


@pytest.mark.parametrize(("active", "offered"), [(10, True), (9, False)])
def test_colleagues_of_ten_leads_make_features(active: int, offered: bool) -> None:
    # 30 leads in accounts of two; one of the two was active in so many of them
    log = ActivityLog(
        2 * np.arange(active),
        np.full(active, MOMENT - 1),
        np.zeros(active, np.int32),
        np.full(active, -1, np.int32),
        ("visit",),
        (),
    )
    pairs = np.arange(30) // 2
    names = [f"company {number}" for number in range(15)]
    colleagues = AccountLog(pairs, np.arange(30), names, pairs[log.lead], log)
    found = account_features(colleagues, np.full(30, MOMENT))
    assert [feature.name for feature in found] == (
        [
            "colleagues: times in 30 days",
            "colleagues: times in 90 days",
            "colleagues: active contacts in 30 days",
            "colleagues: active contacts in 90 days",
        ]
        if offered
        else []
    )
    assert all(feature.scope == "account" for feature in found)
    assert account_features(colleagues, np.full(30, MOMENT - 1)) == []
