"""Whether the promise is kept: companies of known truth, from rolling folds to the refitted model.

A violation is a *guaranteed* cut above which the refitted model's fresh leads truly close below the
agreed rate. The model is a logistic regression fitted by Newton's method: a company with its folds,
calibration, cut and refit takes some ten milliseconds. The truth bends, so that the model is wrong.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from leadml.domain.agreement import Agreement
from leadml.evaluation.pool import Pool
from leadml.evaluation.threshold import choose_threshold
from leadml.model.calibration import calibrate_forward, fit_calibration, periods_of
from leadml.model.scorecard import probability
from leadml.snapshot.split import rolling_folds

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]

AGREED = Agreement(close_rate=0.30, confidence=0.95)
COMPANIES, MOST_VIOLATIONS = 400, 31
"""Of 400 companies, each wrong with probability .05: P(X > 31) = .005 (binomial)."""
DAY = 86_400_000_000
DAYS, GAP_DAYS, FEATURES, FRESH = 540, 60, 6, 4000
LATE = 0.85
"""Share of the time after which a change of level sets in; the newest fold begins later."""


@dataclass(frozen=True, kw_only=True)
class World:
    """What a company is drawn from; `spread` is the standard deviation of an account's log-odds."""

    leads: int
    level: float
    change: float = 0.0
    per_account: int = 1
    spread: float = 0.0


def logistic(x: Numbers, y: Outcomes) -> Numbers:
    """Fit slopes and, last, intercept by Newton's method with a ridge of 1 on the slopes."""
    design = np.column_stack([x, np.ones(len(x))])
    ridge = np.diag([*np.ones(x.shape[1]), 1e-6])
    weights = np.zeros(design.shape[1])
    for _ in range(7):
        p = probability(design @ weights)
        information = (design.T * (p * (1 - p))) @ design + ridge
        weights += np.linalg.solve(information, design.T @ (y - p) - ridge @ weights)
    return weights


def said(weights: Numbers, x: Numbers) -> Numbers:
    return x @ weights[:-1] + weights[-1]


@dataclass(frozen=True)
class Company:
    """What was said of past leads beforehand, and what the finished model says of fresh ones."""

    pool: Pool
    p: Numbers
    true: Numbers

    def oracle(self) -> int:
        """Return the most fresh leads, best first, that truly close at the agreed rate."""
        means = np.cumsum(self.true[np.argsort(-self.p)]) / np.arange(1, FRESH + 1)
        return int(np.flatnonzero(means >= AGREED.close_rate).max(initial=-1)) + 1


def company(world: World, random: np.random.Generator) -> Company:
    """Draw leads, predict the past in rolling folds, refit on all and ask about fresh leads."""
    leads, accounts = world.leads, world.leads // world.per_account
    slopes = random.normal(0, 1, FEATURES)
    at = np.sort(random.integers(0, DAYS * DAY, leads))
    account = random.integers(0, accounts, leads)
    x = random.normal(0, 1, (leads + FRESH, FEATURES))
    truth = world.level + x @ (slopes / np.linalg.norm(slopes)) + 0.3 * np.sin(2 * x[:, 0])
    truth += world.change * (np.append(at, np.full(FRESH, DAYS * DAY)) > LATE * DAYS * DAY)
    own = random.normal(0, world.spread, accounts + FRESH)
    true = probability(truth + own[np.append(account, accounts + np.arange(FRESH))])
    y = (random.random(leads) < true[:leads]).astype(np.int8)
    past, fresh = x[:leads], x[leads:]

    folds = rolling_folds(at, y, gap_days=GAP_DAYS)
    raw = np.full(leads, np.nan)
    for train, test in folds:
        raw[test] = said(logistic(past[train], y[train]), past[test])
    rows, period = np.flatnonzero(np.isfinite(raw)), periods_of(folds, leads)
    pool = Pool(
        p=probability(calibrate_forward(raw, y, folds)[rows]),
        y=y[rows],
        worked=np.ones(len(rows), bool),
        period=period[rows],
        at=at[rows],
        account=account[rows] if world.per_account > 1 else None,
        lot=random.integers(0, 2**63, len(rows)).astype(np.uint64),
    )
    line = fit_calibration(raw[rows], y[rows], periods=period[rows])
    return Company(pool, probability(line.apply(said(logistic(past, y), fresh))), true[leads:])


@pytest.mark.parametrize(
    ("world", "fewest_guaranteed", "least_of_oracle"),
    [
        (World(leads=2000, level=-1.6), 350, 0.65),
        (World(leads=1700, level=-2.4), 100, 0.45),  # an eighth closes: seldom to be proven
        (World(leads=2400, level=-1.6, per_account=3, spread=1.2), 300, 0.55),
        (World(leads=2500, level=-1.3, change=-0.9), 50, 0.5),
    ],
    ids=["a fifth closes", "an eighth closes", "three leads an account", "a fall late on"],
)
def test_guaranteed_groups_keep_the_promise(
    world: World, fewest_guaranteed: int, least_of_oracle: float
) -> None:
    assert binom.sf(MOST_VIOLATIONS, COMPANIES, 0.05) < 0.01
    random = np.random.default_rng(2026)
    shares: list[float] = []
    kept: dict[str, list[bool]] = {"guaranteed": [], "estimated": []}
    for _ in range(COMPANIES):
        one = company(world, random)
        cut = choose_threshold(one.pool, agreement=AGREED)
        if cut.probability is None:
            continue
        above = one.p >= cut.probability
        kept[cut.basis].append(not above.any() or one.true[above].mean() >= AGREED.close_rate)
        if cut.basis == "guaranteed":
            shares.append(float(above.sum()) / max(one.oracle(), 1))
    violations = kept["guaranteed"].count(False)
    assert violations <= MOST_VIOLATIONS
    assert len(shares) >= fewest_guaranteed  # the promise is not kept by never making it
    assert least_of_oracle <= np.mean(shares) <= 1.0  # nor by handing off next to nobody
    if len(kept["estimated"]) > COMPANIES / 4:
        # what only reached the rate as observed falls short of it in a quarter of the companies
        # where nothing is proven; what had to reach it as predicted too, in an eighth
        assert np.mean(kept["estimated"]) > (0.8 if not world.change else 0.6)
