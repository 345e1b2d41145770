import numpy as np
import pytest

from leadml.evaluation.descent import Slope

WON = np.array([1, 1, 0, 1, 0, 0], bool)
SCORE = np.array([9.0, 8, 7, 7, 3, 1])
MARGIN = np.array([100.0, 50, 0, 30, 0, 0])


def descent(weight: np.ndarray | None = None) -> object:
    return Slope(WON, SCORE, MARGIN).descent(np.ones(6) if weight is None else weight)


def test_wins_and_margin_from_the_top_with_ties_shared() -> None:
    walked = descent()
    assert [walked.wins(n) for n in (0, 1, 2, 3, 4, 6)] == [0, 1, 2, 2.5, 3, 3]
    assert [walked.money(n) for n in (1, 2, 3, 4)] == [100, 150, 165, 180]


def test_the_volume_at_a_close_rate() -> None:
    walked = descent()
    # 3 of the best 4 won; then 3 of 5, 3 of 6: at .75 four leads, at .6 five, at .5 all.
    assert [walked.volume(rate) for rate in (0.75, 0.6, 0.5)] == [4, 5, 6]
    # between: 3 wins are .7 of 3 / .7 = 4.29 leads
    assert walked.volume(0.7) == pytest.approx(3 / 0.7)
    # nobody closes at more than 1
    assert walked.volume(1.0) == 2


def test_the_close_rate_may_be_lower_in_between() -> None:
    lost_first = Slope(np.array([0, 1, 1, 0], bool), np.array([4.0, 3, 2, 1]))
    assert lost_first.descent(np.ones(4)).volume(0.6) == pytest.approx(2 / 0.6)


def test_nobody_closes_at_the_rate() -> None:
    none = Slope(np.array([0, 1, 0, 0], bool), np.array([4.0, 3, 2, 1]))
    assert none.descent(np.ones(4)).volume(0.8) == 0


def test_weights_count_leads_more_than_once() -> None:
    weight = np.array([0.0, 2, 1, 1, 1, 1])
    walked = descent(weight)
    assert (walked.wins(2), walked.money(2), walked.leads[-1]) == (2, 100, 6)


def test_area_under_the_curve_from_a_walk() -> None:
    slope = Slope(WON, SCORE)
    # Won 9 and 8 outrank 7, 3, 1; won 7 ties with 7 and outranks two: (3 + 3 + 2.5) / 9
    assert slope.auc(slope.descent(np.ones(6))) == pytest.approx(8.5 / 9)
    assert np.isnan(slope.auc(slope.descent(WON.astype(float))))
