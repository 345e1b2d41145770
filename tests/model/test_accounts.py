"""An account's probability, worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.model.accounts import AccountLine, grouped, size_of

LOG_ODDS = np.log([1.0, 0.25, 0.25, 4.0])  # probabilities .5, .2, .2 and .8
FOUND = grouped(LOG_ODDS, np.array([0, 0, 0, 1]), 2)


def test_at_least_one_of_independent_leads() -> None:
    # 1 - .5 * .8 * .8 = .68; one lead: its own
    assert FOUND.leads.tolist() == [3, 1]
    assert FOUND.product == pytest.approx([0.68, 0.8])
    assert FOUND.log_odds == pytest.approx([math.log(0.68 / 0.32), math.log(4)])
    assert FOUND.best == pytest.approx([0.5, 0.8])
    assert FOUND.total == pytest.approx([0.9, 0.8])
    assert AccountLine().probability(FOUND) == pytest.approx([0.68, 0.8])


def test_no_loss_near_nothing_and_near_certainty() -> None:
    log_odds = np.array([-40.0, -40.0, 50.0, 50.0])
    found = grouped(log_odds, np.array([0, 0, 1, 1]), 2)
    assert found.log_odds == pytest.approx([-40 + math.log(2), 100.0])


def test_a_line_in_the_log_odds_of_the_product_and_the_number_of_leads() -> None:
    # .1 + .5 * log(.68 / .32) - .2 * log 3 = .257...; within .5 and .9
    line = AccountLine(0.1, 0.5, -0.2)
    z = 0.1 + 0.5 * math.log(0.68 / 0.32) - 0.2 * math.log(3)
    assert line.probability(FOUND)[0] == pytest.approx(1 / (1 + math.exp(-z)))


def test_one_lead_has_its_own_probability_whatever_the_line() -> None:
    for line in (AccountLine(1.0, 2.0, -3.0), AccountLine(-1.0, 0.2, 0.5)):
        assert line.probability(FOUND)[1] == pytest.approx(0.8, abs=1e-15)


def test_never_below_the_best_lead_nor_above_the_sum() -> None:
    assert AccountLine(contacts=-9.0).probability(FOUND)[0] == pytest.approx(0.5)
    assert AccountLine(contacts=9.0).probability(FOUND)[0] == pytest.approx(0.9)


@given(
    st.lists(st.floats(-30, 30), min_size=1, max_size=8),
    st.floats(-3, 3),
    st.floats(0.01, 3),
    st.floats(-3, 3),
)
def test_a_probability_between_the_bounds(
    log_odds: list[float], intercept: float, slope: float, contacts: float
) -> None:
    found = grouped(np.array(log_odds), np.zeros(len(log_odds), np.intp), 1)
    (p,) = AccountLine(intercept, slope, contacts).probability(found)
    assert found.best[0] <= p <= min(1.0, max(found.best[0], found.total[0]))


def test_sizes() -> None:
    found = size_of(np.array([1, 2, 3, 5, 6, 40]))
    assert found.tolist() == ["1", "2", "3–5", "3–5", "6+", "6+"]


def test_the_line_of_a_version() -> None:
    line = {"intercept": 0.1, "slope": 0.9, "contacts": -0.2}
    assert AccountLine.from_manifest({"line": line}) == AccountLine(0.1, 0.9, -0.2)
    assert AccountLine(0.1, 0.9, -0.2).to_dict() == line
    assert AccountLine.from_manifest(None) == AccountLine()  # a version of before
