"""How often the evaluation's intervals hold the truth, by simulation.

    python tests/benchmarks/interval_coverage.py LEADS SAMPLES

draws SAMPLES samples of LEADS leads whose true probability is known, for probabilities that are
right, too low, overconfident or pure noise, with and without ties, and prints for every measure of
the model, and for its difference to a noisier rival, the share of samples whose 95 % interval holds
the truth. Truths are averages over a million leads.
"""

import sys

import numpy as np

from leadml.evaluation.challenge import Challenge, Scored
from leadml.evaluation.metrics import METRICS
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


def main() -> None:
    leads, samples = (int(word) for word in sys.argv[1:3])
    for ties in (False, True):
        for shape in SHAPES:
            shares = covered(shape, leads, samples, ties=ties)
            print(leads, "tied" if ties else "continuous", shape, sep=", ", end=": ")
            print("  ".join(f"{name} {share:.2f}" for name, share in shares.items()), flush=True)


if __name__ == "__main__":
    main()
