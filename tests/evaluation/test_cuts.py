"""Cuts that no outcome has a say in."""

from dataclasses import replace

import numpy as np
import pytest

from leadml.domain.handoff import HandoffPolicy
from leadml.evaluation.cuts import Cuts, cut_at, fixed_cuts, weeks_of
from leadml.evaluation.pool import Asked, Pool

ASKED = Asked(rate=0.3, confidence=0.95, floor=0.15)
WEEK = 7 * 86_400_000_000
P = np.linspace(0.9, 0.0, 91)  # .90, .89 ... .00


def pool(weeks: int = 10) -> Pool:
    """Return 91 leads, evenly over so many weeks."""
    known = Pool.of(P, np.zeros(91, np.int8))
    return replace(known, at=np.linspace(0, weeks * WEEK, 91).astype(np.int64))


def test_group_has_no_fixed_cut() -> None:
    assert fixed_cuts(pool(), ASKED, HandoffPolicy()) is None


@pytest.mark.parametrize(("floor", "cut"), [(0.15, 0.3), (0.4, 0.4)])
def test_each_is_cut_at_the_agreed_rate_or_at_a_higher_floor(floor: float, cut: float) -> None:
    found = fixed_cuts(pool(), replace(ASKED, floor=floor), HandoffPolicy(policy="each"))
    assert found == Cuts(cut)


class TestCapacity:
    def test_the_best_so_many_a_week(self) -> None:
        # 2.55 a week for ten weeks: the best 25 of 91, .90 down to .66
        found = fixed_cuts(pool(), ASKED, HandoffPolicy(policy="capacity", capacity=2.55))
        assert found is not None
        assert found.team == pytest.approx(0.66)
        assert found.above(pool()).sum() == 25

    def test_never_below_the_floor(self) -> None:
        found = fixed_cuts(pool(), ASKED, HandoffPolicy(policy="capacity", capacity=8.5))
        assert found == Cuts(0.15)  # 85 leads reach down to .06

    def test_time_for_everyone(self) -> None:
        found = fixed_cuts(pool(), ASKED, HandoffPolicy(policy="capacity", capacity=1000.0))
        assert found == Cuts(0.15)

    def test_of_each_representative(self) -> None:
        # Ann has every second lead (46 of 91), Bo 43 and Cy two, too few for a cut of his own.
        owner = np.array(["Ann" if i % 2 == 0 else "Bo" for i in range(91)], object)
        owner[[1, 3]] = "Cy"
        policy = HandoffPolicy(policy="capacity", capacity=1.0, capacity_per="rep")
        found = fixed_cuts(replace(pool(), owner=owner), ASKED, policy)
        assert found is not None
        # ten each in ten weeks: Ann's tenth is .72; Bo's leads begin at .85, his tenth is .67
        assert found.reps == {"Ann": pytest.approx(0.72), "Bo": pytest.approx(0.67)}
        assert found.team == pytest.approx(0.61)  # 30 of 91 for the three together
        above = found.above(replace(pool(), owner=owner))
        assert [int(above[owner == name].sum()) for name in ("Ann", "Bo", "Cy")] == [10, 10, 2]

    def test_without_owners_it_is_the_teams(self) -> None:
        policy = HandoffPolicy(policy="capacity", capacity=2.55, capacity_per="rep")
        found = fixed_cuts(pool(), ASKED, policy)
        assert found is not None
        assert not found.reps


class TestCutAt:
    def test_equal_leads_stay_together_and_are_never_too_many(self) -> None:
        p = np.array([0.9, 0.8, 0.8, 0.8, 0.7])
        assert cut_at(p, 3, 0.0) == 0.9
        assert cut_at(p, 4, 0.0) == 0.8

    def test_the_best_are_handed_off_even_where_they_tie(self) -> None:
        assert cut_at(np.array([0.8, 0.8, 0.1]), 1, 0.0) == 0.8

    def test_nobody_there(self) -> None:
        assert cut_at(np.zeros(0), 5, 0.15) == 0.15


def test_profit_asks_more_than_the_cost_of_every_lead_and_the_floor() -> None:
    found = fixed_cuts(pool(), ASKED, HandoffPolicy(policy="profit", cost=100.0))
    assert found == Cuts(0.15, cost=100.0)
    four = Pool.of(np.array([0.5, 0.5, 0.2, 0.1]), np.zeros(4, np.int8))
    # .5 * 200 is the cost itself, .5 * 201 more; .2 * 1000 pays; .1 lies below the floor
    margin = np.outer([200.0, 201.0, 1000.0, 9000.0], [0.5, 1.0, 2.0])
    assert found.above(replace(four, margin=margin)).tolist() == [False, True, True, False]


def test_weeks_between_first_and_last() -> None:
    assert weeks_of(pool(10)) == pytest.approx(10)
    assert weeks_of(replace(pool(10), every=2.0)) == pytest.approx(5)  # twice as many came in
    assert weeks_of(Pool.of(P, np.zeros(91, np.int8))) == 0.0
