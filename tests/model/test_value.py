"""What a lead is worth, worked by hand."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.model.scorecard import Line, Scorecard
from leadml.model.value import Ranks, Unknown, Value

CARD = Scorecard(math.log(100), (Line(0, (0.0, 1.0), (0.0, math.log(4)), 0.0),))
RANKS = Ranks((10.0, 20.0, 60.0), (0.2, 0.4, 0.8), 20.0)
X = np.array([[0.0], [1.0], [0.5]])


class TestRanks:
    def test_share_below_with_half_of_the_ties_and_the_lead_itself(self) -> None:
        # among 1, 2, 2, 4: below 1 are 0 and half of itself: (0.5 + 0.5) / 5; below 2 are 1 and
        # half of two: (2 + .5) / 5; below 4 are 3: (3.5 + .5) / 5
        found = Ranks.among(np.array([4.0, 2.0, 1.0, 2.0]))
        assert found.values == (1.0, 2.0, 4.0)
        assert found.shares == pytest.approx((0.2, 0.5, 0.8))
        assert found.scale == pytest.approx(math.sqrt(19 / 16))  # mean 2.25

    def test_straight_between_the_training_leads(self) -> None:
        found = RANKS.priority(np.array([10.0, 15.0, 20.0, 50.0, 60.0]))
        assert found == pytest.approx([20.0, 30.0, 40.0, 70.0, 80.0])

    def test_beyond_them_half_of_the_rest_within_one_scale(self) -> None:
        # 80 + 20 (1 - 1/2); 80 + 20 (1 - 1/4); 20 / 2
        found = RANKS.priority(np.array([80.0, 120.0, -10.0]))
        assert found == pytest.approx([90.0, 95.0, 10.0])

    def test_all_training_leads_alike(self) -> None:
        same = Ranks.among(np.full(9, 3.0))
        assert (same.values, same.scale) == ((3.0,), 3.0)
        assert same.priority(np.array([3.0, 6.0, 0.0])) == pytest.approx([50.0, 75.0, 25.0])

    def test_a_thousand_values_are_kept_the_ends_among_them(self) -> None:
        found = Ranks.among(np.arange(20_000.0))
        assert len(found.values) == 1001
        assert (found.values[0], found.values[-1]) == (0.0, 19_999.0)
        middle = found.priority(np.array([5_000.0]))
        assert middle == pytest.approx([25.0], abs=0.01)

    @given(
        st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
        st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=30),
    )
    def test_never_the_other_way_round_and_always_inside(
        self, trained: list[float], new: list[float]
    ) -> None:
        ranks = Ranks.among(np.array(trained))
        found = ranks.priority(np.sort(np.array(new)))
        assert (np.diff(found) >= 0).all()
        assert (found >= 0).all()
        assert (found <= 100).all()

    def test_the_order_holds_far_beyond_the_training_leads(self) -> None:
        far = 60 + 20 * np.array([1.0, 10.0, 1e3, 1e5, 1e7])
        assert (np.diff(RANKS.priority(far)) > 0).all()
        assert (np.diff(RANKS.priority(-far)) < 0).all()


def test_bounds_of_a_loss_are_turned_round() -> None:
    found = Unknown(1.1, 0.5, 2.0).of(np.array([10.0, -10.0]))
    assert found.value == pytest.approx([11.0, -11.0])
    assert found.low == pytest.approx([5.0, -20.0])
    assert found.high == pytest.approx([20.0, -5.0])


def test_a_model_multiplies_probability_and_margin_given_a_win() -> None:
    # 100, 400 and 100 * sqrt(4) given a win
    value = Value(ranks=RANKS, basis="model", card=CARD, mean=150.0)
    assert value.given_win(X) == pytest.approx([100.0, 400.0, 200.0])
    found = value.expected(np.array([0.5, 0.1, 0.3]), X)
    assert found is not None
    assert found.value == pytest.approx([50.0, 40.0, 60.0])
    assert found.low.tolist() == found.value.tolist() == found.high.tolist()
    # the likeliest has no precedence over the one worth most
    assert value.priority(np.array([0.5, 0.1, 0.3]), found) == pytest.approx([70.0, 60.0, 80.0])


def test_the_mean_is_the_same_for_all() -> None:
    value = Value(ranks=RANKS, basis="mean", mean=150.0, unknown=Unknown(1.0, 0.8, 1.6))
    found = value.expected(np.array([0.2, 0.4, 0.0]), X)
    assert found is not None
    assert found.value == pytest.approx([30.0, 60.0, 0.0])
    assert found.low == pytest.approx([24.0, 48.0, 0.0])
    assert found.take(np.array([1])).high == pytest.approx([96.0])


def test_without_money_there_is_no_margin_and_probability_ranks() -> None:
    value = Value(ranks=Ranks((0.1, 0.5), (0.25, 0.75), 0.2))
    p = np.array([0.3, 0.5])
    assert value.expected(p, X[:2]) is None
    assert value.priority(p, None) == pytest.approx([50.0, 75.0])
    assert np.isnan(value.given_win(X)).all()


@pytest.mark.parametrize("card", [None, CARD])
def test_it_is_plain_data(card: Scorecard | None) -> None:
    value = Value(
        ranks=RANKS,
        basis="model" if card else "mean",
        card=card,
        unknown=Unknown(1.0, 0.9, 1.2),
        won_with_margin=40,
        won_without_margin=10,
        mean=200.0,
        out_of_time={"wins": 30, "gain": 0.1, "error": 0.02, "penalty": 10.0},
    )
    assert Value.from_dict(json.loads(json.dumps(value.to_dict(), allow_nan=False))) == value
    assert value.summary() == {
        "basis": "model" if card else "mean",
        "of": "margin",
        "won_with_margin": 40,
        "won_without_margin": 10,
        "mean": 200.0,
        "low": pytest.approx(180.0),
        "high": pytest.approx(240.0),
        "out_of_time": {"wins": 30, "gain": 0.1, "error": 0.02, "penalty": 10.0},
    }


def test_one_worth_ranks_as_among_many() -> None:
    for ranks in (RANKS, Ranks((5.0,), (0.5,), 2.0)):
        worths = [*ranks.values, -10.0, 0.0, 12.5, 1e9, *(value + 0.5 for value in ranks.values)]
        assert ranks.priority(np.array(worths)).tolist() == [ranks.at(worth) for worth in worths]
