"""The group above a cut: what proves it, and how much is missing."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from leadml.evaluation.cuts import Cuts
from leadml.evaluation.group import Group, by_points, fixed, loosest
from leadml.evaluation.pool import Asked, Pool, fewest_wins

ASKED = Asked(rate=0.3, confidence=0.95, floor=0.15)


def blocks(*parts: tuple[int, int, float]) -> Pool:
    """Return blocks of (leads, wins, prediction), the wins first."""
    y = [np.arange(leads) < won for leads, won, _ in parts]
    p = [np.full(leads, said) for leads, _, said in parts]
    return Pool.of(np.concatenate(p), np.concatenate(y).astype(np.int8))


class TestLoosest:
    def test_nobody_below_the_floor(self) -> None:
        # 80 of 100 at .6 would carry 100 more leads at .1: 80 of 200 is well above 30 %.
        strong = blocks((100, 80, 0.6), (100, 0, 0.1))
        assert loosest(strong, ASKED).volume == 100
        found = loosest(strong, replace(ASKED, floor=0.0))
        assert (found.basis, found.volume) == ("guaranteed", 200)

    def test_a_lead_at_the_floor_is_handed_off(self) -> None:
        found = loosest(blocks((100, 80, 0.6), (100, 0, 0.15)), ASKED)
        assert (found.volume, found.cuts) == (200, Cuts(0.15))

    def test_an_estimate_must_be_reached_as_predicted_too(self) -> None:
        # 60 leads at .4 and 60 at .16: 18 + 19 of 120 is .308 as observed, .28 as predicted.
        found = loosest(blocks((60, 19, 0.4), (60, 18, 0.16)), ASKED)
        assert binom.sf(18, 60, 0.3) > 0.05
        assert (found.basis, found.volume, found.won) == ("estimated", 60, 19)
        # were 60 leads at .2, .3 would be predicted of all 120
        found = loosest(blocks((60, 19, 0.4), (60, 18, 0.2)), ASKED)
        assert (found.basis, found.volume, found.won) == ("estimated", 120, 37)


class TestFixed:
    def test_tested_once(self) -> None:
        wins = fewest_wins(40, 0.3, 0.95)
        for won, basis in ((wins, "guaranteed"), (wins - 1, "estimated")):
            found = fixed(blocks((40, won, 0.5), (60, 60, 0.2)), Cuts(0.3), ASKED)
            assert (found.basis, found.volume, found.won, found.looks) == (basis, 40, won, 1)

    def test_nobody_above(self) -> None:
        found = fixed(blocks((40, 20, 0.2)), Cuts(0.3), ASKED)
        assert (found.basis, found.volume, found.cuts) == ("estimated", 0, Cuts(0.3))


class TestMoreOutcomes:
    @pytest.mark.parametrize(("won", "leads"), [(14, 39), (20, 50), (33, 100)])
    def test_with_them_the_test_passes_four_times_in_five(self, won: int, leads: int) -> None:
        more = Group("estimated", Cuts(0.2), leads, won).more_outcomes(ASKED)
        assert more is not None
        for extra in (0, 1, 2, 50):
            n = leads + more + extra
            assert binom.sf(fewest_wins(n, 0.3, 0.95) - 1, n, won / leads) >= 0.8
        n = leads + more - 1
        assert binom.sf(fewest_wins(n, 0.3, 0.95) - 1, n, won / leads) < 0.8

    def test_none_are_missing_once_it_has_passed(self) -> None:
        assert Group("guaranteed", Cuts(0.2), 50, 30).more_outcomes(ASKED) == 0

    def test_no_number_settles_a_rate_that_is_not_above_the_agreed_one(self) -> None:
        assert Group("estimated", Cuts(0.2), 100, 30).more_outcomes(ASKED) is None
        assert Group("estimated", Cuts(0.2), 100, 31).more_outcomes(ASKED) is not None

    def test_a_rate_very_near_takes_very_many(self) -> None:
        # .301 against .3: ((1.645 + .842) ** 2 * .21) / .001 ** 2 = 1.3 million
        more = Group("estimated", Cuts(0.2), 1000, 301).more_outcomes(ASKED)
        assert more == pytest.approx(1.3e6, rel=0.01)

    def test_enough_outcomes_that_a_stricter_group_kept_from_being_tested(self) -> None:
        # 400 of 1,000 would pass by far
        assert Group("estimated", Cuts(0.2), 1000, 400).more_outcomes(ASKED) == 0

    def test_points_are_not_tested(self) -> None:
        assert Group("points", None, 39, 14).more_outcomes(ASKED) is None


def test_by_points() -> None:
    pool = blocks((10, 5, 0.5))
    assert by_points(pool) == Group("none")
    ready = np.arange(10) % 2 == 0  # the leads 0, 2, 4, 6, 8; those up to 4 won
    assert by_points(replace(pool, points_ready=ready)) == Group("points", None, 5, 3)
