"""The rehearsal: what was known at each origin, and shifts and trends that are recovered."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leadml.model.calibration import level_shift
from leadml.model.candidates import logistic
from leadml.model.rehearsal import Rehearsal, rehearse, shrunk, shrunk_shift, trend_of
from leadml.model.scorecard import probability
from leadml.snapshot.split import Folds, origins

DAY = 86_400_000_000
Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]


def world(a_year: float, *, leads: int = 3000, seed: int = 0) -> tuple[Numbers, Outcomes, Any]:
    """Return features, outcomes and moments: one lead every four hours, log-odds x - 1 + drift."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(leads, 2))
    days = np.arange(leads) / 6
    log_odds = x[:, 0] - 1 + a_year * (days - days.mean()) / 365
    y = (random.random(leads) < probability(log_odds)).astype(np.int8)
    return x, y, (days * DAY).round().astype(np.int64)


@pytest.fixture(scope="module")
def rising() -> tuple[Numbers, Outcomes, Rehearsal]:
    x, y, at = world(1.0)
    folds = origins(at, y, gap_days=60)
    return x, y, rehearse(x, y, categorical=np.zeros(2, bool), folds=folds)


class TestShrinking:
    def test_by_its_standard_error(self) -> None:
        # .5 * .25 / (.25 + .04); with an error as large as the spread half is left
        assert shrunk(0.5, 0.2, 0.5) == pytest.approx(0.5 * 0.25 / 0.29)
        assert shrunk(-0.4, 0.5, 0.5) == pytest.approx(-0.2)
        assert shrunk(0.5, 0.0, 0.5) == 0.5

    def test_the_shift_by_hand(self) -> None:
        # 100 leads at log-odds 0, 80 won: shift log 4 = 1.3863, error 1 / sqrt(100 * .16) = .25,
        # spread .5: times .25 / (.25 + .0625) = .8
        y = np.array([1] * 80 + [0] * 20, np.int8)
        assert shrunk_shift(np.zeros(100), y) == pytest.approx(0.8 * np.log(4))

    def test_a_weighted_shift_by_hand(self) -> None:
        # 50 leads of weight 3 with 40 won and 50 of weight 1 with 20 won: 140 of 200, 70 %, shift
        # log(7 / 3). Their worth is 200^2 / (450 + 50) = 80 leads: error 1 / sqrt(80 * .21).
        y = np.array([1] * 40 + [0] * 10 + [1] * 20 + [0] * 30, np.int8)
        weight = np.repeat([3.0, 1.0], 50)
        error = 1 / np.sqrt(80 * 0.21)
        found = shrunk_shift(np.zeros(100), y, weight)
        assert found == pytest.approx(np.log(7 / 3) * 0.25 / (0.25 + error**2))

    @pytest.mark.parametrize(("won", "lost"), [(19, 80), (80, 19)])
    def test_too_few_of_either_shift_nothing(self, won: int, lost: int) -> None:
        assert shrunk_shift(np.zeros(99), np.array([1] * won + [0] * lost, np.int8)) == 0.0


