"""How often `leadml shadow` names a version falsely when it is looked at every week for a year.

    python tests/benchmarks/shadow_looks.py [RUNS]

simulates RUNS companies (1,000) a row: 40 leads mature a week, both versions miss the log-odds of
each lead by a normal error. *Once* is the interval for one look, taken at every look; *as told* is
the rule of the command. Then leads handed off at random: few of them, and a challenger that is
worse below the cut.
"""

import sys

import numpy as np
from scipy.special import expit
from scipy.stats import t

from leadml.evaluation.paired import HeldOut, Watched, compare_as_served

LEVEL, FEWEST, WEEK, WEEKS = 0.95, 20, 40, 52
Numbers = np.ndarray


def versions(
    rng: np.random.Generator, leads: int, errors: tuple[float, float], *, accounts: int | None
) -> tuple[HeldOut, Numbers, Numbers]:
    """Return leads won at some 20 %, and what either version says of them."""
    true = rng.normal(-1.6, 1.0, leads)
    own = np.arange(leads) if accounts is None else rng.integers(0, accounts, leads)
    shared = 0.0 if accounts is None else rng.normal(0, 1.0, leads)[own]
    won = rng.random(leads) < expit(true + shared)
    first, second = (expit(true + rng.normal(0, error, leads)) for error in errors)
    return HeldOut(won=won, periods=np.zeros(leads, np.intp), accounts=own), first, second


def once(found: Watched, units: int) -> bool:
    """Tell whether the interval for one look leaves no difference out."""
    return abs(found.difference) > float(t.ppf((1 + LEVEL) / 2, units - 1)) * found.error


def looks(
    rng: np.random.Generator,
    errors: tuple[float, float],
    *,
    accounts: int | None = None,
    drawn: float = 0.0,
) -> Numbers:
    """Look every week; return who was ever named, shape (2 rules, 2 versions).

    A share `drawn` of the leads was handed off at random and stands for ten each.
    """
    tested, first, second = versions(rng, WEEK * WEEKS, errors, accounts=accounts)
    weight = np.where(rng.random(WEEK * WEEKS) < drawn, 10.0, 1.0)
    named = np.zeros((2, 2), bool)
    for end in range(WEEK, WEEK * WEEKS + 1, WEEK):
        if min(tested.won[:end].sum(), (~tested.won[:end]).sum()) < FEWEST:
            continue
        part = HeldOut(
            won=tested.won[:end], periods=tested.periods[:end], accounts=tested.accounts[:end]
        )
        found = compare_as_served(part, first[:end], second[:end], LEVEL, weight=weight[:end])
        ahead = int(found.difference > 0)
        named[0, ahead] |= once(found, len(np.unique(part.accounts)))
        named[1, ahead] |= found.chance < 1 - LEVEL
    return named


def explored(
    rng: np.random.Generator, sure: int, drawn: int, probability: float
) -> tuple[bool, bool]:
    """Return whether a challenger that understates explored leads is named: once, as told."""
    leads = sure + drawn
    low = np.arange(leads) >= sure
    true = np.where(low, rng.normal(-2.5, 0.6, leads), rng.normal(-0.8, 0.6, leads))
    won = rng.random(leads) < expit(true)
    tested = HeldOut(won=won, periods=np.zeros(leads, np.intp), accounts=np.arange(leads))
    first = expit(true + np.where(low, 0.0, rng.normal(0, 0.2, leads)))
    second = expit(true - np.where(low, 0.7, 0.0))
    weight = np.where(low, 1 / probability, 1.0)
    found = compare_as_served(tested, first, second, LEVEL, weight=weight)
    plain = min(won.sum(), (~won).sum()) >= FEWEST and found.difference > 0
    enough = min(won[low].sum(), (~won)[low].sum()) >= FEWEST
    return plain and once(found, leads), plain and enough and found.chance < 1 - LEVEL


def main(runs: int) -> None:
    """Print the shares."""
    print(f"{runs:,} companies a row; a look every week for a year")
    for words, errors, accounts, drawn in (
        ("equal, error 0.35", (0.35, 0.35), None, 0.0),
        ("equal, error 1.0", (1.0, 1.0), None, 0.0),
        ("equal, 700 accounts", (0.35, 0.35), 700, 0.0),
        ("equal, 20 % at random", (0.35, 0.35), None, 0.2),
        ("no error against 0.35", (0.35, 0.0), None, 0.0),
        ("no error against 0.7", (0.7, 0.0), None, 0.0),
    ):
        rng = np.random.default_rng(7)
        seen = [looks(rng, errors, accounts=accounts, drawn=drawn) for _ in range(runs)]
        ever = np.mean(seen, axis=0)
        print(f"{words:24} once: champion {ever[0, 0]:6.1%} challenger {ever[0, 1]:6.1%}", end="")
        print(f"   as told: champion {ever[1, 0]:6.1%} challenger {ever[1, 1]:6.1%}")
    for sure, drawn in ((300, 6), (300, 20), (1_000, 40), (1_000, 400), (4_000, 400)):
        rng = np.random.default_rng(8)
        named = np.mean([explored(rng, sure, drawn, 0.02) for _ in range(runs)], axis=0)
        print(
            f"worse below the cut, {sure:,} + {drawn}: once {named[0]:.1%}, as told {named[1]:.1%}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
