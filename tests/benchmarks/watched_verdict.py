"""How often the report's verdict claims falsely, how wide it is and how soon it decides.

    python tests/benchmarks/watched_verdict.py [RUNS]

simulates RUNS companies (2,000) for each setting: they hand leads off for two years and look every
week. *False* is the share of companies in which any look claims "meets" (or "falls short") at a
true rate equal to the agreed 30 %. Beside the verdict's own rule stand three that are wrong:
counting outcomes as they arrive, the exact bound for one look taken every week, and counting the
leads of accounts one by one. A fourth table leaves calls unlogged, so that wins alone prove a
follow-up. Then, without chance: widths beside the interval for one look, units
until "meets", and what the mixture's own parameter does to both. Last, how often the bounds of the
projection for maturing leads hold.
"""

import sys
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.stats import binom

from leadml.domain.agreement import Agreement
from leadml.evaluation import confidence_sequence
from leadml.evaluation.certify import shares_met
from leadml.evaluation.close_rate import lower_bound, upper_bound
from leadml.evaluation.confidence_sequence import lower_bounds, upper_bounds, wins_to_meet
from leadml.evaluation.entering import HandedOff, units_of
from leadml.evaluation.knowable import leads_needed
from leadml.evaluation.maturing import projected

RATE, DAYS, HORIZON = 0.3, 730, 90
LEADS = Agreement(close_rate=RATE, horizon_days=HORIZON)
ACCOUNTS = replace(LEADS, unit="account")
LOOKS = np.arange(7, DAYS + 1, 7.0)
SPEEDS = {"wins fast, losses slow": (10, 60), "wins slow, losses fast": (60, 10), "alike": (30, 30)}
START, DAY = np.datetime64("2026-01-01", "us"), 86_400_000_000


def needed_upto(most: int, rate: float, confidence: float) -> np.ndarray:
    """Return the fewest wins that prove the rate for 0 to `most` units."""
    return wins_to_meet(np.arange(most + 1), rate=rate, confidence=confidence)


def once_upto(most: int, rate: float, confidence: float) -> np.ndarray:
    """Return the fewest wins for which the exact test, meant for one look, passes."""
    units = np.arange(most + 1)
    return np.where(units, binom.isf(1 - confidence, units, rate) + 1, 1)


def claims(entered: np.ndarray, won: np.ndarray, needed: np.ndarray) -> bool:
    """Tell whether any weekly look claims."""
    order = np.argsort(entered, kind="stable")
    units = np.searchsorted(entered[order], LOOKS, side="right")
    wins = np.concatenate([[0], np.cumsum(won[order])])[units]
    return bool((wins >= needed[units]).any())


def handed_off(at, won, closed, account=None) -> HandedOff:
    def moments(days):
        return START + (days * DAY).astype("timedelta64[us]")

    return HandedOff(
        at=moments(at),
        followed_up=np.ones(len(at), bool),
        touched_at=moments(at + 1),
        sold=won,
        won=won,
        closed_at=moments(closed),
        recorded_at=moments(closed),
        account=np.full(len(at), -1) if account is None else account,
    )


def entering(leads: HandedOff, agreement: Agreement) -> tuple[np.ndarray, np.ndarray]:
    """Return the day each unit enters and whether it was won, by the product's own rule."""
    units = units_of(leads, agreement)
    return (units.enters_at - START) / np.timedelta64(DAY, "us"), units.won


def company(random, volume: int, speed: tuple[float, float]):
    """Return two years of hand-offs at a true 30 %: days, wins, days closed."""
    at = np.sort(random.uniform(0, DAYS, random.poisson(volume * DAYS / 365)))
    won = random.random(len(at)) < RATE
    wait = np.minimum(random.exponential(np.where(won, *speed)), HORIZON - 1)
    return at, won, at + wait


