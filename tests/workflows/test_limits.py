"""Each limit is named where its figures call for it, and only there."""

from dataclasses import replace

import pytest

from leadml.workflows.limits import Facts, limits_of

USUAL = Facts(
    leads=1000,
    learnt=400,
    won=100,
    close_rate=0.3,
    confidence=0.95,
    horizon_days=90.0,
    counts="followed_up",
    as_of="2026-03-31",
    newest="2025-12-31",
    handoffs_recorded=True,
    follow_ups_recorded=True,
    closing_times_recorded=True,
    handed_off=500,
    never_handed_off=200,
    never_followed_up=100,
    closed_in_bulk=0,
    not_matured=150,
    chosen="additive",
    basis="estimated",
    group=120,
    group_won=40,
    low=0.262,
    highest=0.625,
    activities=True,
    history_fields=("budget",),
    attributes=7,
    quarantined=(),
    suspect=(),
    accounts=400,
    margin_recorded=True,
    wins_without_margin=0,
)


def said(**changes: object) -> dict[str, str]:
    return {limit.topic: limit.text for limit in limits_of(replace(USUAL, **changes))}  # type: ignore[arg-type]


def test_topics_of_a_usual_run_and_their_order() -> None:
    assert list(said()) == [
        "whether hand-offs keep the promise",
        "neglected leads",
        "leads never handed off",
        "the present",
        "sure wins",
        "the long run",
        "causes",
    ]


@pytest.mark.parametrize(
    ("changes", "topic", "words"),
    [
        ({"chosen": "base_rate"}, "which leads are better", "the same probability, 25 %"),
        ({"basis": "guaranteed"}, "whether hand-offs keep the promise", "closed 40 of 120 with 95"),
        ({}, "whether hand-offs keep the promise", "as low as 26.2 %"),
        ({"basis": "points"}, "whether hand-offs keep the promise", "Too few leads were won"),
        ({"basis": "none"}, "whether hand-offs keep the promise", "No group of leads closed at 30"),
        ({"follow_ups_recorded": False}, "neglect", "every hand-off counts as followed up"),
        ({}, "neglected leads", "100 (20 %) were never followed up"),
        ({"closed_in_bulk": 60}, "neglected leads", "60 of them were closed in bulk"),
        ({"counts": "handed_off"}, "neglected leads", "counts them as lost"),
        ({"newest": None}, "change over time", "no dates"),
        ({}, "the present", "150 leads have not matured within 90 days"),
        ({"level": "trend"}, "the present", "the trend of the past is carried on"),
        ({"level": "none"}, "the present", "the level of the past is taken to hold"),
        ({"closing_times_recorded": False}, "late wins", "the quick ones first"),
        (
            {"effective_size": 450.4, "resolved_early": 60},
            "open leads",
            "all 460 together tell as much as 450",
        ),
        ({"quarantined": ("duration",)}, "columns left out", "known later: duration"),
        ({"suspect": tuple("abcdefg")}, "doubtful columns", "a, b, c, d, e and 2 more"),
        ({"history_fields": None}, "columns as they were", "The 7 columns"),
        ({"activities": False}, "behaviour", "No activities were given"),
        ({"accounts": None}, "companies", "not mapped"),
        ({"accounts": 319}, "companies", "400 leads come from 319 companies"),
        ({"margin_recorded": False}, "profit", "or no min_margin agreed: every win counts"),
        ({"wins_without_margin": 3}, "profit", "3 wins have no margin"),
        ({"money": "amount", "money_known": 90}, "what a win is worth", "its whole amount"),
        (
            {"money": "margin", "money_known": 90, "money_unknown": 10},
            "what a win is worth",
            "10 of 100 wins have no known margin in money",
        ),
        (
            {"money_mapped": True, "money_unknown": 100},
            "what a win is worth",
            "None of the 100 won leads has a known margin in money",
        ),
        ({"highest": 0.625}, "sure wins", "more than 62.5 %"),
        ({"eventually_days": 180.0}, "the long run", "later than 180 days"),
        ({"thin": (("Fair", 30, 2),)}, "small sources", "Fair (2 of 30)"),
        ({"knowable": ("A", "B")}, "how sure this can be (2)", "B"),
    ],
)
def test_each_limit_says_its_figures(changes: dict[str, object], topic: str, words: str) -> None:
    assert words in said(**changes)[topic]


@pytest.mark.parametrize(
    ("changes", "topic"),
    [
        ({"never_followed_up": 0}, "neglected leads"),
        ({"handed_off": 0}, "neglected leads"),
        ({"never_handed_off": 0}, "leads never handed off"),
        ({"handoffs_recorded": False}, "leads never handed off"),
        ({"highest": 0.96}, "sure wins"),
        ({"chosen": "base_rate"}, "sure wins"),
        ({"chosen": "base_rate"}, "causes"),
        ({"history_fields": None, "attributes": 0}, "columns as they were"),
        ({"accounts": 320}, "companies"),
        ({"newest": None}, "the present"),
        ({"newest": None}, "the long run"),
        ({"closing_times_recorded": False}, "the long run"),
    ],
)
def test_a_limit_that_does_not_hold_is_not_named(changes: dict[str, object], topic: str) -> None:
    assert topic not in said(**changes)


def test_every_limit_says_what_would_tell_and_topics_are_unique() -> None:
    everything = replace(
        USUAL,
        activities=False,
        history_fields=None,
        accounts=10,
        quarantined=("a",),
        suspect=("b",),
        thin=(("Fair", 30, 2),),
        knowable=("A", "B", "C"),
        wins_without_margin=3,
        effective_size=250.0,
    )
    limits = limits_of(everything)
    assert all(limit.remedy and not limit.text.endswith(".") for limit in limits)
    assert len({limit.topic for limit in limits}) == len(limits)


def test_few_wins_without_a_margin_in_money_are_no_limit() -> None:
    told = said(money="margin", money_known=91, money_unknown=9, money_mapped=True)
    assert "what a win is worth" not in told
    assert "what a win is worth" not in said()  # no money at all
