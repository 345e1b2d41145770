"""What handing off the leads above a cut brings: leads, wins and margin a month, winners caught."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY
from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.knowable import DAYS_A_MONTH
from leadml.evaluation.pool import Pool, drawn_of_accounts

Flags = NDArray[np.bool_]


def expectation_of(
    pool: Pool, above: Flags, *, confidence: float, follow_ups: bool
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the figures of the leads above a cut, and why those that are None are.

    Parameters
    ----------
    pool : Pool
        All hand-offs whose horizon has passed, those never worked among them.
    above : bool array, shape (leads,)
        Which of them the cut hands off.
    confidence : float
        Of each bound of the close rate of all.
    follow_ups : bool
        Whether it is known who was followed up.

    Returns
    -------
    figures : dict
        ``share, weakest, recall, handoffs_a_month, wins_a_month, margin_a_month,
        close_rate_of_all`` of `leadml.evaluation.threshold.Threshold`.
    why : dict
    """
    worked, months = pool.worked, months_of(pool)
    won = pool.y == 1
    figures: dict[str, Any] = {
        "share": float(above[worked].mean()) if worked.any() else None,
        "weakest": float(pool.p[above].min()) if above.any() else None,
        "recall": float((above & won & worked).sum() / (won & worked).sum())
        if (won & worked).any()
        else None,
        "handoffs_a_month": float(above.sum()) / months if months else None,
        "wins_a_month": float((above & won).sum()) / months if months else None,
        "margin_a_month": _margin(pool, above & won, months),
        "close_rate_of_all": _of_all(pool, above, confidence) if follow_ups else None,
    }
    reasons = {
        "share": "no out-of-time lead has an outcome",
        "weakest": "no out-of-time lead reached the cut",
        "recall": "no out-of-time lead was won",
        "handoffs_a_month": "leads have no dates",
        "wins_a_month": "leads have no dates",
        "margin_a_month": "leads have no dates" if pool.margin is not None else "no amounts",
        "close_rate_of_all": "follow-ups are not recorded" if not follow_ups else "no hand-off",
    }
    return figures, {name: text for name, text in reasons.items() if figures[name] is None}


def months_of(pool: Pool) -> float:
    """Return the months in which so many leads come in; 0 without dates."""
    if pool.at is None or len(pool) < 2:
        return 0.0
    return float(np.ptp(pool.at)) / (MICROSECONDS_A_DAY * DAYS_A_MONTH * pool.every)


def _margin(pool: Pool, won: Flags, months: float) -> dict[str, float] | None:
    if pool.margin is None or not months:
        return None
    low, value, high = (pool.margin[won].sum(axis=0) / months).tolist()
    return {"low": low, "value": value, "high": high}


def _of_all(pool: Pool, above: Flags, confidence: float) -> dict[str, float] | None:
    """Return wins over all hand-offs above the cut; one lead per account where those are known.

    The lead is drawn before the cut is held against it, as for the promise: drawn from the leads
    above the cut, an account would count whenever any of its leads reaches it.
    """
    group = pool.take(above & drawn_of_accounts(pool))
    leads, won = len(group), int(group.y.sum())
    rate = close_rate(won, leads, confidence)
    if rate.value is None or rate.low is None or rate.high is None:
        return None
    return {"value": rate.value, "low": rate.low, "high": rate.high, "leads": leads, "won": won}
