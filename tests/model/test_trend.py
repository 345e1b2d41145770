"""A trend is a line in time between two moments, and level beyond them."""

import json

import numpy as np
import pytest

from leadml.data.values import NO_TIME
from leadml.model.trend import Trend

DAY = 86_400_000_000
TREND = Trend(rate=0.01, zero=10 * DAY, first=4 * DAY, last=30 * DAY)


def test_it_adds_its_rate_for_every_day_from_its_zero() -> None:
    # day 10: nothing; day 20: ten days at .01; half a day: .005
    found = TREND.of(np.array([10 * DAY, 20 * DAY, 10 * DAY + DAY // 2]))
    assert found == pytest.approx([0.0, 0.1, 0.005])


def test_beyond_its_ends_it_stands_still() -> None:
    # day 4 is six days before zero, day 30 twenty after
    found = TREND.of(np.array([0, 4 * DAY, 30 * DAY, 31 * DAY, 4000 * DAY]))
    assert found == pytest.approx([-0.06, -0.06, 0.2, 0.2, 0.2])


def test_a_lead_without_a_moment_counts_as_the_latest() -> None:
    assert TREND.of(np.array([NO_TIME])) == pytest.approx([0.2])


def test_there_and_back() -> None:
    assert Trend.from_dict(json.loads(json.dumps(TREND.to_dict()))) == TREND