def false_claims(runs: int) -> None:
    print("\nFalse claims in two years of weekly looks at a true 30 % (agreed 30 %), in %")
    print(f"{'':>43} {'matured only':>14} {'on arrival':>14} {'one-look bound':>15}")
    print(
        f"{'a year':>7} {'speed':<24} {'confidence':>10}" + " meets / short" * 2 + f"{'meets':>10}"
    )
    for volume in (100, 1_000, 5_000):
        most = volume * 3
        for confidence in (0.95, 0.8):
            meets, short = (needed_upto(most, r, confidence) for r in (RATE, 1 - RATE))
            once = once_upto(most, RATE, confidence)
            for name, speed in SPEEDS.items():
                random = np.random.default_rng(1)
                found = np.zeros(5)
                for _ in range(runs):
                    at, won, closed = company(random, volume, speed)
                    entered, wins = entering(handed_off(at, won, closed), LEADS)
                    found += (
                        claims(entered, wins, meets),
                        claims(entered, ~wins, short),
                        claims(closed, won, meets),
                        claims(closed, ~won, short),
                        claims(entered, wins, once),
                    )
                shown = 100 * found / runs
                rates = " ".join(f"{share:7.1f}" for share in shown)
                print(f"{volume:>7} {name:<24} {confidence:>10} {rates}", flush=True)