class TestTrend:
    def test_a_known_rate_is_found(self) -> None:
        # 30,000 leads over nearly 14 years: the error of a rate a year is about .004
        x, y, at = world(0.1, leads=30_000)
        trend = trend_of(x[:, 0] - 1, y, at, int(at[-1]) + 7 * DAY)
        assert trend.rate * 365 == pytest.approx(0.1, abs=0.012)
        assert (trend.first, trend.last) == (int(at[0]), int(at[-1]) + 7 * DAY)
        # the middle by weight p (1 - p), to a microsecond
        p = probability(x[:, 0] - 1)
        assert trend.zero == pytest.approx(np.average(at, weights=p * (1 - p)), abs=10)

    def test_two_days_by_hand(self) -> None:
        # 100 leads on day 0 with 50 won, 100 on day 2 with 73: log-odds 0 and .9946, at model
        # log-odds 0. Rate .4973 a day; its error 1/2 sqrt(1/25 + 1/19.71) = .1506; shrunk by
        # its spread: .7 / 365 = .001918 a day.
        y = np.array([1] * 50 + [0] * 50 + [1] * 73 + [0] * 27, np.int8)
        at = np.repeat([0, 2 * DAY], 100)
        trend = trend_of(np.zeros(200), y, at, last=2 * DAY)
        assert trend.zero == pytest.approx(DAY, abs=1)
        kept = 0.001918**2 / (0.001918**2 + 0.1506**2)
        assert trend.rate == pytest.approx(0.4973 * kept, rel=2e-3)

    def test_weights_count_leads_several_times(self) -> None:
        # Weight 3 for the wins of day 2 is 219 wins of 246: log-odds 2.0935, rate 1.0467 a day.
        y = np.array([1] * 50 + [0] * 50 + [1] * 73 + [0] * 27, np.int8)
        at = np.repeat([0, 2 * DAY], 100)
        weight = np.where((at > 0) & (y == 1), 3.0, 1.0)
        trend = trend_of(np.zeros(200), y, at, last=2 * DAY, weight=weight)
        # Error of a weighted rate: of day 2's log-odds 1/73 + 1/27 = .2251 squared (scaling wins
        # does not make them more), of day 0's .04: .5 sqrt(.0507 + .04).
        error = 0.5 * np.sqrt(1 / 73 + 1 / 27 + 0.04)
        kept = 0.001918**2 / (0.001918**2 + error**2)
        assert trend.rate == pytest.approx(1.0467 * kept, rel=5e-3)

    def test_nothing_to_fit(self) -> None:
        few = np.array([1] * 19 + [0] * 100, np.int8)
        at = np.arange(119) * DAY
        assert trend_of(np.zeros(119), few, at, last=2 * DAY).rate == 0.0
        y = np.array([0, 1] * 60, np.int8)
        assert trend_of(np.zeros(120), y, np.full(120, DAY), last=2 * DAY).rate == 0.0


