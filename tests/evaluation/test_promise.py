"""The threshold in words: every basis and policy, checked sentence by sentence."""

from dataclasses import replace
from typing import Any

import pytest

from leadml.domain.agreement import Agreement
from leadml.domain.handoff import HandoffPolicy
from leadml.evaluation.promise import percent, promise_words
from leadml.evaluation.threshold import Threshold

AGREED = Agreement(close_rate=0.30, confidence=0.95)
CUT = Threshold(
    0.231,
    "estimated",
    expected_close_rate=0.339,
    low=0.243,
    high=0.446,
    volume=177,
    won=60,
    share=0.5,
    floor=0.15,
    weakest=0.2314,
    recall=0.703,
    handoffs_a_month=36.3,
    wins_a_month=10.54,
    margin_a_month={"low": 80_000.0, "value": 94_214.0, "high": 99_000.0},
    close_rate_of_all={"value": 0.284, "low": 0.235, "high": 0.338, "leads": 225, "won": 64},
    more_outcomes=749,
    more_months=29.6,
    pool={
        "leads": 442,
        "accounts": 348,
        "folds": 3,
        "from": "2025-02-10T16:34:55.000000Z",
        "to": "2025-09-23T22:41:32.000000Z",
        "why": "all periods count",
    },
)


def words(cut: Threshold = CUT, by: HandoffPolicy | None = None, **changes: Any) -> list[str]:
    return list(promise_words(replace(cut, **changes).to_dict(), AGREED, by or HandoffPolicy()))


def test_an_estimate() -> None:
    assert words() == [
        "Leads with a probability of at least 23.1 % are handed off. Of 177 such leads, each "
        "judged before its outcome was known, 60 closed: 33.9 %. The true rate lies between "
        "24.3 % and 44.6 %, each bound with 95 % confidence.",
        "The agreed 30 % is likely but not proven: at this rate some 750 more outcomes of such "
        "leads would settle it, about 2 years at the present pace.",
        "Expected a month: 36 hand-offs, 10.5 wins and a margin of 94,214 (80,000 to 99,000); "
        "70.3 % of all winners are caught; the weakest lead handed off had 23.1 % (the floor is "
        "15 %).",
        "The promise is about leads that sales follows up. Of all 225 above the cut (one from "
        "each company, drawn anew), those it never worked or worked too late among them, 64 "
        "closed: 28.4 % (23.5 % to 33.8 %).",
        "It rests on 442 leads of 2025-02-10 to 2025-09-23, one from each of 348 companies, each "
        "predicted knowing earlier outcomes only: all periods count.",
    ]


def test_a_guarantee_says_that_it_is_approximate() -> None:
    first, second, *_ = words(basis="guaranteed", more_outcomes=0)
    assert first.endswith(
        "with 95 % confidence that such leads, followed up as now, close at 30 % or more."
    )
    assert second.startswith("The guarantee is approximate: the model was fitted again")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"more_months": 1.2}, "750 more outcomes of such leads would settle it, about a month at"),
        ({"more_months": 7.4}, "would settle it, about 7 months at the present pace"),
        (
            {"more_months": 61.0},
            "so near that outcomes will not settle it soon: at this rate it would take",
        ),
        ({"more_months": None}, "it would take some 750 more of them"),
        ({"more_outcomes": 69_432, "more_months": 900.0}, "some 69,000 more of them"),
        ({"more_outcomes": 0}, "a stricter group failed the test"),
        ({"more_outcomes": None, "won": 53}, "That is less than the agreed 30 %"),
        ({"more_outcomes": None, "won": 60, "volume": 200}, "That is the agreed 30 % exactly"),
    ],
)
def test_what_would_settle_it(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in words(**changes)[1]


@pytest.mark.parametrize(
    ("policy", "changes", "start"),
    [
        (
            HandoffPolicy(policy="each"),
            {"probability": 0.3},
            "Every lead with a probability of at least 30 % is handed off. Of 177",
        ),
        (
            HandoffPolicy(policy="capacity", capacity=25.0),
            {},
            "The best 25 leads a week are handed off, from 23.1 % on. Of 177",
        ),
        (
            HandoffPolicy(policy="capacity", capacity=2.5, capacity_per="rep"),
            {"reps": ({"owner": "Ann", "probability": 0.2},)},
            "The best 2.5 leads a week of each representative are handed off, from 23.1 % on",
        ),
        (
            HandoffPolicy(policy="profit", cost=1200.0),
            {"profit_cut": 1200.0, "probability": 0.15},
            "Leads whose expected margin exceeds 1,200 are handed off, none below 15 %. Of 177",
        ),
    ],
)
def test_every_policy_says_who_is_handed_off(
    policy: HandoffPolicy, changes: dict[str, Any], start: str
) -> None:
    assert words(by=policy, policy=policy.policy, **changes)[0].startswith(start)


def test_a_fixed_cut_that_no_lead_reached() -> None:
    told = words(Threshold(0.3, "estimated", policy="each", floor=0.15))
    assert told == [
        "Every lead with a probability of at least 30 % is handed off. No lead got as far before "
        "its outcome was known."
    ]


def test_points_and_nobody() -> None:
    points = words(probability=None, basis="points", more_outcomes=None)
    assert points[0].startswith("The agreed points decide: fewer than 20 leads with an out-of-time")
    assert "60 closed: 33.9 %." in points[0]
    assert len(points) == 4  # nothing is said of settling
    (nobody,) = words(Threshold(None, "none", floor=0.15))
    assert "no group of leads with at least 15 % each reached the agreed close rate" in nobody


def test_without_dates_nothing_is_told_of_months() -> None:
    told = words(handoffs_a_month=None, wins_a_month=None)[2]
    assert told.startswith("70.3 % of all winners are caught; the weakest lead handed off had")


def test_without_amounts_no_margin_is_told() -> None:
    assert "36 hand-offs, 10.5 wins; 70.3 %" in words(margin_a_month=None)[2]
    one = {"low": 5.0, "value": 5.0, "high": 5.0}
    assert "a margin of 5;" in words(margin_a_month=one)[2]


def test_undated_leads_of_unknown_companies() -> None:
    pool = {"leads": 442, "accounts": None, "folds": 1, "from": None, "to": None, "why": "drawn"}
    expected = "It rests on 442 leads, each predicted knowing only the outcomes of others: drawn."
    assert words(pool=pool)[-1] == expected


def test_percentages_have_at_most_one_decimal() -> None:
    assert [percent(x) for x in (0.3, 0.2346, 0.9999, 0.0)] == ["30 %", "23.5 %", "100 %", "0 %"]
