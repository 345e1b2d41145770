"""Whether what is said of representatives holds, by simulation.

    python tests/benchmarks/people.py [--samples 200]

draws teams whose true spread is known, leads given out unequally, and prints for each team the
share of samples in which the bounds of *all* representatives hold the truth at 95 % confidence, in
which anybody is told from the team, and how many of those told are on the wrong side of it.
"""

import argparse

import numpy as np
from scipy.special import expit

from leadml.evaluation.people import TIE, people_of

TEAMS = ((8, 200), (8, 60), (30, 60), (3, 300))
SPREADS = (0.0, 0.2, 0.5, 1.0)


def sample(
    reps: int, leads: int, spread: float, rng: np.random.Generator
) -> tuple[bool, int, int] | None:
    """Return whether all bounds hold, how many are told apart, and how many of these wrongly."""
    size = rng.multinomial(reps * leads, rng.dirichlet(np.full(reps, 4.0)))
    rep = np.repeat(np.arange(reps), size)
    log_odds = rng.normal(-1.3, 1.0, len(rep))
    effect = spread * rng.standard_normal(reps)
    won = rng.random(len(rep)) < expit(log_odds + effect[rep])
    owner = np.array([str(one) for one in rep], object)
    people = people_of(log_odds, won, owner, confidence=0.95)
    if people.why_not is not None:
        return None
    truth = {str(one): float(expit(log_odds + effect[one]).mean()) for one in range(reps)}
    team = float(expit(log_odds + effect[rep]).mean())
    apart = [one for one in people.reps if one.told != TIE]
    wrong = sum((one.told == "above the team") != (truth[one.owner] > team) for one in apart)
    held = all(one.low <= truth[one.owner] <= one.high for one in people.reps)
    return held, len(apart), wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=200)
    words = parser.parse_args()
    rng = np.random.default_rng(1)
    print(f"{words.samples} samples each\nreps leads spread  all held  any told   told  wrong")
    for reps, leads in TEAMS:
        for spread in SPREADS:
            drawn = [sample(reps, leads, spread, rng) for _ in range(words.samples)]
            held, told, wrong = np.array([one for one in drawn if one is not None]).T
            shares = (
                f"{held.mean():>10.3f}{(told > 0).mean():>10.3f}{told.sum():>7}{wrong.sum():>7}"
            )
            print(f"{reps:>4}{leads:>6}{spread:>7.1f}{shares}", flush=True)


if __name__ == "__main__":
    main()
