"""Features that helped and then hurt are left out; sound ones stay."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from leadml.model.hurting import Hurt, Pruned, prune, suspects
from leadml.model.rehearsal import rehearse
from leadml.model.scorecard import probability
from leadml.snapshot.split import Folds, origins

DAY = 86_400_000_000
Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]


def world(turn: float, seed: int = 0) -> tuple[Numbers, Outcomes, Folds]:
    """Return four features over 600 days: the first always speaks for a win, the second until
    a day and then against it, the others never say anything."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(4000, 4))
    days = np.sort(random.uniform(0, 600, 4000))
    sign = np.where(days < turn, 1.0, -1.0)
    y = (random.random(4000) < probability(x[:, 0] + sign * x[:, 1] - 1)).astype(np.int8)
    folds = origins((days * DAY).round().astype(np.int64), y, gap_days=30)
    return x, y, folds


@pytest.fixture(scope="module")
def turned() -> Pruned:
    x, y, folds = world(turn=480)
    return prune(x, y, categorical=np.zeros(4, bool), folds=folds)


def test_what_turned_round_is_left_out(turned: Pruned) -> None:
    assert turned.kept.tolist() == [True, False, True, True]
    (hurt,) = turned.hurt
    assert hurt.feature == 1
    assert hurt.helped > 0.01
    assert hurt.hurt > 0.05
    assert hurt.gain > 0.05
    newest = turned.rehearsal.folds.pairs[-2:]  # two of eight blocks
    assert hurt.leads == sum(len(test) for _, test in newest)


def test_what_is_left_is_rehearsed_without_it(turned: Pruned) -> None:
    x, y, folds = world(turn=480)
    again = rehearse(x[:, turned.kept], y, categorical=np.zeros(3, bool), folds=folds)
    assert np.array_equal(turned.rehearsal.log_odds, again.log_odds, equal_nan=True)
    before = rehearse(x, y, categorical=np.zeros(4, bool), folds=folds)
    gain = before.losses("none") - again.losses("none")
    assert turned.hurt[0].gain == pytest.approx(gain[-turned.hurt[0].leads :].mean())


def test_terms_against_their_mean_by_hand() -> None:
    # The gain of a term: log loss with its mean over the training part in its place, less log loss.
    x, y, folds = world(turn=480)
    rehearsal = rehearse(x, y, categorical=np.zeros(4, bool), folds=folds)
    (found,) = suspects(rehearsal, x, np.zeros(4, bool))
    gains = []
    for number, (train, test) in enumerate(folds):
        machine = rehearsal.machines[number]
        term = machine.contributions(x)[:, 1]
        z = rehearsal.log_odds[test]
        flat = z - term[test] + term[train].mean()
        own, other = (np.logaddexp(0, v) - y[test] * v for v in (z, flat))
        gains.append(other - own)
    assert found.feature == 1
    assert found.helped == pytest.approx(np.concatenate(gains[:6]).mean())
    assert found.hurt == pytest.approx(-np.concatenate(gains[6:]).mean())


def test_one_that_is_spared_stays() -> None:
    x, y, folds = world(turn=480)
    spared = np.array([False, True, False, False])
    found = prune(x, y, categorical=np.zeros(4, bool), folds=folds, spared=spared)
    assert found.kept.all()
    assert found.hurt == ()


def test_one_that_hurts_all_along_was_never_a_help() -> None:
    # turned from the first test block on: nothing helped earlier, so it is no drift to be found
    x, y, folds = world(turn=130)
    assert prune(x, y, categorical=np.zeros(4, bool), folds=folds).hurt == ()


@pytest.mark.parametrize("seed", range(5))
def test_sound_features_stay(seed: int) -> None:
    x, y, folds = world(turn=1000, seed=seed)
    assert prune(x, y, categorical=np.zeros(4, bool), folds=folds).hurt == ()


def test_a_past_of_few_blocks_says_nothing() -> None:
    x, y, folds = world(turn=480)
    few = replace(folds, pairs=folds.pairs[-3:])
    found = prune(x, y, categorical=np.zeros(4, bool), folds=few)
    assert found.hurt == ()
    four = prune(x, y, categorical=np.zeros(4, bool), folds=replace(folds, pairs=folds.pairs[-4:]))
    assert isinstance(four, Pruned)


def test_texts_too() -> None:
    # levels 0 and 1 change places; a level that training never saw counts as missing
    random = np.random.default_rng(0)
    x = random.integers(0, 2, (4000, 2)).astype(float)
    days = np.linspace(0, 600, 4000)
    x[days > 550, 0] = np.where(random.random(int((days > 550).sum())) < 0.1, 2, x[days > 550, 0])
    sign = np.where(days < 480, 1.0, -1.0)
    y = (random.random(4000) < probability(sign * (2 * (x[:, 0] == 1) - 1) - 1)).astype(np.int8)
    folds = origins((days * DAY).round().astype(np.int64), y, gap_days=30)
    found = prune(x, y, categorical=np.ones(2, bool), folds=folds)
    assert found.kept.tolist() == [False, True]


def test_a_hurt_is_plain_figures() -> None:
    assert Hurt(1, 0.1, 0.2, 0.15, 80) == Hurt(1, 0.1, 0.2, 0.15, 80)
