"""How often the evaluation's intervals hold the truth, by simulation.

    python tests/benchmarks/interval_coverage.py LEADS SAMPLES

draws SAMPLES samples of LEADS leads whose true probability is known, for probabilities that are
right, too low, overconfident or pure noise, with and without ties, and prints for every measure of
the model, and for its difference to a noisier rival, the share of samples whose 95 % interval holds
the truth. Truths are averages over a million leads.

    python tests/benchmarks/interval_coverage.py LEADS SAMPLES fair

does so for the intervals of the fair comparison of model and points: alone, and with leads of one
account that resemble each other (one to eight each).
"""

import sys

import numpy as np

from leadml.evaluation.answers import ModelAnswers, PointsAnswers, Promise
from leadml.evaluation.challenge import Challenge, Scored
from leadml.evaluation.descent import Slope
from leadml.evaluation.fair import Circumstances, FairComparison
from leadml.evaluation.metrics import METRICS
from leadml.evaluation.sigmoid import cross_fitted, normal_scores, surprise
from leadml.evaluation.slices import ratio
from leadml.evaluation.tally import Ranked

POPULATION = 1_000_000
REPLICATES = 200
SHAPES = {
    "right": lambda logit: logit,
    "a little low": lambda logit: logit + 0.3,
    "much too low": lambda logit: logit + 0.8,
    "overconfident": lambda logit: 0.6 * logit - 0.4,
    "pure noise": lambda logit: 0 * logit - 1.4,
}


def sigmoid(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))


