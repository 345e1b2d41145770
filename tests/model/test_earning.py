"""Features earn their place out of time, or not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from leadml.model.earning import ERRORS, Gain, gain_of
from leadml.snapshot.split import Folds, stratified_folds

LEADS = 1500
WHICH = np.array([False, True])


def leads_of(effect: float, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int8], Folds]:
    """Draw leads of which the first feature tells something, and the second as much as `effect`."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(LEADS, 2))
    chance = 1 / (1 + np.exp(-(0.8 * x[:, 0] + effect * x[:, 1])))
    y = (random.random(LEADS) < chance).astype(np.int8)
    return x, y, stratified_folds(y, groups=None, seed=0)


def gained(effect: float, seed: int) -> Gain:
    x, y, folds = leads_of(effect, seed)
    return gain_of(x, y, WHICH, categorical=np.zeros(2, bool), folds=folds)


def test_what_tells_something_is_a_clear_gain() -> None:
    found = gained(0.8, 0)
    assert found.clear
    assert found.leads == LEADS
    # the mean log loss of the true chances with the feature and without it differs by about .06
    assert found.mean == pytest.approx(0.06, abs=0.03)


def test_what_tells_nothing_hardly_ever_is() -> None:
    assert sum(gained(0.0, seed).clear for seed in range(10)) <= 1


def test_a_gain_is_clear_beyond_two_errors() -> None:
    assert ERRORS == 2
    assert Gain(mean=0.0021, error=0.001, leads=9).clear
    assert not Gain(mean=0.0020, error=0.001, leads=9).clear
    assert not Gain(mean=-0.1, error=0.001, leads=9).clear


def test_mean_and_error_are_those_of_the_paired_losses() -> None:
    # A constant feature changes nothing: every lead's loss is the same with and without it.
    x, y, folds = leads_of(0.8, 1)
    x[:, 1] = 5.0
    found = gain_of(x, y, WHICH, categorical=np.zeros(2, bool), folds=folds)
    assert (found.mean, found.error) == (pytest.approx(0, abs=1e-6), pytest.approx(0, abs=1e-6))