class TestRehearsal:
    def test_predictions_are_of_models_that_never_saw_the_lead(
        self, rising: tuple[Numbers, Outcomes, Rehearsal]
    ) -> None:
        x, y, found = rising
        train, test = found.folds.pairs[2]
        machine = logistic(x[train], y[train], categorical=np.zeros(2, bool)).machine
        assert found.log_odds[test] == pytest.approx(machine.raw_log_odds(x[test]), abs=1e-12)
        assert np.isnan(found.log_odds[found.folds.pairs[0][1][0] - 1])
        assert found.tested.tolist() == list(range(found.tested[0], 3000))
        everything = logistic(x, y, categorical=np.zeros(2, bool)).machine
        assert found.machines[-1].raw_log_odds(x[:5]) == pytest.approx(
            everything.raw_log_odds(x[:5])
        )

    def test_at_an_origin_only_earlier_horizons_are_known(
        self, rising: tuple[Numbers, Outcomes, Rehearsal]
    ) -> None:
        _, y, found = rising
        for number, (train, test) in enumerate(found.folds):
            limit = found.folds.limit(number)
            assert limit == found.at[test[0]] - 60 * DAY
            assert found.limits[number] == limit >= found.at[train[-1]]
            assert found.trend_at(limit) == found.trends[number]
        assert found.trend_at(found.limits[0] - 1) is None
        assert found.limits[-1] == found.at[-1]  # the newest outcome of all
        assert found.trend_at(10**18) == found.trends[-1]
        # the shift: predictions of the newest 60 days that are known by then
        limit = found.folds.limit(7)
        rows = found.tested[(found.at[found.tested] <= limit)]
        rows = rows[found.at[rows] > limit - 60 * DAY]
        assert found.window == 60 * DAY
        assert found.shift_at(limit) == shrunk_shift(found.log_odds[rows], y[rows])
        assert found.shift_at(limit) > 0

    def test_corrections_by_rule(self, rising: tuple[Numbers, Outcomes, Rehearsal]) -> None:
        _, _, found = rising
        limit, as_of = found.limits[-1], np.array([480 * DAY, 500 * DAY])
        assert found.correction("none", limit, as_of).tolist() == [0.0, 0.0]
        shift = found.shift_at(limit)
        assert found.correction("shift", limit, as_of).tolist() == [shift, shift]
        trend = found.trends[-1]
        assert found.correction("trend", limit, as_of).tolist() == trend.of(as_of).tolist()
        assert found.correction("trend", -1, as_of).tolist() == [0.0, 0.0]

    def test_losses_are_those_of_the_tested_leads(
        self, rising: tuple[Numbers, Outcomes, Rehearsal]
    ) -> None:
        _, y, found = rising
        rows = found.tested
        p = probability(found.log_odds[rows])
        expected = -np.log(np.where(y[rows] == 1, p, 1 - p))
        assert found.losses("none") == pytest.approx(expected)
        p = probability(found.log_odds[rows] + found.forward("trend", found.folds)[rows])
        expected = -np.log(np.where(y[rows] == 1, p, 1 - p))
        assert found.losses("trend") == pytest.approx(expected)

    def test_a_trend_is_carried_as_far_as_the_rehearsal_went(
        self, rising: tuple[Numbers, Outcomes, Rehearsal]
    ) -> None:
        _, _, found = rising
        longest = max(int(np.ptp(found.at[test])) for _, test in found.folds)
        assert found.trends[-1].last == found.at[-1] + 60 * DAY + longest
        assert found.trends[0].last == found.limits[0] + 60 * DAY + longest

    def test_forward_corrects_each_fold_by_what_was_known(
        self, rising: tuple[Numbers, Outcomes, Rehearsal]
    ) -> None:
        _, _, found = rising
        added = found.forward("trend", found.folds)
        for number, (_, test) in enumerate(found.folds):
            assert (added[test] == found.trends[number].of(found.at[test])).all()
        assert (added[: found.tested[0]] == 0).all()
        undated = Folds(found.folds.pairs, ordered=False, gap_days=0.0)
        assert found.forward("trend", undated).tolist() == [0.0] * 3000

    def test_without_a_gap_the_window_is_a_block(self) -> None:
        x, y, at = world(0.0, leads=600)
        folds = origins(at, y, gap_days=0)
        found = rehearse(x, y, categorical=np.zeros(2, bool), folds=folds)
        assert found.window == max(int(np.ptp(at[test])) for _, test in folds)

    def test_what_leads_stand_for_counts_in_losses_and_shifts(self) -> None:
        x, y, at = world(1.0, leads=1500)
        folds = origins(at, y, gap_days=30)
        own = np.where(np.arange(1500) % 7 == 0, 4.0, 1.0)
        plain = rehearse(x, y, categorical=np.zeros(2, bool), folds=folds)
        found = rehearse(x, y, categorical=np.zeros(2, bool), folds=replace(folds, stands_for=own))
        np.testing.assert_array_equal(found.log_odds, plain.log_odds)  # fits are weighed apart
        mean = np.average(plain.losses("none"), weights=own[plain.tested])
        assert found.losses("none").mean() == pytest.approx(mean)
        limit = found.limits[-1]
        newest = found.tested[found.at[found.tested] > limit - found.window]
        assert found.shift_at(limit) == pytest.approx(
            shrunk_shift(plain.log_odds[newest], y[newest], own[newest])
        )
        assert found.shift_at(limit) != plain.shift_at(limit)

    def test_weights_reach_the_fits(self) -> None:
        x, y, at = world(0.0, leads=600)
        folds = origins(at, y, gap_days=0)
        weights = [np.where(y[train] == 1, 2.0, 1.0) for train, _ in folds]
        found = rehearse(x, y, categorical=np.zeros(2, bool), folds=folds, weights=[*weights, None])
        plain = rehearse(x, y, categorical=np.zeros(2, bool), folds=folds)
        assert np.nanmean(found.log_odds) > np.nanmean(plain.log_odds) + 0.4  # about log 2
        assert found.machines[-1] == plain.machines[-1]

    def test_levels_unseen_in_training_count_as_missing(self) -> None:
        x, y, at = world(0.0, leads=600)
        x[:, 1] = np.arange(600) // 60
        folds = origins(at, y, gap_days=0)
        found = rehearse(x, y, categorical=np.array([False, True]), folds=folds)
        train, test = folds.pairs[-1]
        told = x[test].copy()
        told[~np.isin(told[:, 1], x[train, 1]), 1] = np.nan
        assert np.isnan(told).any()
        machine = logistic(x[train], y[train], categorical=np.array([False, True])).machine
        assert found.log_odds[test] == pytest.approx(machine.raw_log_odds(told), abs=1e-12)


def test_out_of_time_predictions_are_off_by_what_the_level_moved_meanwhile() -> None:
    # Log-odds rise by .1 a year for nearly 14 years: a test block is off by .1 a year between the
    # middle of its training part and its own middle.
    x, y, at = world(0.1, leads=30_000)
    folds = origins(at, y, gap_days=60)
    found = rehearse(x, y, categorical=np.zeros(2, bool), folds=folds)
    for train, test in folds:
        years = (at[test].mean() - at[train].mean()) / DAY / 365
        off = level_shift(found.log_odds[test], float(y[test].mean()))
        assert off == pytest.approx(0.1 * years, abs=0.12)  # 3,000 leads: error .045
    assert years > 6
