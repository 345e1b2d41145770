"""The search: the right setting where the truth is known, shares by hand, nothing leaked."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from leadml.model import search as module
from leadml.model.calibration import calibrate_forward
from leadml.model.scorecard import probability
from leadml.model.search import GRID, Rest, Setting, fit, losses, parts_of, search, shares_of
from leadml.snapshot.split import Folds

Leads = tuple[NDArray[np.float64], NDArray[np.int8]]


@pytest.fixture(autouse=True, scope="module")
def _one_core() -> Iterator[None]:
    with threadpool_limits(1):
        yield


def rolling(n: int, folds: int = 2) -> Folds:
    cuts = np.linspace(0.4 * n, n, folds + 1).astype(int)
    pairs = tuple((np.arange(start), np.arange(start, stop)) for start, stop in pairwise(cuts))
    return Folds(pairs, ordered=True, gap_days=0.0)


def leads(n: int, signal: float, seed: int = 0) -> Leads:
    """Return 12 numbers, each of which tells the same."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 12))
    y = (random.random(n) < probability(signal * x.sum(axis=1) - 1)).astype(np.int8)
    return x, y


FAST: Mapping[str, tuple[Setting, ...]] = {
    name: GRID[name][:1] if name in ("additive", "full") else GRID[name] for name in GRID
}
PLAIN = Rest(np.zeros(12, bool), newest_last=True, seed=0)


def test_few_leads_are_shrunk_more_than_many() -> None:
    free = {**FAST, "logistic": tuple(own for own in GRID["logistic"] if own["bend"] == 1)}
    few, many = leads(200, 0.05), leads(3000, 0.6)
    strengths = [
        search(x, y, PLAIN, folds=rolling(len(y)), grid=free).settings["logistic"]["strength"]
        for x, y in (few, many)
    ]
    assert strengths[0] <= 0.03
    assert strengths[1] == 1.0


def test_the_setting_kept_has_the_lowest_calibrated_loss_or_hardly_more() -> None:
    x, y = leads(400, 0.4)
    folds = rolling(400)
    found = search(x, y, PLAIN, folds=folds)
    rows = np.arange(160, 400)
    for name in ("logistic", "full"):
        alone = [
            search(x, y, PLAIN, folds=folds, grid={**FAST, name: (setting,)}).log_odds[name]
            for setting in GRID[name]
        ]
        means = [losses(calibrate_forward(z, y, folds)[rows], y[rows]).mean() for z in alone]
        kept = GRID[name].index(found.settings[name])
        good = [place for place, mean in enumerate(means) if mean <= min(means) * 1.001]
        assert kept == max(good)  # the less shrunk of those within one in a thousand
        assert found.log_odds[name][rows] == pytest.approx(alone[kept][rows], abs=1e-3)
        assert np.isnan(found.log_odds[name][:160]).all()


def test_the_blend_is_the_shared_sum_and_is_fitted_with_the_same_shares() -> None:
    x, y = leads(400, 0.4)
    found = search(x, y, PLAIN, folds=rolling(400), grid=FAST)
    shares = found.settings["blend"]
    assert sum(shares.values()) == pytest.approx(1)
    by_hand = sum(share * found.log_odds[part] for part, share in shares.items())
    assert found.log_odds["blend"] == pytest.approx(by_hand, nan_ok=True)
    whole = fit("blend", x, y, PLAIN, found.settings).machine.raw_log_odds(x)
    parts = [fit(part, x, y, PLAIN, found.settings).machine.raw_log_odds(x) for part in shares]
    expected = sum(s * z for s, z in zip(shares.values(), parts, strict=True))
    assert whole == pytest.approx(expected, abs=1e-9)


def test_shares() -> None:
    # .404 is 1 % behind .4, .408 is 2 %: weights 1, 1/e, 1/e^2, sum 1.5032
    found = shares_of({"a": 0.404, "b": 0.4, "c": 0.408})
    assert found == pytest.approx({"a": 0.2447, "b": 0.6652, "c": 0.0900}, abs=1e-4)
    assert shares_of({"a": 0.5, "b": 0.5}) == {"a": 0.5, "b": 0.5}


def test_many_leads_choose_their_settings_on_some(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = leads(900, 0.4)
    fitted: list[tuple[str, int, int]] = []
    plain = module._fits

    def counted(name: str, x: NDArray[np.float64], *rest: object) -> object:
        fitted.append((name, len(x), len(rest[-1])))  # type: ignore[arg-type]
        return plain(name, x, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_fits", counted)
    monkeypatch.setattr(module, "MOST_TO_SEARCH", 300)
    found = search(x, y, PLAIN, folds=rolling(900, 1))
    # 360 leads to learn from, of these 120 for the settings; then one setting on all
    assert [row for row in fitted if row[0] == "logistic"] == [
        ("logistic", 120, 9),
        ("logistic", 360, 1),
    ]
    assert [row for row in fitted if row[0] == "full"] == [("full", 120, 2), ("full", 360, 1)]
    assert np.isfinite(found.log_odds["blend"][360:]).all()


def test_the_same_seed_gives_the_same() -> None:
    x, y = leads(250, 0.4)
    one, two = (search(x, y, PLAIN, folds=rolling(250), grid=FAST) for _ in range(2))
    assert one.settings == two.settings
    for name, values in one.log_odds.items():
        assert np.array_equal(values, two.log_odds[name], equal_nan=True)


def test_settings_that_matter() -> None:
    shares = {"blend": {"logistic": 0.75, "additive": 0.25}}
    assert parts_of("full", shares) == ("full",)
    assert parts_of("blend", shares) == ("logistic", "additive", "blend")
