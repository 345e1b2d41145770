"""Predictions of which every choice was made before their outcomes."""

import numpy as np
import pytest
from numpy.typing import NDArray

from leadml.model.calibration import calibrate_forward
from leadml.model.prequential import prequential
from leadml.model.search import BLENDED, Try
from leadml.snapshot.split import Folds, rolling_folds

DAY = 86_400_000_000
LEADS = 1800  # over 565 wins and losses, from which on predictions are not drawn in
Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]


def world(seed: int = 0) -> tuple[Numbers, Outcomes, Folds]:
    """Return true log-odds, outcomes and five folds in time order, thirty days apart."""
    random = np.random.default_rng(seed)
    truth = random.normal(-0.5, 1.5, LEADS)
    y = (random.random(LEADS) < 1 / (1 + np.exp(-truth))).astype(np.int8)
    at = np.arange(LEADS, dtype=np.int64) * DAY // 3
    return truth, y, rolling_folds(at, y, gap_days=30)


def tries_of(said: dict[str, list[Numbers]], y: Outcomes, folds: Folds) -> dict[str, list[Try]]:
    return {
        name: [Try(values, calibrate_forward(values, y, folds)) for values in own]
        for name, own in said.items()
    }


def candidates(truth: Numbers, y: Outcomes, good: str, seed: int = 1) -> dict[str, list[Numbers]]:
    """Return what each candidate says: one the truth, the others noise, the base rate nothing."""
    random = np.random.default_rng(seed)
    level = np.full(LEADS, np.log(y.mean() / (1 - y.mean())))
    said = {name: [level + random.normal(0, 1, LEADS)] for name in BLENDED}
    return {"base_rate": [level]} | said | {good: [truth]}


def test_the_first_fold_knows_nothing_and_the_later_ones_what_had_done_best() -> None:
    truth, y, folds = world()
    found = prequential(tries_of(candidates(truth, y, "additive"), y, folds), y, folds)
    assert found.chosen[0] == "blend"
    assert set(found.chosen[2:]) == {"additive"}
    assert np.isfinite(found.log_odds[np.concatenate([test for _, test in folds])]).all()
    assert np.isnan(found.log_odds[: folds.pairs[0][1][0]]).all()


def test_the_first_fold_is_the_blend_of_equal_shares_at_the_middle_setting() -> None:
    truth, y, folds = world()
    said = candidates(truth, y, "full")
    said["logistic"] = [truth * 0, truth + 0.5, truth * 9]  # the second of three
    found = prequential(tries_of(said, y, folds), y, folds)
    test = folds.pairs[0][1]
    expected = np.mean([truth + 0.5, said["additive"][0], truth], axis=0)[test]
    assert found.log_odds[test] == pytest.approx(expected)


def test_outcomes_of_a_fold_change_nothing_said_of_it_or_before() -> None:
    # Outcomes of the last two folds are shuffled: the same number of wins, other leads. Whatever
    # is said of the first four folds must stay as it was to the last digit.
    truth, y, folds = world()
    said = candidates(truth, y, "full")
    before = prequential(tries_of(said, y, folds), y, folds)
    last = np.concatenate([test for _, test in folds.pairs[3:]])
    turned = y.copy()
    turned[last] = np.random.default_rng(5).permutation(y[last])
    after = prequential(tries_of(said, turned, folds), turned, folds)
    untouched = np.concatenate([test for _, test in folds.pairs[:4]])
    assert (before.log_odds[untouched] == after.log_odds[untouched]).all()
    assert before.chosen[:4] == after.chosen[:4]


def test_the_winner_of_all_folds_is_not_told_to_the_earlier_ones() -> None:
    # Until the last fold the additive one is right, in it the full one: chosen on all folds it
    # would predict them all.
    truth, y, folds = world()
    said = candidates(truth, y, "additive")
    last = folds.pairs[4][1]
    said["full"][0][last] = 8 * (2.0 * y[last] - 1)
    found = prequential(tries_of(said, y, folds), y, folds)
    assert "full" not in found.chosen


def test_settings_are_chosen_by_what_was_known_too() -> None:
    truth, y, folds = world()
    said = candidates(truth, y, "logistic")
    last = folds.pairs[4][1]
    cheat = truth * 0.0 + np.random.default_rng(2).normal(0, 1, LEADS)
    cheat[last] = 8 * (2.0 * y[last] - 1)
    said["logistic"] = [truth, cheat]
    found = prequential(tries_of(said, y, folds), y, folds)
    correlation = np.corrcoef(found.log_odds[last], truth[last])[0, 1]
    assert correlation > 0.99


def test_the_level_known_by_then_is_added() -> None:
    truth, y, folds = world()
    tries = tries_of(candidates(truth, y, "full"), y, folds)
    plain = prequential(tries, y, folds)
    level = np.linspace(0, 1, LEADS)
    first = folds.pairs[0][1]
    raised = prequential(tries, y, folds, level=level)
    assert raised.log_odds[first] == pytest.approx(plain.log_odds[first] + level[first])


def test_with_few_wins_leads_lie_less_far_apart() -> None:
    # 45 wins of 1,800: 45 ** 2 / (45 ** 2 + 40 ** 2) = .559 of the differences are kept
    truth, _, _ = world()
    y = np.zeros(LEADS, np.int8)
    y[np.random.default_rng(3).permutation(LEADS)[:45]] = 1
    folds = rolling_folds(np.arange(LEADS, dtype=np.int64) * DAY, y, gap_days=0)
    tries = tries_of({name: [truth] for name in ("base_rate", *BLENDED)}, y, folds)
    found = prequential(tries, y, folds)
    first = folds.pairs[0][1]
    kept = np.ptp(found.log_odds[first]) / np.ptp(truth[first])
    assert kept == pytest.approx(45**2 / (45**2 + 40**2))


def test_random_folds_know_all_others() -> None:
    truth, y, _ = world()
    rows = np.random.default_rng(1).permutation(LEADS)
    pairs = tuple((np.setdiff1d(rows, test), np.sort(test)) for test in np.array_split(rows, 5))
    drawn = Folds(pairs, ordered=False, gap_days=0.0)
    found = prequential(tries_of(candidates(truth, y, "full"), y, drawn), y, drawn)
    assert set(found.chosen) <= {"full", "blend"}  # the first fold's too
    assert np.corrcoef(found.log_odds, truth)[0, 1] > 0.99