def population(shape: str, *, ties: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what the model says, what a noisier rival says, and the true probability."""
    random = np.random.default_rng(1)
    logit = random.normal(-1.7, 1.0, POPULATION)
    rival = logit + random.normal(0, 0.7, POPULATION)
    if ties:
        logit, rival = np.round(2 * logit) / 2, np.round(2 * rival) / 2
    return sigmoid(logit), sigmoid(rival), sigmoid(SHAPES[shape](logit))


def measures(said: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Return the measures of the whole population, won with their true probability."""
    won = np.random.default_rng(2).random(len(true)) < true
    tally = Ranked(won, said).tally()
    return {name: metric.compute(tally) for name, metric in METRICS.items()}


def covered(shape: str, leads: int, samples: int, *, ties: bool) -> dict[str, float]:
    said, rival, true = population(shape, ties=ties)
    truth, other = measures(said, true), measures(rival, true)
    random = np.random.default_rng(3)
    hits = dict.fromkeys([*METRICS, *(f"{name}, difference" for name in METRICS)], 0)
    for sample in range(samples):
        rows = random.integers(0, POPULATION, leads)
        won = random.random(leads) < true[rows]
        contestants = {
            "model": Scored(said[rows], said[rows]),
            "rival": Scored(rival[rows], rival[rows]),
        }
        challenge = Challenge(won, contestants, replicates=REPLICATES, seed=sample)
        for name, interval in challenge.scores("model").items():
            hits[name] += interval.low <= truth[name] <= interval.high
        for row in challenge.differences("model", "rival"):
            gap = truth[row.metric] - other[row.metric]
            hits[f"{row.metric}, difference"] += row.difference.low <= gap <= row.difference.high
    return {name: count / samples for name, count in hits.items()}


RATE = 0.3
SHARE = "0.2"


class Company:
    """A population of leads with a model and points, in accounts of one to eight leads."""

    def __init__(self, *, spread: float) -> None:
        """Make the leads of an account alike by `spread` log-odds."""
        random = np.random.default_rng(4)
        size = random.integers(1, 9, POPULATION // 4) if spread else np.ones(POPULATION, int)
        self.account = np.repeat(np.arange(len(size)), size)
        leads = len(self.account)
        shared = random.normal(0, 1, len(size))[self.account] * spread
        own = random.normal(0, 1, leads) * np.sqrt(1 - spread**2)
        logit = -1.5 + shared + own
        self.won = random.random(leads) < sigmoid(logit)
        self.model = -1.4 + 0.7 * (logit + 1.4 + random.normal(0, 0.6, leads))
        self.points = np.round(20 * (logit + random.normal(0, 0.9, leads)) + 60, -1)
        self.first = np.searchsorted(self.account, np.arange(len(size) + 1))

    def truth(self) -> dict[str, float]:
        everyone = np.arange(len(self.won))
        halves = everyone % 2
        walked, loss = {}, {}
        for name, score in (("model", self.model), ("points", self.points)):
            slope = Slope(self.won, score)
            walked[name] = slope.descent(np.ones(len(everyone)))
            fitted = cross_fitted(normal_scores(score)[:, None], self.won, halves, rising=True)
            loss[name] = surprise(fitted, self.won).mean()
            walked[name + " auc"] = slope.auc(walked[name])
        volume = float(SHARE) * len(everyone)
        return {
            "auc": walked["model auc"] - walked["points auc"],
            "log_loss_equal": loss["model"] - loss["points"],
            "close_rate": (walked["model"].wins(volume) - walked["points"].wins(volume)) / volume,
            "volume": (walked["model"].volume(RATE) - walked["points"].volume(RATE))
            / len(everyone),
            "ratio": self.won.sum() / sigmoid(self.model).sum(),
        }

    def sample(self, leads: int, random: np.random.Generator) -> np.ndarray:
        """Return the leads of accounts drawn until there are enough."""
        picked: list[np.ndarray] = []
        while sum(map(len, picked)) < leads:
            one = int(random.integers(len(self.first) - 1))
            picked.append(np.arange(self.first[one], self.first[one + 1]))
        return np.concatenate(picked)


def fair_covered(company: Company, leads: int, samples: int) -> dict[str, float]:
    truth = company.truth()
    hits = dict.fromkeys(truth, 0)
    random = np.random.default_rng(5)
    alone = len(company.first) - 1 == len(company.won)
    for sample in range(samples):
        rows = random.integers(0, len(company.won), leads)
        if not alone:
            rows = company.sample(leads, random)
        for name, (low, high) in intervals_of(company, rows, sample, alone=alone).items():
            hits[name] += low <= truth[name] <= high
    return {name: count / samples for name, count in hits.items()}


def intervals_of(
    company: Company, rows: np.ndarray, seed: int, *, alone: bool
) -> dict[str, tuple[float, float]]:
    won, p, given = company.won[rows], sigmoid(company.model[rows]), company.points[rows]
    account = np.unique(company.account[rows], return_inverse=True)[1]
    band = np.full(len(rows), "A", object)
    model = ModelAnswers(probability=p, sales_ready=p >= RATE, band=band, threshold=RATE)
    points = PointsAnswers(points=given, ready=given >= 60, threshold=60.0)
    accounts = None if alone else account
    around = Circumstances()
    fair = FairComparison(
        won, model, points, Promise(RATE, 0.95), around, accounts=accounts, seed=seed
    )
    random = np.random.default_rng(seed)
    cluster = np.arange(len(rows)) if alone else account
    clusters = int(cluster.max()) + 1
    for _ in range(REPLICATES):
        picks = random.integers(0, clusters, clusters)
        fair.watch(np.bincount(picks, minlength=clusters)[cluster].astype(float))
    told = fair.to_dict()["fair_comparison"]
    pairs = {row["metric"]: row["pairs"][0] for row in told["measures"] if row["pairs"]}
    pairs["close_rate"] = next(r for r in told["same_volume"] if r["of"] == SHARE)["pairs"][0]
    pairs["volume"] = next(r for r in told["same_close_rate"] if r["of"] == "agreement")["pairs"][0]
    found = {name: (pairs[name]["low"], pairs[name]["high"]) for name in ("auc", "log_loss_equal")}
    found["close_rate"] = (pairs["close_rate"]["low"], pairs["close_rate"]["high"])
    found["volume"] = tuple(pairs["volume"][end] / len(rows) for end in ("low", "high"))
    off = ratio(int(won.sum()), len(rows), float(p.sum()))
    return found | {"ratio": (off.low, off.high)}


def main() -> None:
    leads, samples = (int(word) for word in sys.argv[1:3])
    if sys.argv[3:] == ["fair"]:
        for spread in (0.0, 0.7):
            shares = fair_covered(Company(spread=spread), leads, samples)
            print(leads, "accounts" if spread else "leads alone", sep=", ", end=": ")
            print("  ".join(f"{name} {share:.3f}" for name, share in shares.items()), flush=True)
        return
    for ties in (False, True):
        for shape in SHAPES:
            shares = covered(shape, leads, samples, ties=ties)
            print(leads, "tied" if ties else "continuous", shape, sep=", ", end=": ")
            print("  ".join(f"{name} {share:.2f}" for name, share in shares.items()), flush=True)


if __name__ == "__main__":
    main()
