"""Which leads set the cut: one of each account, and the newest alone where they close unlike."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, norm

from leadml.evaluation.pool import (
    Asked,
    Pool,
    cohort_of,
    fewest_wins,
    first_power,
    first_size,
    level_distance,
    one_per_account,
)

ASKED = Asked(rate=0.3, confidence=0.95, floor=0.15)
DAY = 86_400_000_000


def periods(*parts: tuple[int, int, float]) -> Pool:
    """Return blocks of (leads, wins, prediction), a lead a day; wins are spread evenly."""
    y = [((np.arange(n) + 1) * won // n - np.arange(n) * won // n) for n, won, _ in parts]
    leads = sum(n for n, _, _ in parts)
    return Pool(
        p=np.concatenate([np.full(n, p) for n, _, p in parts]),
        y=np.concatenate(y).astype(np.int8),
        worked=np.ones(leads, bool),
        period=np.repeat(np.arange(len(parts)), [n for n, _, _ in parts]),
        at=np.arange(leads) * DAY,
    )


class TestOnePerAccount:
    POOL = replace(
        Pool.of(np.array([0.1, 0.2, 0.3, 0.4, 0.5]), np.array([1, 0, 0, 1, 0], np.int8)),
        account=np.array([7, 7, 3, 7, 9]),
        lot=np.array([5, 2, 9, 4, 1], np.uint64),
    )

    def test_the_lowest_lot_of_each_in_the_leads_order(self) -> None:
        assert one_per_account(self.POOL).p.tolist() == [0.2, 0.3, 0.5]

    def test_no_outcome_has_a_say(self) -> None:
        turned = replace(self.POOL, y=1 - self.POOL.y)
        assert one_per_account(turned).p.tolist() == one_per_account(self.POOL).p.tolist()

    def test_all_where_accounts_are_not_known(self) -> None:
        assert one_per_account(replace(self.POOL, account=None)).p.tolist() == self.POOL.p.tolist()


def test_joined_leads_stand_in_time_order_and_keep_what_both_know() -> None:
    here = replace(periods((3, 1, 0.4)), points_ready=np.array([True, False, True]))
    there = replace(periods((2, 0, 0.2)), at=np.array([0, 3]) * DAY + 1)
    both = here.joined(there)
    assert both.p.tolist() == [0.4, 0.2, 0.4, 0.4, 0.2]
    assert both.points_ready is None
    assert replace(here, every=3.0).joined(there).take(np.array([0])).every == 3.0
    undated = replace(here, at=None).joined(replace(there, at=None))
    assert undated.p.tolist() == [0.4, 0.4, 0.4, 0.2, 0.2]


class TestLevel:
    def test_worked_by_hand(self) -> None:
        # All were given .5 and 110 of 200 closed, so .55 is expected of every lead: of the newest
        # hundred 55, and 60 closed. Each tells .55 * .45 = .2475: the variance of that difference
        # is 24.75 * 24.75 / 49.5 = 12.375, and 5 / sqrt(12.375) = 1.421.
        pool = periods((100, 50, 0.5), (100, 60, 0.5))
        distance = level_distance(pool.p, pool.y, pool.period == 1)
        assert distance == pytest.approx(5 / np.sqrt(12.375))

    def test_a_common_level_does_not_count(self) -> None:
        # both periods close at half of what was said of them
        pool = periods((400, 80, 0.4), (100, 20, 0.4))
        assert level_distance(pool.p, pool.y, pool.period == 1) == pytest.approx(0, abs=1e-9)

    def test_it_is_standard_normal_where_the_level_is_one(self) -> None:
        random = np.random.default_rng(3)
        newest, found = np.arange(500) >= 400, []
        for _ in range(400):
            p = 1 / (1 + np.exp(-random.normal(-1, 1, 500)))
            y = (random.random(500) < p).astype(np.int8)
            found.append(level_distance(p, y, newest))
        assert abs(np.mean(found)) < 0.15  # three standard errors of a mean of 400
        assert 0.9 < np.std(found) < 1.1


class TestCohort:
    def test_undated_leads_are_all_pooled_and_that_is_said(self) -> None:
        pool = Pool.of(np.full(100, 0.4), np.tile([0, 1], 50).astype(np.int8))
        cohort = cohort_of(pool, ASKED)
        assert len(cohort.pool) == 100
        assert "drawn at random" in cohort.why

    def test_one_period(self) -> None:
        assert cohort_of(periods((100, 30, 0.3)), ASKED).why.startswith("one period")

    def test_alike_periods_are_pooled(self) -> None:
        pool = periods((200, 80, 0.4), (200, 80, 0.4))
        cohort = cohort_of(pool, ASKED)
        assert len(cohort.pool) == 400
        assert "(p = 0.50)" in cohort.why

    @pytest.mark.parametrize(("older", "newer", "leads"), [(75, 85, 200), (85, 75, 100)])
    def test_worse_by_chance_of_one_in_ten_stands_alone_better_needs_one_in_two_hundred(
        self, older: int, newer: int, leads: int
    ) -> None:
        # five wins from the common level of .8: 5 / sqrt(8) = 1.77 standard errors, a chance of .04
        assert 0.005 < norm.sf(5 / np.sqrt(8)) < 0.1
        pool = periods((100, older, 0.8), (100, newer, 0.8))
        assert len(cohort_of(pool, ASKED).pool) == leads

    def test_much_better_stands_alone(self) -> None:
        cohort = cohort_of(periods((300, 90, 0.4), (100, 70, 0.4)), ASKED)
        assert len(cohort.pool) == 100
        assert "closed 70 of 100 where 40 were expected" in cohort.why
        assert "it alone sets the cut" in cohort.why
        assert not cohort.mixed

    def test_a_better_one_is_widened_until_the_first_group_has_power(self) -> None:
        # Every second lead lies below the floor, so the first group of 50 needs 100 leads: from
        # 60 on in steps of a twentieth (3), 99 hold 49 or 50 of them and 102 hold 51.
        older, newer = periods((300, 60, 0.4)), periods((60, 50, 0.4))
        pool = replace(
            older.joined(replace(newer, at=newer.at + 300 * DAY, period=newer.period + 1)),
            p=np.tile([0.6, 0.1], 180),
        )
        cohort = cohort_of(pool, ASKED)
        assert len(cohort.pool) == 102
        assert "widened for the test to have power" in cohort.why
        assert not cohort.mixed

    def test_a_worse_one_is_not_widened_with_leads_that_closed_better(self) -> None:
        # 30 of the newest 100 at .5 leave the first group no power; the leads before them closed
        # half the time, and would lend it wins.
        cohort = cohort_of(periods((300, 180, 0.5), (100, 30, 0.5)), ASKED)
        assert 100 <= len(cohort.pool) <= 105  # one step of five leads tells too little

    def test_a_worse_one_is_widened_with_leads_that_closed_alike(self) -> None:
        pool = periods((300, 180, 0.5), (100, 38, 0.5), (100, 38, 0.5))
        cohort = cohort_of(pool, ASKED)
        # 38 % of .5 is .76 of what was said; ratio * .5 = .38 for the first 50: 21 wins needed
        assert first_power(np.full(200, 0.5), 0.76, 0.3, 0.95) < 0.8
        assert 195 <= len(cohort.pool) <= 220  # until what is added no longer closes alike
        assert not cohort.mixed

    def test_with_too_few_wins_it_takes_older_ones_and_can_guarantee_nothing(self) -> None:
        # 6 wins of 60 are too few to read a cut from; 30 more leads bring 15 wins
        cohort = cohort_of(periods((300, 150, 0.5), (60, 6, 0.5)), ASKED)
        assert cohort.mixed
        assert int(cohort.pool.y.sum()) in (20, 21)
        assert "nothing is guaranteed" in cohort.why

    def test_leads_never_worked_have_no_say_but_come_along(self) -> None:
        pool = periods((300, 90, 0.4), (100, 70, 0.4))
        idle = replace(pool, worked=np.zeros(400, bool), y=np.zeros(400, np.int8))
        cohort = cohort_of(pool.joined(idle), ASKED)
        assert (int(cohort.pool.worked.sum()), len(cohort.pool)) == (100, 200)


def test_first_group() -> None:
    assert (first_size(40), first_size(999), first_size(2000)) == (50, 50, 100)


@pytest.mark.parametrize("leads", [3, 20, 50, 333])
def test_the_fewest_wins_pass_and_one_fewer_does_not(leads: int) -> None:
    wins = fewest_wins(leads, 0.3, 0.95)
    assert binom.sf(wins - 1, leads, 0.3) <= 0.05 < binom.sf(wins - 2, leads, 0.3)


def test_power_of_the_first_group() -> None:
    # the best 50 of 100 leads were given .6; at .7 times that they close at .42
    p: NDArray[np.float64] = np.repeat([0.6, 0.2], 50)
    assert first_power(p, 0.7, 0.3, 0.95) == pytest.approx(binom.sf(20, 50, 0.42))
    assert first_power(p[:49], 0.7, 0.3, 0.95) == 0.0
