"""The cut to use now, and what it would have done to the leads handed off so far."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.domain.agreement import Agreement
from leadml.domain.handoff import HandoffPolicy
from leadml.evaluation.cuts import Cuts
from leadml.evaluation.interval import Interval
from leadml.evaluation.pool import FEWEST_WINS, Pool
from leadml.evaluation.promise import percent
from leadml.evaluation.threshold import Threshold, choose_threshold

Bools = NDArray[np.bool_]

MOST_PERIODS = 5
LEADS_A_PERIOD = 100
"""Periods by which it is seen whether the newest leads close unlike the earlier ones."""


def periods_by_time(at: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the period of each lead, oldest 0: up to five of equally many, 100 or more leads each.

    Examples
    --------
    >>> periods_by_time(np.arange(250)).max(), periods_by_time(np.arange(99)).max()
    (np.int64(1), np.int64(0))
    """
    parts = int(np.clip(len(at) // LEADS_A_PERIOD, 1, MOST_PERIODS))
    place = np.empty(len(at), np.intp)
    place[np.argsort(at, kind="stable")] = np.arange(len(at))
    return place * parts // max(len(at), 1)


def advised(
    pool: Pool,
    *,
    agreement: Agreement,
    policy: HandoffPolicy,
    follow_ups: bool,
) -> tuple[Threshold | None, str | None]:
    """Choose the cut by the policy, from what was served and what became of it.

    Parameters
    ----------
    pool : Pool
        Matured hand-offs with the probability that was served, oldest first.

    Returns
    -------
    Threshold or None
    str or None
        Why there is none.
    """
    wins = int((pool.y[pool.worked] == 1).sum())
    if policy.policy == "profit":
        return None, (
            'policy = "profit" weighs each lead by its expected margin, which is not recorded with '
            "the served probabilities: `leadml train` chooses its cut"
        )
    found = choose_threshold(pool, agreement=agreement, policy=policy, follow_ups=follow_ups)
    if found.basis != "none":
        return found, None
    if wins < FEWEST_WINS:
        return None, (
            f"{int(pool.worked.sum()):,} matured leads with a served probability, {wins:,} of them "
            f"won: with fewer than {FEWEST_WINS} wins no cut is read from them, and there are no "
            "agreed points to go by"
        )
    return None, (
        f"no group of at least 20 leads from {percent(found.floor or 0.0)} on reached the agreed "
        f"close rate of {percent(agreement.close_rate)}, both as observed and as predicted"
    )


def would_have(pool: Pool, found: Threshold) -> dict[str, Any]:
    """Return what the cut would have done to the leads handed off so far, JSON-ready.

    ``handed_off`` and ``won`` of the leads above it, those never worked among the first and only
    wins as agreed among the second; ``close_rate``, of the group that was tested, with its bounds
    and counts; ``missed_wins``, wins below it; ``of``, the same of all matured hand-offs.
    """
    above = _above(pool, found)
    won = (pool.y == 1) & pool.worked
    rate = Interval.absent("none of the leads handed off reaches it")
    if found.expected_close_rate is not None and found.low is not None and found.high is not None:
        rate = Interval.around(found.expected_close_rate, found.low, found.high)
    return {
        "handed_off": int(above.sum()),
        "won": int((won & above).sum()),
        "close_rate": rate.to_dict() | {"leads": found.volume, "won": found.won},
        "missed_wins": int((won & ~above).sum()),
        "of": {"handed_off": len(pool), "won": int(won.sum())},
    }


def _above(pool: Pool, found: Threshold) -> Bools:
    if found.probability is None:
        return np.zeros(len(pool), bool) if pool.points_ready is None else pool.points_ready
    reps = {str(rep["owner"]): float(rep["probability"]) for rep in found.reps}
    return Cuts(found.probability, reps).above(pool)


def advice_words(
    found: Threshold,
    effect: dict[str, Any],
    *,
    cut_now: float | None,
    lowest: float,
    below: tuple[int, int] = (0, 0),
) -> str:
    """Say the recommendation in sentences.

    Parameters
    ----------
    found : Threshold
    effect : dict
        `would_have`.
    cut_now : float or None
        Cut of the champion; None where unknown.
    lowest : float
        Lowest probability served to any matured hand-off.
    below : (int, int)
        Matured leads below the cut that were handed off at random to learn from, and wins of them.
    """
    cut = found.probability
    same = cut is not None and cut_now is not None and percent(cut) == percent(cut_now)
    now = "" if cut_now is None else ", as now" if same else f" (now {percent(cut_now)})"
    if cut is None:
        head = (
            f"Hand off by the agreed points: fewer than {FEWEST_WINS} leads with a served "
            "probability were won, too few to read a cut from"
        )
    else:
        head = f"Hand off leads from {percent(cut)} on{now}"
    of = effect["of"]
    did = (
        f"of the {of['handed_off']:,} leads handed off and matured it would have handed off "
        f"{effect['handed_off']:,}, with {effect['won']:,} of the {of['won']:,} wins"
    )
    missed = f"; {effect['missed_wins']:,} wins lay below it" if effect["missed_wins"] else ""
    words = f"{head}: {did}{missed}."
    explored, won = below
    if explored:
        words += (
            f" Of {explored:,} leads below it, handed off at random to learn from, {won:,} were "
            f"won: {percent(won / explored)}."
        )
    elif cut is not None and cut <= lowest:
        words += (
            " Nothing below it was handed off, so whether it could be looser is not known: "
            "`[handoff] explore` finds out."
        )
    return words
