"""Calibration recovers lines it should, and leaves alone what it cannot know."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from leadml.model.calibration import (
    Calibration,
    calibrate_forward,
    draw_in,
    fit_calibration,
    fit_points_line,
    level_shift,
    periods_of,
    share_kept,
)
from leadml.model.scorecard import probability
from leadml.snapshot.split import Folds

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]


def drawn(n: int, slope: float, intercept: float, seed: int = 0) -> tuple[Numbers, Outcomes]:
    """Return log-odds and outcomes whose true log-odds are a line in them."""
    random = np.random.default_rng(seed)
    z = random.normal(-1, 1.5, n)
    return z, (random.random(n) < probability(slope * z + intercept)).astype(np.int8)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, -1.0), (1.6, 0.8)])
def test_recovers_a_known_slope_and_keeps_the_level(slope: float, intercept: float) -> None:
    # 50,000 leads: standard errors are near .015. The level of the outcomes is no matter here.
    z, y = drawn(50_000, slope, intercept)
    line = fit_calibration(z, y)
    assert line.slope == pytest.approx(slope, abs=0.05)
    assert probability(line.apply(z)).mean() == pytest.approx(probability(z).mean(), abs=1e-9)
    assert not line.fell_back


def test_without_a_prior_it_is_plain_logistic_regression() -> None:
    z, y = drawn(500, 0.7, 0.3, seed=3)
    line = fit_calibration(z, y, spread=None)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(z[:, None], y)
    assert line.slope == pytest.approx(model.coef_[0, 0], abs=1e-5)


def test_few_leads_draw_the_slope_towards_one() -> None:
    # Prior of standard deviation .5: on 60 leads the slope lies between plain fit and 1.
    z, y = drawn(60, 0.4, 0.0, seed=4)
    plain = fit_calibration(z, y, spread=None).slope
    drawn_in = fit_calibration(z, y).slope
    assert 0 < plain < drawn_in < 1
    assert drawn_in == fit_calibration(z, y, spread=0.5).slope
    tight = fit_calibration(z, y, spread=1e-4)
    assert tight.slope == pytest.approx(1.0, abs=1e-3)


def test_a_falling_line_leaves_log_odds_as_they_are_and_says_so() -> None:
    z, y = drawn(2000, -1.0, 0.0, seed=2)
    assert fit_calibration(z, y) == Calibration(1.0, 0.0, fell_back=True)
    assert fit_calibration(z, y, spread=None).fell_back


@pytest.mark.parametrize(("won", "lost"), [(19, 500), (500, 19)])
def test_too_few_of_either_leaves_log_odds_as_they_are(won: int, lost: int) -> None:
    y = np.array([1] * won + [0] * lost, np.int8)
    assert fit_calibration(np.linspace(-1, 1, won + lost), y) == Calibration(1.0, 0.0)


def test_twenty_of_each_are_enough() -> None:
    # all the same: there is no slope to fit, and the level stays although 1 in 6 won
    same = np.array([1] * 20 + [0] * 100, np.int8)
    line = fit_calibration(np.zeros(120), same)
    assert (line.slope, line.intercept) == pytest.approx((1.0, 0.0), abs=1e-6)
    z, y = np.arange(40.0) / 10, np.array([0, 1] * 20, np.int8)
    assert fit_calibration(z, y).slope < 0.5  # won and lost alike: a flat line


def test_a_million_leads_and_far_off_log_odds() -> None:
    z, y = drawn(300_000, 0.8, 0.2)
    line = fit_calibration(100 + 5 * z, y)  # slope .8 / 5
    assert line.slope == pytest.approx(0.16, rel=0.02)


def test_the_level_shift_solves_for_the_share() -> None:
    # All at log-odds 0: log(.2 / .8) = -1.386. Half at -1, half at 1, share .5: 0 by symmetry.
    assert level_shift(np.zeros(7), 0.2) == pytest.approx(np.log(0.25))
    assert level_shift(np.array([-1.0, 1.0]), 0.5) == pytest.approx(0.0, abs=1e-12)
    assert level_shift(np.full(5, 30.0), 0.5) == pytest.approx(-30.0)


class TestPeriods:
    """The slope is that within periods, whatever their levels."""

    def test_levels_that_moved_are_no_ranking(self) -> None:
        # Within both periods the true slope is .5; predictions and outcomes rise between them.
        (a, won), (b, _) = drawn(20_000, 0.5, 0.0, seed=1), drawn(20_000, 0.5, 0.0, seed=2)
        random = np.random.default_rng(3)
        won_later = (random.random(20_000) < probability(0.5 * b + 3)).astype(np.int8)
        z, y = np.concatenate([a, b + 2]), np.concatenate([won, won_later])
        periods = np.repeat([4, 9], 20_000)
        assert fit_calibration(z, y, periods=periods).slope == pytest.approx(0.5, abs=0.04)
        assert fit_calibration(z, y).slope > 0.7

    def test_a_ranking_turned_round_within_periods_falls_back(self) -> None:
        # Within each period falling, over both rising
        (a, won), (b, _) = drawn(5000, -0.5, -2.0, seed=1), drawn(5000, -0.5, 0.0, seed=2)
        random = np.random.default_rng(3)
        won_later = (random.random(5000) < probability(-0.5 * b + 2)).astype(np.int8)
        z, y = np.concatenate([a, b + 6]), np.concatenate([won, won_later])
        assert fit_calibration(z, y).slope > 0
        found = fit_calibration(z, y, periods=np.repeat([0, 1], 5000))
        assert found == Calibration(1.0, 0.0, fell_back=True)

    def test_periods_that_disagree_leave_the_slope_near_1(self) -> None:
        # Slopes .2 and 1 over 20,000 leads each: over leads the error is .01, over the two periods
        # about .4, so that the slope of .5 or so is drawn half of the way to 1 and more.
        (a, won), (b, later) = drawn(20_000, 0.2, 0.0, seed=1), drawn(20_000, 1.0, 0.0, seed=2)
        z, y = np.concatenate([a, b]), np.concatenate([won, later])
        periods = np.repeat([0, 1], 20_000)
        plain = fit_calibration(z, y, periods=periods, spread=None).slope
        alike = fit_calibration(z, y, periods=np.tile([0, 1], 20_000)).slope
        drawn_in = fit_calibration(z, y, periods=periods).slope
        assert 0.4 < plain < 0.7
        assert alike == pytest.approx(plain, abs=0.03)  # periods that agree: next to no error
        assert (1 - drawn_in) / (1 - plain) < 0.75

    def test_one_period_is_plain(self) -> None:
        z, y = drawn(500, 0.7, 0.1)
        one = fit_calibration(z, y, periods=np.full(500, 7))
        assert one.slope == pytest.approx(fit_calibration(z, y).slope, abs=1e-6)

    def test_a_period_of_one_outcome_tells_nothing(self) -> None:
        z, y = drawn(500, 0.7, 0.1)
        more = np.concatenate([z, np.linspace(-9, 9, 50)])
        outcomes = np.concatenate([y, np.zeros(50, np.int8)])
        periods = np.repeat([0, 1], [500, 50])
        found = fit_calibration(more, outcomes, periods=periods)
        assert found.slope == pytest.approx(fit_calibration(z, y).slope, abs=1e-5)
        pure = fit_calibration(
            np.arange(60.0), np.repeat([0, 1], 30).astype(np.int8), periods=np.repeat([0, 1], 30)
        )
        assert pure == Calibration(1.0, pytest.approx(0.0, abs=1e-9))  # type: ignore[arg-type]

    def test_folds_are_the_periods(self) -> None:
        folds = in_order([np.array([1, 3]), np.array([0])])
        assert periods_of(folds, 5).tolist() == [1, 0, -1, 0, -1]


THREE = [np.arange(3000 * k, 3000 * (k + 1)) for k in range(3)]
NOBODY = np.empty(0, np.intp)


def in_order(tests: list[NDArray[np.intp]], **rest: Any) -> Folds:
    pairs = tuple((NOBODY, test) for test in tests)
    return Folds(pairs, ordered=True, **{"gap_days": 0.0, **rest})


def test_ordered_folds_are_calibrated_on_earlier_ones_only() -> None:
    # Fold 1 says nothing of slope 1; folds 2 and 3 follow other lines, which nobody knows yet.
    parts = [drawn(3000, 0.5, 1.0, seed=1), drawn(3000, 2.0, -1.0, 2), drawn(3000, 1.0, 0.0, 3)]
    z, y = (np.concatenate(part) for part in zip(*parts, strict=True))
    found = calibrate_forward(z, y, in_order(THREE))
    assert (found[THREE[0]] == z[THREE[0]]).all()  # nothing is earlier: as they are
    second = fit_calibration(z[:3000], y[:3000])
    third = fit_calibration(z[:6000], y[:6000], periods=np.repeat([0, 1], 3000))
    assert found[THREE[1]] == pytest.approx(second.apply(z[THREE[1]]), abs=1e-6)
    assert found[THREE[2]] == pytest.approx(third.apply(z[THREE[2]]), abs=1e-6)


def test_outcomes_not_known_when_the_test_began_are_not_used() -> None:
    # A lead a day, folds of 100 days, a horizon of 130: when the third test begins on day 200,
    # outcomes are known of leads up to day 70, the first 71; for the second (day 100) of none.
    z, y = drawn(300, 0.5, 1.0)
    tests = [np.arange(0, 100), np.arange(100, 200), np.arange(200, 300)]
    at = np.arange(300) * 86_400_000_000
    found = calibrate_forward(z, y, in_order(tests, at=at, gap_days=130.0))
    assert (found[:200] == z[:200]).all()
    assert found[200:] == pytest.approx(fit_calibration(z[:71], y[:71]).apply(z[200:]), abs=1e-6)


@given(st.integers(0, 100))
def test_what_comes_later_never_changes_an_ordered_fold(seed: int) -> None:
    z, y = drawn(300, 0.7, 0.1, seed)
    folds = [np.arange(0, 100), np.arange(100, 200), np.arange(200, 300)]
    before = calibrate_forward(z, y, in_order(folds))
    z[200:], y[200:] = -z[200:], 1 - y[200:]
    after = calibrate_forward(z, y, in_order(folds))
    assert (before[:200] == after[:200]).all()


def test_random_folds_are_calibrated_on_all_others() -> None:
    z, y = drawn(300, 0.7, 0.1)
    folds = [np.arange(0, 300, 3), np.arange(1, 300, 3), np.arange(2, 300, 3)]
    found = calibrate_forward(z, y, replace(in_order(folds), ordered=False))
    others = np.concatenate([folds[0], folds[2]])
    line = fit_calibration(z[others], y[others], periods=np.repeat([0, 2], 100))
    assert found[folds[1]] == pytest.approx(line.apply(z[folds[1]]), abs=1e-6)


def test_rows_in_no_fold_have_no_prediction() -> None:
    found = calibrate_forward(np.zeros(5), np.zeros(5, np.int8), in_order([np.array([1, 3])]))
    assert np.isnan(found).tolist() == [True, False, True, False, True]


class TestPointsLine:
    def test_recovers_what_points_are_worth(self) -> None:
        # log-odds = .02 points - 3, on 40,000 leads with 0 to 200 points
        random = np.random.default_rng(0)
        points = random.integers(0, 201, 40_000).astype(float)
        y = (random.random(40_000) < probability(0.02 * points - 3)).astype(np.int8)
        line = fit_points_line(points, y)
        assert line is not None
        assert (line.slope, line.intercept) == pytest.approx((0.02, -3.0), rel=0.04)

    def test_a_falling_line_is_kept(self) -> None:
        random = np.random.default_rng(0)
        points = random.integers(0, 100, 2000).astype(float)
        y = (random.random(2000) < probability(1 - 0.03 * points)).astype(np.int8)
        line = fit_points_line(points, y)
        assert line is not None
        assert line.slope == pytest.approx(-0.03, rel=0.15)

    def test_leads_without_points_are_passed_over(self) -> None:
        random = np.random.default_rng(0)
        points = random.integers(0, 100, 500).astype(float)
        y = (random.random(500) < probability(0.03 * points - 1)).astype(np.int8)
        known = fit_points_line(points, y)
        gaps = np.concatenate([points, np.full(50, np.nan)])
        assert fit_points_line(gaps, np.concatenate([y, np.ones(50, np.int8)])) == known

    def test_no_line_where_there_is_nothing_to_learn(self) -> None:
        y = np.array([1] * 30 + [0] * 30, np.int8)
        assert fit_points_line(np.full(60, 7.0), y) is None
        assert fit_points_line(np.full(60, np.nan), y) is None
        assert fit_points_line(np.arange(60.0), np.roll(y, 7)) is not None
        enough = np.array([1] * 20 + [0] * 20, np.int8)
        assert fit_points_line(np.arange(40.0) % 7, enough) is not None
        few = np.array([1] * 19 + [0] * 41, np.int8)
        assert fit_points_line(np.arange(60.0), few) is None

    def test_points_that_tell_all_give_a_finite_line(self) -> None:
        y = np.array([0] * 30 + [1] * 30, np.int8)
        line = fit_points_line(np.arange(60.0), y)
        assert line is not None
        assert np.isfinite([line.slope, line.intercept]).all()
        assert line.slope > 0


def test_to_dict() -> None:
    assert Calibration(0.5, -1.0).to_dict() == {"slope": 0.5, "intercept": -1.0}


def test_few_outcomes_vouch_for_a_part_of_the_differences() -> None:
    # 20² / (20² + 40²) = 0.2, whichever outcome is the rarer; 564 and more vouch for all.
    assert share_kept(20, 500) == share_kept(500, 20) == pytest.approx(0.2)
    assert share_kept(0, 10) == 0
    assert share_kept(563, 9000) < 1
    assert share_kept(565, 9000) == 1


def test_drawing_in_keeps_mean_and_order() -> None:
    z = np.random.default_rng(3).normal(-1.5, 1.0, 500)
    line = Calibration(0.8, 0.3)
    drawn_in = draw_in(line, z, 0.25)
    assert drawn_in.slope == pytest.approx(0.2)
    said, before = (probability(each.apply(z)) for each in (drawn_in, line))
    assert said.mean() == pytest.approx(before.mean(), abs=1e-9)
    assert said.std() < 0.3 * before.std()
    assert draw_in(line, z, 1.0) is line
    assert draw_in(line, z[:0], 0.5) is line


def test_a_weighted_level_by_hand() -> None:
    # Weights 3 and 1 at log-odds 0 and 0: the mean probability is that of the shift alone.
    assert level_shift(np.zeros(2), 0.8, np.array([3.0, 1.0])) == pytest.approx(np.log(4))
    shift = level_shift(np.array([0.0, 2.0]), 0.5, np.array([3.0, 1.0]))
    p = probability(np.array([0.0, 2.0]) + shift)
    assert 0.75 * p[0] + 0.25 * p[1] == pytest.approx(0.5)
    assert shift > level_shift(np.array([0.0, 2.0]), 0.5)
