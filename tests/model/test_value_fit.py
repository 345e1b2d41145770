"""Margins given a win: recovered where they differ, left alone where they do not."""

import numpy as np
import pytest

from leadml.model.value_fit import FittedMargins, deviance, fit_margins
from leadml.snapshot.split import Folds, rolling_folds

DAY = 86_400_000_000


def sample(
    effect: float, *, leads: int = 1500, seed: int = 0, noise: float = 0.8
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Folds]:
    """Return features, true margins given a win, margins of the won, and folds in time."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.integers(0, 6, leads).astype(float), rng.normal(size=(leads, 12))])
    true = 10_000 * np.exp(effect * ((x[:, 0] - 2.5) / 2 + 0.4 * x[:, 1]))
    won = rng.random(leads) < 0.25
    drawn = true * np.exp(rng.normal(-(noise**2) / 2, noise, leads))
    folds = rolling_folds(np.arange(leads) * DAY // 3, won.astype(np.int8), gap_days=30.0)
    return x, true, np.where(won, drawn, np.nan), folds


def fitted(x: np.ndarray, money: np.ndarray, folds: Folds) -> FittedMargins:
    categorical = np.arange(x.shape[1]) == 0
    return fit_margins(x, money, categorical=categorical, folds=folds)


def off(found: np.ndarray, true: np.ndarray) -> float:
    """Return the root mean square of the error in log margin."""
    return float(np.sqrt(np.mean(np.log(found / true) ** 2)))


def test_what_multiplies_margins_is_found() -> None:
    x, true, money, folds = sample(1.0)
    found = fitted(x, money, folds)
    assert (found.basis, found.card is not None) == ("model", True)
    assert found.card is not None
    predicted = np.exp(found.card.log_odds(x))
    assert off(predicted, true) < 0.5 * off(np.full(len(x), found.mean), true)
    # the wins together have the margin they had
    won = ~np.isnan(money)
    assert predicted[won].sum() == pytest.approx(money[won].sum())


def test_where_margins_do_not_differ_the_mean_stays() -> None:
    for seed in range(3):
        x, _, money, folds = sample(0.0, seed=seed)
        found = fitted(x, money, folds)
        assert (found.basis, found.card) == ("mean", None)
        assert found.mean == pytest.approx(np.nanmean(money))


def test_every_lead_is_told_by_older_wins_alone() -> None:
    x, _, money, folds = sample(1.0)
    found = fitted(x, money, folds)
    tested = np.concatenate([test for _, test in folds])
    assert np.isnan(np.delete(found.forward, tested)).all()
    # tamper with the wins that a fold's test leads do not know: nothing changes for them
    train, test = folds.pairs[0]
    later = np.setdiff1d(np.arange(len(x)), train)
    tampered = money.copy()
    tampered[later] = np.where(np.isnan(money[later]), np.nan, money[later] * 1.01)
    again = fitted(x, tampered, folds)
    assert again.basis == found.basis
    assert again.forward[test] == pytest.approx(found.forward[test])


def test_a_single_huge_deal_does_not_make_a_pattern() -> None:
    x, _, money, folds = sample(0.0, seed=1)
    won = np.flatnonzero(~np.isnan(money))
    money[won[-5]] = 200 * np.nanmean(money)
    found = fitted(x, money, folds)
    assert found.basis == "mean"
    assert found.mean == pytest.approx(np.nanmean(money))


def test_losses_and_zeros_count_in_the_level() -> None:
    x, true, money, folds = sample(1.0, seed=3)
    won = np.flatnonzero(~np.isnan(money))
    money[won[::10]] = 0.0
    money[won[1::10]] *= -0.2
    found = fitted(x, money, folds)
    assert found.basis == "model"
    assert found.card is not None
    predicted = np.exp(found.card.log_odds(x))
    assert predicted[won].sum() == pytest.approx(money[won].sum())
    # a tenth brings nothing and a tenth loses a fifth: .78 of the margin on average
    assert off(predicted, 0.78 * true) < 0.5 * off(np.full(len(x), found.mean), 0.78 * true)


def test_a_company_that_loses_money_has_a_mean() -> None:
    x, _, money, folds = sample(1.0)
    found = fitted(x, -money, folds)
    assert (found.basis, found.card) == ("mean", None)
    assert found.mean == pytest.approx(-np.nanmean(money))
    assert np.nanmax(found.forward) < 0


def test_few_wins_have_a_mean() -> None:
    x, _, money, folds = sample(1.0)
    won = np.flatnonzero(~np.isnan(money))
    money[won[29:]] = np.nan
    found = fitted(x, money, folds)
    assert (found.basis, found.out_of_time) == ("mean", None)


def test_few_wins_are_put_closer_together() -> None:
    # of 40 wins at most 72 % of the differences stay (n² / (n² + 25²)), of 600 nearly all
    x, true, money, folds = sample(1.0, leads=2400, noise=0.05)
    won = np.flatnonzero(~np.isnan(money))
    few = money.copy()
    few[np.delete(won, np.arange(0, 600, 15))] = np.nan
    assert (~np.isnan(few)).sum() == 40
    spreads = []
    for known in (few, money):
        card = fitted(x, known, folds).card
        assert card is not None
        spreads.append(card.log_odds(x).std() / np.log(true).std())
    assert 0.3 < spreads[0] < 0.72
    assert spreads[1] > 0.9


def test_the_gamma_deviance_is_least_at_the_mean() -> None:
    found = np.array([1.0, 2.0, 9.0, -1.0, 0.0])  # mean 2.2
    losses = [float(deviance(np.full(5, m), found).mean()) for m in (2.0, 2.2, 2.4)]
    assert losses[1] == min(losses)
    assert losses[1] == pytest.approx(np.log(2.2) + 1)
