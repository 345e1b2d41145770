"""The hand-off decision of every policy, from what the manifest says."""

from typing import Any

import numpy as np
import pytest

from leadml.model.handoff import HandoffRule, decide

P = np.array([0.1, 0.3, 0.5])


def threshold(**changes: Any) -> dict[str, Any]:
    return {"probability": 0.3, "basis": "guaranteed"} | changes


def test_from_the_cut_on() -> None:
    found = decide(threshold(), P)
    assert found.sales_ready.tolist() == [False, True, True]
    assert found.cut.tolist() == [0.3, 0.3, 0.3]


@pytest.mark.parametrize("ready", [None, np.array([True, False, True])])
def test_by_points(ready: Any) -> None:
    found = decide(threshold(probability=None, basis="points"), P, points_ready=ready)
    assert found.sales_ready.tolist() == ([False] * 3 if ready is None else ready.tolist())
    assert np.isnan(found.cut).all()


def test_points_do_not_overrule_a_cut() -> None:
    found = decide(threshold(), P, points_ready=np.array([True, False, False]))
    assert found.sales_ready.tolist() == [False, True, True]


def test_nobody_without_a_cut() -> None:
    found = decide(threshold(probability=None, basis="none"), P)
    assert not found.sales_ready.any()
    assert np.isnan(found.cut).all()


def test_each_representatives_own_cut_and_the_teams_for_all_others() -> None:
    reps = [{"owner": "Ann", "probability": 0.05}, {"owner": "Bo", "probability": 0.6}]
    found = decide(threshold(reps=reps), P, owner=["Ann", None, "Bo"])
    assert found.cut.tolist() == [0.05, 0.3, 0.6]
    assert found.sales_ready.tolist() == [True, True, False]
    assert decide(threshold(reps=reps), P).cut.tolist() == [0.3, 0.3, 0.3]  # nobody knows whose


class TestProfit:
    def test_the_cut_is_where_the_expected_margin_covers_the_cost(self) -> None:
        # floor .3 and a cost of 100: at 200 a win .5 is needed, at 1,000 a tenth, so the floor
        found = decide(threshold(profit_cut=100.0), P, given_win=np.array([1000.0, 1000.0, 190.0]))
        assert found.cut.tolist() == [0.3, 0.3, pytest.approx(100 / 190)]
        assert found.sales_ready.tolist() == [False, True, False]

    def test_covering_it_exactly_is_no_profit(self) -> None:
        found = decide(threshold(profit_cut=100.0), P, given_win=np.array([1.0, 1.0, 200.0]))
        assert not found.sales_ready.any()

    def test_what_no_probability_would_cover_has_no_cut(self) -> None:
        found = decide(threshold(profit_cut=100.0), P, given_win=np.array([0.0, -5.0, 99.0]))
        assert np.isnan(found.cut).all()
        assert not found.sales_ready.any()

    def test_free_work_pays_wherever_a_win_does(self) -> None:
        found = decide(threshold(profit_cut=0.0), P, given_win=np.array([5.0, 5.0, -5.0]))
        assert found.sales_ready.tolist() == [False, True, False]

    def test_nobody_where_margins_are_not_known(self) -> None:
        assert not decide(threshold(profit_cut=0.0), P).sales_ready.any()


@pytest.mark.parametrize("cost", [None, 0.0, 100.0])
@pytest.mark.parametrize("given_win", [-5.0, 0.0, 99.0, 190.0, 1000.0])
def test_one_lead_is_decided_as_many_are(cost: float | None, given_win: float) -> None:
    rule = HandoffRule(threshold(profit_cut=cost))
    for p in P.tolist():
        many = rule.of(np.array([p]), given_win=np.array([given_win]))
        cut, ready = rule.at(p, given_win=given_win)
        assert ready is bool(many.sales_ready[0])
        assert cut == (None if np.isnan(many.cut[0]) else many.cut[0])
