"""How often `leadml evaluate` names a winner that is none, by simulation.

    python tests/benchmarks/false_winners.py EVALUATIONS

draws evaluations of 500 to 1,000 leads in which the truth about model, points and both together is
known, and counts the winners named:

equal       both see the truth through equal noise: neither alone may win (together they may)
percent     the points are the model's percentages, rounded: nobody may win
blind       neither knows anything: nobody may win
points know nothing: neither they nor both together may win
accounts    as equal, with one to eight leads of an account alike

Model and points are put together by a fit on 1,500 other leads, as in training, or on the evaluated
leads, as for versions trained before.
"""

import sys
from collections import Counter

import numpy as np

from leadml.evaluation.answers import ModelAnswers, PointsAnswers, Promise, Together
from leadml.evaluation.fair import Circumstances, FairComparison
from leadml.model.together import fit_together

RESAMPLES = 1_000
FALSE = {
    "equal": ("model", "points"),
    "percent": ("model", "points", "both"),
    "blind": ("model", "points", "both"),
    "points know nothing": ("points", "both"),
    "accounts": ("model", "points"),
}

Leads = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def sigmoid(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))


def draw(random: np.random.Generator, leads: int, kind: str) -> Leads:
    """Return outcomes, the model's log-odds, points and accounts."""
    account = np.arange(leads)
    if kind == "accounts":
        account = np.repeat(account, random.integers(1, 9, leads))[:leads]

    def alike(spread: float) -> np.ndarray:
        shared = random.normal(0, 0.7 * spread, leads)[account]
        own = random.normal(0, spread, leads)
        return shared + own * np.sqrt(0.51) if kind == "accounts" else own

    truth = -1.2 + alike(1.0)
    won = random.random(leads) < sigmoid(truth)
    model, points = truth + alike(0.8), truth + alike(0.8)
    if kind == "blind":
        model, points = -1.2 + alike(0.8), alike(0.8)
    elif kind == "percent":
        points = np.round(100 * sigmoid(model))
    elif kind == "points know nothing":
        points = alike(0.8)
    return won, 0.6 * (model + 1.2) - 1.2, points, account


def named(seed: int, kind: str, *, trained: bool) -> str | None:
    random = np.random.default_rng(seed)
    won, model, points, account = draw(random, int(random.integers(500, 1001)), kind)
    together = None
    if trained:
        y, before, given, _ = draw(random, 1500, kind)
        fitted = fit_together(before, given, y.astype(np.int8))
        assert fitted is not None
        together = Together(fitted.intercept, fitted.model, fitted.points)
    p, middle = sigmoid(model), float(np.median(points))
    band = np.full(len(won), "A", object)
    fair = FairComparison(
        won,
        ModelAnswers(probability=p, sales_ready=p > 0.3, band=band, threshold=0.3),
        PointsAnswers(points=points, ready=points > middle, threshold=middle),
        Promise(0.3, 0.95),
        Circumstances(together=together),
        accounts=account if kind == "accounts" else None,
        seed=seed,
    )
    clusters = int(account.max()) + 1
    for _ in range(RESAMPLES):
        picks = random.integers(0, clusters, clusters)
        fair.watch(np.bincount(picks, minlength=clusters)[account].astype(float))
    return fair.to_dict()["winner"]


def main() -> None:
    evaluations = int(sys.argv[1])
    for kind, wrong in FALSE.items():
        for trained in (True, False):
            found = Counter(named(seed, kind, trained=trained) for seed in range(evaluations))
            false = sum(found[name] for name in wrong)
            where = "training" if trained else "evaluation"
            print(f"{kind}, both fitted in {where}: {false / evaluations:.3f} false", dict(found))


if __name__ == "__main__":
    main()
