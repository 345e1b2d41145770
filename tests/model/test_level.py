"""The level: left alone where nothing moves, carried along where it does."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from leadml.model.level import Level, Option, choose_level
from leadml.model.rehearsal import Rehearsal, rehearse
from leadml.model.scorecard import Machine, Scorecard, probability
from leadml.model.trend import Trend
from leadml.snapshot.split import origins

DAY = 86_400_000_000


def rehearsed(a_year: float, *, seed: int = 0, leads: int = 6000) -> Rehearsal:
    """Rehearse two years of leads whose log-odds are x - 1 and drift by so much a year."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(leads, 1))
    days = np.sort(random.uniform(0, 730, leads))
    log_odds = x[:, 0] - 1 + a_year * (days - 365) / 365
    y = (random.random(leads) < probability(log_odds)).astype(np.int8)
    at = (days * DAY).round().astype(np.int64)
    return rehearse(x, y, categorical=np.zeros(1, bool), folds=origins(at, y, gap_days=90))


def losses(z: NDArray[np.float64], y: NDArray[np.int8]) -> NDArray[np.float64]:
    return np.logaddexp(0, z) - y * z


def test_a_rule_wins_by_one_standard_error() -> None:
    assert Option("shift", 0.5, gain=0.002, error=0.002).wins
    assert not Option("shift", 0.5, gain=0.0019, error=0.002).wins
    assert not Option("none", 0.5, gain=0.0, error=0.0).wins


@pytest.fixture(scope="module")
def rising() -> tuple[Rehearsal, Level]:
    found = rehearsed(1.0)
    return found, choose_level(found)


def test_where_the_level_drifts_the_trend_is_carried(rising: tuple[Rehearsal, Level]) -> None:
    rehearsal, level = rising
    assert level.chosen == "trend"
    assert level.trend == rehearsal.trends[-1]
    assert level.trend.rate * 365 == pytest.approx(1.0, abs=0.2)
    assert (level.shift, level.lag_days) == (0.0, 90.0)
    # 90 days after the newest outcome log-odds are 365 + 90 days' worth above the middle: 1.25
    assert level.trend.of(rehearsal.at[-1:] + 90 * DAY)[0] == pytest.approx(1.25, abs=0.25)


def test_options_are_measured_on_every_test_block(rising: tuple[Rehearsal, Level]) -> None:
    rehearsal, level = rising
    assert [option.name for option in level.options] == ["none", "shift", "trend"]
    rows = rehearsal.tested
    z, y = rehearsal.log_odds[rows], rehearsal.y[rows]
    none = losses(z, y)
    for option in level.options:
        own = losses(z + rehearsal.forward(option.name, rehearsal.folds)[rows], y)
        gain = none - own
        assert option.log_loss == pytest.approx(own.mean())
        assert option.gain == pytest.approx(gain.mean())
        ends = np.cumsum([len(test) for _, test in rehearsal.folds])[:-1]
        blocks = np.array([block.mean() for block in np.split(gain, ends)])
        by_lead = gain.std(ddof=1) / np.sqrt(len(rows))
        by_block = blocks.std(ddof=1) / np.sqrt(len(blocks))
        assert option.error == pytest.approx(max(by_lead, by_block))
    assert level.options[0].gain == 0.0
    assert level.options[2].log_loss < level.options[1].log_loss < level.options[0].log_loss


def test_where_nothing_drifts_it_is_left_alone() -> None:
    # 8 worlds: at least 7 of them
    chosen = [choose_level(rehearsed(0.0, seed=seed, leads=2500)) for seed in range(8)]
    alone = [level for level in chosen if level.chosen == "none"]
    assert len(alone) >= 7
    assert {(level.shift, level.trend) for level in alone} == {(0.0, None)}


def test_after_a_jump_the_level_is_shifted() -> None:
    # A new website at the middle of the time: from then on log-odds are 1 higher, and stay there.
    random = np.random.default_rng(1)
    days = np.sort(random.uniform(0, 1460, 8000))
    y = (random.random(8000) < probability(-1.5 + 1.0 * (days > 300))).astype(np.int8)
    at = (days * DAY).round().astype(np.int64)
    x = random.normal(size=(8000, 1))
    found = rehearse(x, y, categorical=np.zeros(1, bool), folds=origins(at, y, gap_days=30))
    level = choose_level(found)
    assert level.chosen == "shift"
    assert level.shift == found.shift_at(found.limits[-1]) > 0
    assert level.trend is None


def test_without_origins_it_is_left_alone() -> None:
    y, at = np.array([0, 1] * 30, np.int8), np.arange(60) * DAY
    folds = origins(at, y, gap_days=90)
    found = rehearse(np.zeros((60, 1)), y, categorical=np.zeros(1, bool), folds=folds)
    assert choose_level(found) == Level(lag_days=90.0)


def test_a_machine_at_a_level() -> None:
    trend = Trend(0.01, 0, 0, 100 * DAY)
    machine = Machine(((1.0, Scorecard(-1.0)),), slope=0.5, intercept=0.2)
    x, at = np.zeros((2, 1)), np.array([0, 50 * DAY])
    # .5 * -1 + .2 = -.3; shifted by .4; then .01 a day
    shifted = Level("shift", shift=0.4).on(machine)
    assert shifted.log_odds(x, at) == pytest.approx([0.1, 0.1])
    assert Level("trend", trend=trend).on(machine).log_odds(x, at) == pytest.approx([-0.3, 0.2])
    assert Level().on(machine) == machine


def test_to_dict(rising: tuple[Rehearsal, Level]) -> None:
    values = rising[1].to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert set(values) == {"chosen", "candidates", "lag_days", "shift", "trend"}
    assert set(values["candidates"][0]) == {"name", "log_loss", "gain", "error"}
    assert Level().to_dict()["trend"] is None
