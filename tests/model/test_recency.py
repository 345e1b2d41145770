"""Half-lives: weights by hand, and a half-life only where what was true is true no longer."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from leadml.model.recency import (
    Trial,
    fold_weights,
    half_lives,
    recency_weights,
    trial_of,
    weighed,
)
from leadml.model.rehearsal import Rehearsal, rehearse
from leadml.model.scorecard import probability
from leadml.snapshot.split import Folds, origins

DAY = 86_400_000_000
AT = np.array([0, 10, 15, 20]) * DAY


def test_weights_halve_with_every_half_life_before_the_newest() -> None:
    # 20, 10, 5 and 0 days old, half-life 10: a quarter, a half, 2^-.5, one
    assert recency_weights(AT, 10.0) == pytest.approx([0.25, 0.5, 2**-0.5, 1.0])
    assert recency_weights(AT, None).tolist() == [1.0] * 4
    assert recency_weights(AT[:0], 10.0).tolist() == []


def test_on_top_of_a_leads_own_weight() -> None:
    own = np.array([4.0, 2.0, 1.0, 3.0])
    found = weighed(AT, 10.0, own)
    assert found == pytest.approx([1.0, 1.0, 2**-0.5, 3.0])
    assert weighed(AT, None, own) is own
    assert weighed(AT, None) is None
    assert weighed(AT, 10.0) == pytest.approx(recency_weights(AT, 10.0))


def test_every_fold_counts_back_from_its_own_newest_lead() -> None:
    test = np.array([3])
    folds = Folds(((np.array([0, 1]), test), (np.array([0, 2]), test)), True, 0.0, at=AT)
    first, second = fold_weights(folds, 10.0, [None, np.array([2.0, 1.0])])
    assert first == pytest.approx([0.5, 1.0])  # 10 days apart
    assert second == pytest.approx([2 * 2**-1.5, 1.0])  # 15 days apart
    assert fold_weights(folds, None) == [None, None]
    undated = Folds(folds.pairs, False, 0.0)
    assert fold_weights(undated, 10.0) == [None, None]


def test_half_lives_are_shares_of_the_history() -> None:
    assert half_lives(np.array([0, 400 * DAY])) == (200.0, 100.0, 50.0)
    assert half_lives(np.array([5, 5])) == ()


def test_a_half_life_wins_by_two_standard_errors() -> None:
    assert Trial(90.0, 0.5, gain=0.004, error=0.002).wins
    assert not Trial(90.0, 0.5, gain=0.0039, error=0.002).wins
    assert not Trial(None, 0.5).wins
    assert Trial(90.0, 0.5, 0.1, np.inf).to_dict()["error"] is None
    assert not Trial(90.0, 0.5, 0.1, np.inf).wins
    assert Trial(90.0, 0.5, 0.1, 0.2).to_dict() == {
        "days": 90.0,
        "log_loss": 0.5,
        "gain": 0.1,
        "error": 0.2,
    }


def rehearsed(turned: bool, seed: int = 0) -> tuple[Rehearsal, Rehearsal]:
    """Rehearse with all leads alike, and with a half-life of 60 days.

    Turned: what spoke for a win speaks against it from day 200 of 720.
    """
    random = np.random.default_rng(seed)
    x = random.normal(size=(4000, 2))
    days = np.sort(random.uniform(0, 720, 4000))
    sign = np.where(turned & (days > 200), -1.0, 1.0)
    y = (random.random(4000) < probability(sign * 1.5 * x[:, 0] - 1)).astype(np.int8)
    at: NDArray[np.int64] = (days * DAY).round().astype(np.int64)
    folds = origins(at, y, gap_days=30)
    text = np.zeros(2, bool)
    weights = [*fold_weights(folds, 60.0), weighed(at, 60.0)]
    return (
        rehearse(x, y, categorical=text, folds=folds),
        rehearse(x, y, categorical=text, folds=folds, weights=weights),
    )


def test_where_what_was_true_is_so_no_longer_a_half_life_wins() -> None:
    alike, recent = rehearsed(turned=True)
    trial = trial_of(60.0, recent, alike, "none")
    assert trial.wins
    assert trial.gain > 0.05
    gain = alike.losses("none") - recent.losses("none")
    assert trial.gain == pytest.approx(gain.mean())
    assert trial.log_loss == pytest.approx(recent.losses("none").mean())


def test_the_error_is_the_larger_of_leads_and_blocks() -> None:
    alike, recent = rehearsed(turned=True)
    gain = alike.losses("none") - recent.losses("none")
    by_lead = gain.std(ddof=1) / np.sqrt(len(gain))
    ends = np.cumsum([len(test) for _, test in alike.folds])
    means = [gain[end - len(test) : end].mean() for end, (_, test) in zip(ends, alike.folds)]  # noqa: B905
    by_block = np.std(means, ddof=1) / np.sqrt(len(means))
    assert by_block > by_lead  # the blocks differ much: some lie before the turn
    assert trial_of(60.0, recent, alike, "none").error == pytest.approx(by_block)
    alike, recent = rehearsed(turned=False, seed=3)
    gain = alike.losses("none") - recent.losses("none")
    found = trial_of(60.0, recent, alike, "none").error
    assert found >= gain.std(ddof=1) / np.sqrt(len(gain))


@pytest.mark.parametrize("seed", range(6))
def test_where_nothing_changes_none_wins(seed: int) -> None:
    alike, recent = rehearsed(turned=False, seed=seed)
    assert not trial_of(60.0, recent, alike, "none").wins


def test_one_block_alone_proves_nothing() -> None:
    alike, recent = rehearsed(turned=True)
    one = Folds(alike.folds.pairs[-1:], True, 30.0, at=alike.folds.at)
    cut = [replace(rehearsal, folds=one) for rehearsal in (alike, recent)]
    assert trial_of(60.0, cut[1], cut[0], "none").error == np.inf
