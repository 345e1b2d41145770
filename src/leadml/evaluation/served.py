"""Whether the probabilities that were served came true."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.drift import InTheLarge, calibration_slope, in_the_large
from leadml.evaluation.interval import p_words
from leadml.evaluation.promise import percent
from leadml.evaluation.tally import Floats

Bools = NDArray[np.bool_]
FEWEST = 20
"""Fewest leads by which the level is judged."""
BINS = 10
LEVEL = 0.05
"""Chance of a finding where every probability is right, level and slope together."""
SMALLEST = 1e-9


def served(
    won: Bools,
    probability: Floats,
    *,
    confidence: float,
    accounts: NDArray[np.intp] | None = None,
    drawn: Bools | None = None,
) -> dict[str, Any]:
    """Hold served probabilities against what became of the leads.

    Parameters
    ----------
    won : bool array, shape (leads,)
        At least one lead.
    probability : float array, shape (leads,)
        As served, before the outcome was known; in [0, 1].
    confidence : float
        Of each one-sided exact bound of a bin's close rate.
    accounts : int array, shape (leads,), or None
        Leads with the same number share their fate.
    drawn : bool array, shape (leads,), or None
        One lead of each account, drawn without regard to its outcome; None for all.

    Returns
    -------
    dict
        JSON-ready: ``leads, won, bins, mean_predicted, mean_observed, difference, p_level, slope,
        p_slope, finding``. The level is tested by the exact binomial test, with accounts by the
        larger p of it and of one whose error counts accounts; the slope by the likelihood ratio
        against 1, of the drawn leads. Each is held to half of 5 %, so that right probabilities are
        found fault with in at most 5 % of reports.
    """
    p = np.clip(probability, SMALLEST, 1 - SMALLEST)
    log_odds = np.log(p / (1 - p))
    found = in_the_large(won, log_odds)
    if drawn is not None and not drawn.all():
        found = replace(found, slope=calibration_slope(won[drawn], log_odds[drawn]))
    level = max(found.p, _by_accounts(won, probability, accounts))
    slope = found.slope
    return {
        "leads": len(won),
        "won": int(won.sum()),
        "bins": bins(won, probability, confidence=confidence),
        "mean_predicted": float(probability.mean()),
        "mean_observed": float(won.mean()),
        "difference": {"value": found.difference, "low": found.low, "high": found.high},
        "p_level": level,
        "slope": None
        if slope is None
        else {"value": slope.value, "low": slope.low, "high": slope.high},
        "p_slope": None if slope is None else slope.p,
        "finding": finding(found, level),
    }


def bins(
    won: Bools, probability: Floats, *, confidence: float, parts: int = BINS
) -> list[dict[str, Any]]:
    """Group leads by probability into up to `parts` groups of about equal size; ties together.

    Returns
    -------
    list of dict
        JSON-ready, lowest first: ``low`` and ``high``, the ends of the bin's probabilities;
        ``leads``; ``predicted``, their mean; ``won``; ``observed``, the close rate with its exact
        bounds.
    """
    _, place, counts = np.unique(probability, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    part = np.floor(middle / len(won) * parts).astype(int)[place]
    rows = []
    for number in np.unique(part):
        inside = part == number
        said, leads, wins = probability[inside], int(inside.sum()), int(won[inside].sum())
        rows.append(
            {
                "low": float(said.min()),
                "high": float(said.max()),
                "leads": leads,
                "predicted": float(said.mean()),
                "won": wins,
                "observed": close_rate(wins, leads, confidence).to_dict(),
            }
        )
    return rows


def _by_accounts(won: Bools, probability: Floats, accounts: NDArray[np.intp] | None) -> float:
    if accounts is None:
        return 0.0
    off = np.bincount(np.unique(accounts, return_inverse=True)[1].reshape(-1), won - probability)
    error = float(np.sqrt((off**2).sum()))
    return 2 * float(norm.sf(abs(off.sum()) / error)) if error > 0 else 1.0


def finding(found: InTheLarge, level: float) -> str:
    """Say in a sentence whether the probabilities were right."""
    said, came = percent(found.expected), percent(found.observed)
    of = f"of {found.leads:,} leads with a served probability"
    if found.leads < FEWEST:
        return f"{said} {of} were expected to be won and {came} were: too few to judge by."
    if level <= LEVEL / 2:
        more = "more" if found.difference > 0 else "fewer"
        advice = "`leadml recalibrate` refreshes the level"
        return (
            f"{came} {of} were won where {said} were expected: {more} than chance explains "
            f"({p_words(level)}). {advice}."
        )
    slope = found.slope
    if slope is not None and slope.p <= LEVEL / 2:
        far = "too far apart" if slope.value < 1 else "too close together"
        return (
            f"The level is right ({came} {of} were won, {said} expected), but the probabilities "
            f"lie {far} (slope {slope.value:.2f}, {p_words(slope.p)})."
        )
    return (
        f"{came} {of} were won where {said} were expected: the difference is no larger than chance "
        f"brings ({p_words(level, digits=2)})."
    )
