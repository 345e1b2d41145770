"""The profit curve, worked by hand."""

import numpy as np
import pytest

from leadml.evaluation.profit import Point, Returns, profit_curve, profit_of_group

RETURNS = Returns(
    expected=np.array([10.0, 50.0, 20.0, 20.0]),
    low=np.array([0.0, 80.0, 10.0, 0.0]),
    value=np.array([0.0, 80.0, 30.0, 0.0]),
    high=np.array([0.0, 80.0, 60.0, 0.0]),
)
SCORE = RETURNS.expected


def test_margins_less_the_cost_of_work_from_the_best_lead_down() -> None:
    # in order 50; 20 and 20 together; 10, each less 15: expected 35, 45, 40; observed
    # 80 - 15 = 65, 110 - 45 = 65, 110 - 60 = 50
    found = profit_curve(SCORE, RETURNS, cost=15.0, points=5)
    assert [point.volume for point in found.curve] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert [point.leads for point in found.curve] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert [point.expected for point in found.curve] == [0.0, 35.0, 40.0, 45.0, 40.0]
    # between the two equals: the average over their order, 65 + (30 - 15 + 0 - 15) / 2
    assert [point.observed for point in found.curve] == [0.0, 65.0, 65.0, 65.0, 50.0]
    assert [point.observed_low for point in found.curve] == [0.0, 65.0, 55.0, 45.0, 30.0]
    assert [point.observed_high for point in found.curve] == [0.0, 65.0, 80.0, 95.0, 80.0]


def test_the_best_volume_is_told_beforehand_and_hindsight_is_not() -> None:
    found = profit_curve(SCORE, RETURNS, cost=15.0)
    assert found.best == Point(0.75, 3.0, 45.0, 65.0, 45.0, 95.0)
    assert found.hindsight == Point(0.25, 1.0, 35.0, 65.0, 65.0, 65.0)  # the smaller of equals


def test_without_a_cost_every_lead_pays() -> None:
    assert profit_curve(SCORE, RETURNS).best.volume == 4.0


def test_work_that_never_pays_is_not_done() -> None:
    found = profit_curve(SCORE, RETURNS, cost=1000.0)
    assert found.best == Point(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_equal_scores_are_never_parted() -> None:
    found = profit_curve(np.zeros(4), RETURNS, cost=15.0)
    assert found.best.volume == 4.0
    assert len(found.curve) == 101
    # half of all: half of 110 less two costs
    assert found.curve[50].observed == pytest.approx(55 - 30)


def test_a_group() -> None:
    group = np.array([True, True, False, False])
    assert profit_of_group(group, RETURNS, cost=15.0) == Point(0.5, 2.0, 30.0, 50.0, 50.0, 50.0)
    assert profit_of_group(~group & group, RETURNS) == Point(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_it_is_plain_data() -> None:
    told = profit_curve(SCORE, RETURNS, cost=15.0, points=3).to_dict()
    assert told["best"]["volume"] == 3.0
    assert told["curve"][2] == {
        "leads": 1.0,
        "volume": 4.0,
        "expected": 40.0,
        "observed": 50.0,
        "observed_low": 30.0,
        "observed_high": 80.0,
    }
