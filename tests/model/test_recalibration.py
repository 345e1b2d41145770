"""A known change of level and slope is recovered; chance alone changes next to nothing."""

import numpy as np
import pytest

from leadml.model.recalibration import Refresh, refresh
from leadml.model.scorecard import probability


def leads(
    count: int, *, slope: float = 1.0, shift: float = 0.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    z = random.normal(-1.0, 1.2, count)
    return z, (random.random(count) < probability(slope * z + shift)).astype(np.int8)


@pytest.mark.parametrize(("slope", "shift"), [(1.0, -0.7), (1.0, 0.7), (0.6, 0.2), (1.5, 0.0)])
def test_a_known_change_is_recovered(slope: float, shift: float) -> None:
    found = refresh(*leads(40_000, slope=slope, shift=shift))
    assert found.line.slope == pytest.approx(slope, abs=0.04)
    assert found.line.intercept == pytest.approx(shift, abs=0.06)
    assert not found.level_only


def test_the_level_of_leads_with_one_score_by_hand() -> None:
    # 40 leads at log-odds 0, 30 won: observed log-odds log 3, standard error 1/sqrt(40 * 3/16).
    # Shrunk by 1 - (2/15)/(log 3)^2 = 1 - 0.133333/1.206949.
    found = refresh(np.zeros(40), np.array([1] * 30 + [0] * 10, np.int8))
    assert found.observed_shift == pytest.approx(np.log(3))
    assert found.error == pytest.approx(np.sqrt(2 / 15))
    assert found.shift == pytest.approx(np.log(3) * (1 - (2 / 15) / np.log(3) ** 2))
    assert found.line.slope == pytest.approx(1.0)  # one score says nothing of a slope: the prior


def test_a_shift_within_its_error_is_no_shift() -> None:
    # 40 leads at 0, 22 won: log-odds 0.2007, error 0.318.
    found = refresh(np.zeros(40), np.array([1] * 22 + [0] * 18, np.int8))
    assert found.observed_shift == pytest.approx(np.log(22 / 18))
    assert (found.shift, found.line.intercept) == (0.0, pytest.approx(0.0))


def test_the_mean_probability_becomes_the_close_rate_where_leads_are_many() -> None:
    z, y = leads(20_000, shift=-1.0, seed=3)
    line = refresh(z, y).line
    assert probability(line.apply(z)).mean() == pytest.approx(y.mean(), abs=0.002)


def test_few_leads_move_the_slope_little() -> None:
    slopes = [refresh(*leads(80, seed=seed)).line.slope for seed in range(60)]
    assert np.std(slopes) < 0.28  # 0.33 without the prior
    assert np.mean(slopes) == pytest.approx(1.0, abs=0.08)


def test_a_slope_that_turns_the_order_round_leaves_the_order_and_sets_the_level() -> None:
    z, y = leads(4000, slope=-1.0, shift=0.5)
    found = refresh(z, y)
    assert found.level_only
    assert found.line.slope == pytest.approx(1.0)
    assert probability(found.line.apply(z)).mean() == pytest.approx(y.mean(), abs=0.01)


def test_a_level_far_off_is_reached() -> None:
    z, y = leads(5000, shift=7.0)
    found: Refresh = refresh(z - 20, y)
    assert found.line.apply(z - 20).mean() == pytest.approx(z.mean() + 7, abs=0.6)
