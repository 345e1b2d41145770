"""What a cut brings a month, worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from leadml.evaluation.close_rate import lower_bound, upper_bound
from leadml.evaluation.expectation import expectation_of, months_of
from leadml.evaluation.pool import Pool

MONTH = round(365.25 / 12 * 86_400_000_000)
POOL = Pool(
    p=np.array([0.6, 0.5, 0.4, 0.3, 0.2, 0.55, 0.1]),
    y=np.array([1, 0, 1, 1, 0, 0, 0], np.int8),
    worked=np.array([1, 1, 1, 1, 1, 0, 0], bool),  # the last two were never worked
    period=np.zeros(7, np.intp),
    at=np.linspace(0, 2 * MONTH, 7).astype(np.int64),
    margin=np.outer([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0], [0.5, 1.0, 2.0]),
)
ABOVE = POOL.p >= 0.4


def test_two_months() -> None:
    figures, why = expectation_of(POOL, ABOVE, confidence=0.95, follow_ups=True)
    assert months_of(POOL) == pytest.approx(2)
    # three of the five worked leads and one of the two others are handed off; two are won, of
    # three winners in all; a win brings 10 and 30
    assert figures == {
        "share": 0.6,
        "weakest": 0.4,
        "recall": pytest.approx(2 / 3),
        "handoffs_a_month": pytest.approx(2.0),
        "wins_a_month": pytest.approx(1.0),
        "margin_a_month": {
            "low": pytest.approx(10.0),
            "value": pytest.approx(20.0),
            "high": pytest.approx(40.0),
        },
        "close_rate_of_all": {
            "value": 0.5,
            "low": lower_bound(2, 4, 0.95),
            "high": upper_bound(2, 4, 0.95),
            "leads": 4,
            "won": 2,
        },
    }
    assert why == {}


def test_one_lead_of_an_account_counts_in_the_rate_of_all() -> None:
    pool = replace(
        POOL, account=np.array([1, 1, 2, 3, 2, 5, 6]), lot=np.arange(7, dtype=np.uint64)[::-1]
    )
    figures, _ = expectation_of(pool, ABOVE, confidence=0.95, follow_ups=True)
    # of account 1 the second lead is drawn (the lower lot), which was not won; of account 2 one
    # below the cut, so that the account does not count although its other lead lies above
    assert (figures["close_rate_of_all"]["leads"], figures["close_rate_of_all"]["won"]) == (2, 0)
    assert figures["handoffs_a_month"] == pytest.approx(2.0)  # volumes count every lead


def test_what_is_not_known_is_none_and_says_why() -> None:
    pool = replace(POOL, at=None, margin=None)
    figures, why = expectation_of(pool, ABOVE, confidence=0.95, follow_ups=False)
    assert why == {
        "handoffs_a_month": "leads have no dates",
        "wins_a_month": "leads have no dates",
        "margin_a_month": "no amounts",
        "close_rate_of_all": "follow-ups are not recorded",
    }
    assert {name for name, value in figures.items() if value is None} == set(why)


def test_nobody_handed_off_and_nobody_won() -> None:
    pool = replace(POOL, y=np.zeros(7, np.int8))
    figures, why = expectation_of(pool, np.zeros(7, bool), confidence=0.95, follow_ups=True)
    assert (figures["share"], figures["handoffs_a_month"], figures["weakest"]) == (0.0, 0.0, None)
    assert why["weakest"] == "no out-of-time lead reached the cut"
    assert why["recall"] == "no out-of-time lead was won"
    assert why["close_rate_of_all"] == "no hand-off"