def drifting(runs: int) -> None:
    print("\nClaims of 'meets' while the running average was at most 30 %, in % (95 % confidence)")
    leads, needed = 2_000, needed_upto(2_000, RATE, 0.95)
    lead = np.arange(leads)
    up = np.minimum(0.3, 0.1 + 0.2 * lead / leads)
    shapes = {
        "rises from 10 % to 30 %": lambda _ahead, i: up[i],
        "20 % and 40 % by turns of 100": lambda _ahead, i: 0.2 if (i // 100) % 2 == 0 else 0.4,
        "behind 40 %, ahead 20 %": lambda ahead, _i: np.where(ahead, 0.2, 0.4),
        "behind 20 %, ahead 40 %": lambda ahead, _i: np.where(ahead, 0.4, 0.2),
    }
    for name, chance_of in shapes.items():
        random = np.random.default_rng(2)
        wins, chances, false = np.zeros(runs), np.zeros(runs), np.zeros(runs, bool)
        for i in range(leads):
            chance = np.broadcast_to(chance_of(wins > RATE * i, i), runs)
            wins, chances = wins + (random.random(runs) < chance), chances + chance
            false |= (wins >= needed[i + 1]) & (chances <= RATE * (i + 1) + 1e-9)
        print(f"  {name:<32} {100 * false.mean():.1f}")


def of_accounts(runs: int) -> None:
    print("\nFalse claims where accounts bring 1 to 8 leads won or lost together, in %")
    for confidence in (0.95, 0.8):
        needed, found = needed_upto(6_000, RATE, confidence), np.zeros(2)
        random = np.random.default_rng(3)
        for _ in range(runs):
            sizes = random.integers(1, 9, 400)
            account = np.repeat(np.arange(400), sizes)
            at = random.uniform(0, DAYS - 60, 400)[account] + random.uniform(0, 60, len(account))
            won = (random.random(400) < RATE)[account]
            leads = handed_off(at, won, at + 5, account)
            found += [claims(*entering(leads, unit), needed) for unit in (LEADS, ACCOUNTS)]
        lead, once = 100 * found / runs
        print(f'  confidence {confidence}: unit = "lead" {lead:.1f}, unit = "account" {once:.1f}')


def unlogged(runs: int) -> None:
    print("\nFalse 'meets' where every lead is worked and not every call logged, in % (95 %)")
    needed = needed_upto(3_000, RATE, 0.95)
    for true, silent in ((0.3, 0.0), (0.3, 0.1), (0.3, 0.2), (0.28, 0.2), (0.27, 0.25)):
        random, found = np.random.default_rng(5), np.zeros(2)
        for _ in range(runs):
            at = np.sort(random.uniform(0, DAYS, 2_000))
            won, logged = random.random(2_000) < true, random.random(2_000) >= silent
            leads = handed_off(at, won, at + 30)
            leads = replace(leads, followed_up=logged)
            leads = replace(
                leads, touched_at=np.where(logged, leads.touched_at, np.datetime64("NaT"))
            )
            looks = [weekly(one, needed) for one in (leads, leads.without_proof())]
            found += looks[0].any(), (looks[0] & looks[1]).any()
        alone, both = 100 * found / runs
        print(f"  true {true:.0%}, {silent:.0%} unlogged: wins prove {alone:.1f}, both {both:.1f}")


def weekly(leads: HandedOff, needed: np.ndarray) -> np.ndarray:
    """Tell at which weekly looks the wins among worked units prove the rate."""
    units = units_of(leads, LEADS)
    units = units.take(units.followed_up)
    entered = np.searchsorted((units.enters_at - START) / np.timedelta64(DAY, "us"), LOOKS, "right")
    return np.concatenate([[0], np.cumsum(units.won)])[entered] >= needed[entered]


def widths() -> None:
    print("\nBounds at an observed 30 % and their distance from it, in points; one look beside")
    for confidence in (0.95, 0.8):
        for n in (50, 100, 300, 1_000, 3_000, 10_000, 100_000):
            won, sides = round(RATE * n), {"rate": RATE, "confidence": confidence}
            low, high = lower_bounds(won, n, **sides), upper_bounds(won, n, **sides)
            ends = low, high, lower_bound(won, n, confidence), upper_bound(won, n, confidence)
            gaps = 100 * np.abs(np.array(ends) - won / n)
            print(
                f"  confidence {confidence}, {n:>7} units: -{gaps[0]:.1f} +{gaps[1]:.1f}"
                f"  one look -{gaps[2]:.1f} +{gaps[3]:.1f}  ({gaps[0] / gaps[2]:.2f} times)"
            )


def times() -> None:
    print("\nUnits until 'meets' of an agreed 30 %, looked at after every unit; exact")
    for confidence in (0.95, 0.8):
        units = np.arange(6_001)
        needed = needed_upto(6_000, RATE, confidence)
        for true in (0.35, 0.4, 0.45, 0.5):
            met = shares_met(units, needed, true, until=0.9)
            half, most = (int(np.searchsorted(met, share)) for share in (0.5, 0.8))
            once = leads_needed(true, RATE, confidence)
            print(
                f"  confidence {confidence}, true {true}: half by {half}, 80 % by {most};"
                f" one planned look, 80 %: {once}"
            )


def priors() -> None:
    print("\nThe mixture's worth in units: widths against one look, and units until half 'meet'")
    usual = confidence_sequence.mixture
    for prior in (5, 10, 20, 30, 50, 100, 300):
        confidence_sequence.mixture = partial(usual, prior_units=prior)
        for rate in (0.1, 0.3, 0.6):
            n = np.array([50, 100, 300, 1_000, 3_000, 10_000, 100_000])
            own = wins_to_meet(n, rate=rate, confidence=0.95) / n - rate
            one = (binom.isf(0.05, n, rate) + 1) / n - rate
            needed = needed_upto(4_000, rate, 0.95)
            half = [
                int(np.searchsorted(shares_met(np.arange(4_001), needed, true, until=0.5), 0.5))
                for true in rate + np.array([0.05, 0.1, 0.2])
            ]
            ratios = " ".join(f"{ratio:.2f}" for ratio in own / one)
            print(f"  {prior:>4} at {rate}: {ratios}   +5/+10/+20 points: {half}")
    confidence_sequence.mixture = usual


def projections(runs: int) -> None:
    print("\nHow often the maturing leads' rate ends within each bound of its projection (95 %)")
    for volume in (100, 1_000):
        for name, speed in SPEEDS.items():
            random, below, above, told = np.random.default_rng(4), 0, 0, 0
            for _ in range(runs):
                at, won, closed = company(random, volume, speed)
                old, by_now = at + HORIZON <= DAYS, closed <= DAYS
                entered = (won[old], (closed - at)[old])
                rate = projected(
                    entered, ((won & by_now)[~old], (DAYS - at)[~old]), confidence=0.95
                )
                if rate.value is None or not (~old).any():
                    continue
                told += 1
                below += won[~old].mean() >= rate.low - 1e-12
                above += won[~old].mean() <= rate.high + 1e-12
            shares = f"{100 * below / told:.1f} {100 * above / told:.1f}"
            print(f"  {volume:>5} a year, {name:<24} {shares}")


if __name__ == "__main__":
    RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    widths()
    times()
    priors()
    drifting(RUNS)
    of_accounts(RUNS)
    unlogged(RUNS)
    projections(RUNS)
    false_claims(RUNS)
