"""The out-of-time predictions a cut is read from: which leads count, and how often."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm

from leadml.evaluation.interval import p_words
from leadml.evaluation.knowable import POWER

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

FIRST_GROUP = 50
"""Fewest leads of the strictest group that is tested."""
VOLUMES = 20
"""Number of group sizes tested, fixed before any outcome is looked at."""
WORSE, BETTER = 0.1, 0.005
"""One-sided chance of so great a difference in level below which the newest cohort stands alone.

A newest cohort that is better by luck would break the promise, one that is worse by luck only hands
off fewer leads.
"""
ALIKE = 0.3
"""The same of older leads that are to widen a newest cohort that does worse."""
STEPS = 20
"""Steps, as parts of the newest cohort, in which it is widened."""
FEWEST_WINS = 20
"""With fewer wins among out-of-time predictions no cut is read from them."""


@dataclass(frozen=True)
class Pool:
    """Hand-offs whose horizon has passed, each with what was said of it beforehand.

    Attributes
    ----------
    p : float array, shape (leads,)
        Probability from a model chosen, fitted and calibrated on earlier outcomes only.
    y : int array, shape (leads,)
        1 won as agreed, else 0.
    worked : bool array, shape (leads,)
        Whether the lead has an outcome under the agreement; the others were never worked, or late.
    period : int array, shape (leads,)
        Number of the test block, the newest highest; all 0 where leads have no dates.
    at : int64 array, shape (leads,), or None
        Microseconds; the moment each lead is judged. None where undated.
    account : int array, shape (leads,), or None
        Leads with the same number belong to one account; None where accounts are not known.
    lot : uint64 array, shape (leads,), or None
        Hash of each lead's id, by which one lead of an account is drawn.
    points_ready : bool array or None
        Whether each lead reaches the agreed points; None without a points score.
    owner : object array or None
        Whose lead it is; None where not mapped, or for a lead of nobody.
    margin : float array, shape (leads, 3), or None
        Money each lead's win is worth: lowest, expected, highest. None without amounts.
    every : float
        How many leads came in for each of these: above 1 where a very long history was thinned.
    """

    p: Numbers
    y: Outcomes
    worked: Flags
    period: Rows
    at: NDArray[np.int64] | None = None
    account: Rows | None = None
    lot: NDArray[np.uint64] | None = None
    points_ready: Flags | None = None
    owner: NDArray[np.object_] | None = None
    margin: Numbers | None = None
    every: float = 1.0

    def __len__(self) -> int:
        """Return the number of leads."""
        return len(self.p)

    def take(self, rows: NDArray[Any]) -> "Pool":
        """Return some of the leads."""
        parts: dict[str, Any] = {
            field.name: values[rows]
            for field in fields(self)
            if isinstance(values := getattr(self, field.name), np.ndarray)
        }
        return replace(self, **parts)

    def joined(self, others: "Pool") -> "Pool":
        """Return these leads and others, oldest first; parts that either lacks are None."""
        pairs = {f.name: (getattr(self, f.name), getattr(others, f.name)) for f in fields(self)}
        parts: dict[str, Any] = {
            name: None if here is None or there is None else np.concatenate([here, there])
            for name, (here, there) in pairs.items()
            if name != "every"
        }
        both = replace(self, **parts)
        return both if both.at is None else both.take(np.argsort(both.at, kind="stable"))

    @classmethod
    def of(cls, p: Numbers, y: Outcomes) -> "Pool":
        """Return leads of which nothing is known but prediction and outcome."""
        return cls(p, y, np.ones(len(p), bool), np.zeros(len(p), np.intp))


def one_per_account(pool: Pool) -> Pool:
    """Return one lead of every account, drawn by the hash of its id: no outcome has a say in it.

    Leads of one company share its fate; counted once each they are independent, as the exact test
    needs them. A rate over them is one of companies rather than of contacts.
    """
    drawn = drawn_of_accounts(pool)
    return pool if drawn.all() else pool.take(drawn)


def drawn_of_accounts(pool: Pool) -> Flags:
    """Tell which leads `one_per_account` draws; all where no accounts are known."""
    if pool.account is None or pool.lot is None:
        return np.ones(len(pool), bool)
    return first_of_each(pool.lot, pool.account)


def first_of_each(lot: NDArray[np.uint64], *groups: NDArray[np.intp]) -> Flags:
    """Tell which leads have the lowest lot of their group; of one group are those alike in all.

    Examples
    --------
    >>> lots = np.array([7, 3, 5], np.uint64)
    >>> first_of_each(lots, np.array([0, 0, 1])).tolist()
    [False, True, True]
    """
    order = np.lexsort((lot, *groups))
    drawn = np.ones(len(lot), bool)
    drawn[order[1:]] = np.any([np.diff(group[order]) != 0 for group in groups], axis=0)
    return drawn


@dataclass(frozen=True)
class Cohort:
    """Which leads set the cut, and why these; of a mixed level they guarantee nothing."""

    pool: Pool
    why: str
    mixed: bool = False


@dataclass(frozen=True)
class Asked:
    """What the group handed off is held to: agreed rate and confidence, and the lowest lead."""

    rate: float
    confidence: float
    floor: float


def cohort_of(pool: Pool, asked: Asked) -> Cohort:
    """Return all leads, or the newest alone where they close at another level than was said.

    Parameters
    ----------
    pool : Pool
        Oldest lead first where dated.
    asked : Asked

    Notes
    -----
    The score test of an extra intercept for the newest period in a logistic regression with the
    predictions as offset (Rao 1948), at the level `WORSE` or `BETTER`. A newest cohort too small
    for the test of its first group is widened backwards, lead by lead, to the fewest leads with
    which that test has `POWER` were the group's rate what was said of it, at the level of the
    newest.
    """
    if pool.at is None:
        why = "leads have no dates, so folds were drawn at random and no change over time can show"
        return Cohort(pool, why)
    sample = one_per_account(pool.take(pool.worked))
    newest = sample.period == sample.period.max(initial=0)
    if newest.all():
        return Cohort(pool, "one period of out-of-time predictions")
    distance = level_distance(sample.p, sample.y, newest)
    chance = float(norm.sf(abs(distance)))
    if chance >= (WORSE if distance < 0 else BETTER):
        why = (
            "all periods count, for the newest closes as the earlier ones do, given what was said "
            f"of them ({p_words(chance, digits=2)})"
        )
        return Cohort(pool, why)
    return _newest(pool, sample, newest, chance, asked)


def level_distance(p: Numbers, y: Outcomes, newest: Flags) -> float:
    """Return how many standard errors better the newest close than the others, given `p`.

    Examples
    --------
    >>> p, y = np.full(400, 0.5), np.tile([0, 1], 200).astype(np.int8)
    >>> abs(round(level_distance(p, y, np.arange(400) >= 300), 3))
    0.0
    """
    log_odds = np.log(np.clip(p, 1e-9, 1 - 1e-9) / np.clip(1 - p, 1e-9, 1))
    level = 0.0
    for _ in range(50):
        q = 1 / (1 + np.exp(-(log_odds + level)))
        step = float((y.mean() - q.mean()) / max(float((q * (1 - q)).mean()), 1e-12))
        level += float(np.clip(step, -2, 2))
        if abs(step) < 1e-10:
            break
    told = q * (1 - q)
    new, old = float(told[newest].sum()), float(told[~newest].sum())
    spread = new * old / max(new + old, 1e-12)
    score = float((y - q)[newest].sum())
    return score / max(float(np.sqrt(spread)), 1e-12)


def _newest(pool: Pool, sample: Pool, newest: Flags, chance: float, asked: Asked) -> Cohort:
    won, said = int(sample.y[newest].sum()), float(sample.p[newest].sum())
    leads = int(newest.sum())
    differs = (
        f"the newest period closed {won} of {leads} where {said:.0f} were expected, unlike the "
        f"earlier ones ({p_words(chance)})"
    )
    count, alike = _widened(sample, leads, asked, worse=won < said)
    start = (
        0
        if pool.at is None or sample.at is None
        else int(np.searchsorted(pool.at, sample.at[-count]))
    )
    if count == leads:
        why = f"{differs}: it alone sets the cut"
    elif alike:
        why = f"{differs}: the newest {count} leads set the cut, widened for the test to have power"
    else:
        why = (
            f"{differs}, but has too few wins to set the cut alone: with older leads of another "
            "level nothing is guaranteed"
        )
    return Cohort(pool.take(np.arange(start, len(pool))), why, mixed=not alike)


def _widened(sample: Pool, leads: int, asked: Asked, *, worse: bool) -> tuple[int, bool]:
    """Return how many of the newest leads set the cut, and whether all are of one level.

    Older leads of a better level would lend the group wins it does not have any more: where the
    newest do worse the cohort is widened only as long as what is added closes alike.
    """
    ratio = float(sample.y[-leads:].sum()) / max(float(sample.p[-leads:].sum()), 1e-9)
    step = max(1, leads // STEPS)
    count = leads
    while count < len(sample) and not _enough(sample, count, ratio, asked):
        wider = min(count + step, len(sample))
        if worse and not _alike(sample, leads, wider):
            break
        count = wider
    alike = True
    while count < len(sample) and int(sample.y[-count:].sum()) < FEWEST_WINS:
        count, alike = min(count + step, len(sample)), not worse
    return count, alike


def _alike(sample: Pool, newest: int, count: int) -> bool:
    """Tell whether the leads before the newest, up to so many in all, close like them."""
    part = sample.take(np.arange(len(sample) - count, len(sample)))
    distance = level_distance(part.p, part.y, np.arange(count) >= count - newest)
    return bool(norm.cdf(distance) >= ALIKE)


def _enough(sample: Pool, count: int, ratio: float, asked: Asked) -> bool:
    p = sample.p[-count:]
    return first_power(p[p >= asked.floor], ratio, asked.rate, asked.confidence) >= POWER


def first_power(p: Numbers, ratio: float, rate: float, confidence: float) -> float:
    """Return the chance that the first group passes if it closes at `ratio` times what was said."""
    size = first_size(len(p))
    if len(p) < size:
        return 0.0
    best = np.partition(p, len(p) - size)[len(p) - size :]
    true = min(1.0, ratio * float(best.mean()))
    return float(binom.sf(fewest_wins(size, rate, confidence) - 1, size, true))


def first_size(leads: int) -> int:
    """Return the size of the strictest group that is tested."""
    return max(FIRST_GROUP, leads // VOLUMES)


def fewest_wins(leads: int, rate: float, confidence: float) -> int:
    """Return the fewest wins with which the exact test passes; more than `leads` if none do.

    Examples
    --------
    >>> fewest_wins(50, 0.3, 0.95), fewest_wins(2, 0.3, 0.95)
    (21, 3)
    """
    return int(binom.isf(1 - confidence, leads, rate)) + 1
