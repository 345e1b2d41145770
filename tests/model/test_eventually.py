"""The probability of a win in the end, worked by hand."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.model.eventually import Eventually
from leadml.model.scorecard import Line, Scorecard

NOTHING = np.empty((2, 0))
EVEN_AND_A_FIFTH = np.log([1.0, 0.25])  # log-odds of .5 and .2
CARD = Scorecard(math.log(0.25), (Line(0, (0.0, 1.0), (0.0, math.log(4)), 0.0),))


def test_nothing_beyond_the_horizon_is_the_probability_itself() -> None:
    found = Eventually(horizon_days=90.0).of(EVEN_AND_A_FIFTH, NOTHING)
    assert found == pytest.approx([0.5, 0.2])


def test_the_same_chance_for_all() -> None:
    # q = 1/9: .5 + .5/9 and .2 + .8/9
    late = Eventually(horizon_days=180.0, form="base_rate", intercept=math.log(1 / 8))
    assert late.of(EVEN_AND_A_FIFTH, NOTHING) == pytest.approx([0.5 + 0.5 / 9, 0.2 + 0.8 / 9])


def test_a_line_in_the_leads_own_log_odds() -> None:
    # log-odds 0 and log(1/4): odds of q are 1/8 * sqrt of 1 and of 1/4, so 1/9 and 1/17
    late = Eventually(horizon_days=180.0, form="score", slope=0.5, intercept=math.log(1 / 8))
    assert late.of(EVEN_AND_A_FIFTH, NOTHING) == pytest.approx([0.5 + 0.5 / 9, 0.2 + 0.8 / 17])


def test_a_scorecard_reads_features() -> None:
    # card: log(1/4) at x = 0 and 0 at x = 1; times 1/2 and less log 2: odds 1/4 and 1/2
    late = Eventually(
        horizon_days=180.0, form="logistic", slope=0.5, intercept=-math.log(2), card=CARD
    )
    found = late.of(np.zeros(2), np.array([[0.0], [1.0]]))
    assert found == pytest.approx([0.5 + 0.5 / 5, 0.5 + 0.5 / 3])


def test_a_further_line_on_the_model_leaves_the_chances_as_they_are() -> None:
    late = Eventually(horizon_days=180.0, form="score", slope=0.8, intercept=-2.0)
    own = np.array([-1.0, 0.3])
    moved = 1.5 * own + 0.25
    q = lambda e, z: 1 - (1 - e.of(z, NOTHING)) * (1 + np.exp(z))  # noqa: E731
    assert q(late.behind(1.5, 0.25), moved) == pytest.approx(q(late, own))
    same = Eventually(horizon_days=180.0, form="base_rate", intercept=-2.0)
    assert same.behind(1.5, 0.25) is same


@pytest.mark.parametrize("card", [None, CARD])
def test_it_is_plain_data(card: Scorecard | None) -> None:
    late = Eventually(
        horizon_days=180.0, leads=700, won=64, why="because", form="logistic", slope=1.0, card=card
    )
    assert Eventually.from_dict(json.loads(json.dumps(late.to_dict(), allow_nan=False))) == late
    assert late.summary() == {
        "horizon_days": 180.0,
        "leads": 700,
        "won": 64,
        "why": "because",
        "form": "logistic",
    }


@given(
    st.lists(st.floats(-30, 30), min_size=1, max_size=5),
    st.sampled_from(["none", "base_rate", "score"]),
    st.floats(-3, 3),
    st.floats(-9, 9),
)
def test_never_below_the_probability_and_never_above_one(
    log_odds: list[float], form: str, slope: float, intercept: float
) -> None:
    own = np.array(log_odds)
    late = Eventually(horizon_days=9.0, form=form, slope=slope, intercept=intercept)  # type: ignore[arg-type]
    found = late.of(own, np.empty((len(own), 0)))
    assert (found >= Eventually(horizon_days=3.0).of(own, np.empty((len(own), 0)))).all()
    assert (found <= 1).all()
