"""What a training run can say beyond the horizon: the longest one, and who is won by then."""

import math

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY
from leadml.model.eventually import Eventually
from leadml.model.late_wins import fit_late_wins
from leadml.model.scorecard import Machine
from leadml.snapshot.labels import Judged
from leadml.workflows.lesson import Lesson
from leadml.workflows.material import Material

MOST_HORIZONS = 3.0
"""Most horizons looked ahead: a win later than that is another story than this hand-off's."""
WATCHED_SHARE = 0.2
"""Smallest share of matured leads that must have been watched to the end of the longest horizon."""
FEWEST_WATCHED = 100
"""Fewest leads, not won within the horizon, watched to the end of the longest one."""


def eventually_of(
    lesson: Lesson,
    machine: Machine,
    material: Material,
    judged: Judged,
    *,
    horizon_days: float,
    seed: int,
) -> Eventually:
    """Choose the longest horizon and estimate the chance of a win after the agreed one.

    The longest horizon L is the longest the data can show: at most three times the agreed one, and
    watched to its end for a fifth of the matured leads and for at least 100 that were not won
    within the agreed one. It comes in tenths of the agreed horizon. Where it is no longer than
    that, the probability of a win in the end is the probability itself.
    """
    now = material.now_microseconds
    if not judged.dated or "closed_at" not in material.leads.mapping.times or now is None:
        text = "without closing times and dated leads nothing is known of wins after the horizon"
        return Eventually(horizon_days=horizon_days, why=text)
    age = now - lesson.as_of
    longest = longest_horizon(age[lesson.y == 0], age, horizon_days)
    if longest <= horizon_days:
        text = (
            f"fewer than {FEWEST_WATCHED} leads not won within the horizon of {horizon_days:g} "
            f"days, or under {WATCHED_SHARE:.0%} of the matured ones, were watched any longer"
        )
        return Eventually(horizon_days=horizon_days, why=text)
    end = round(longest * MICROSECONDS_A_DAY)
    watched = (age >= end) & (lesson.y == 0)
    rows = lesson.rows[watched]
    in_time = judged.closed[rows] <= lesson.as_of[watched] + end
    late = (judged.won_ever[rows] & in_time).astype(np.int8)
    x = lesson.x[watched]
    own = machine.log_odds(x, lesson.as_of[watched])
    fitted = fit_late_wins(x, own, late, categorical=lesson.categorical, seed=seed)
    return Eventually(
        horizon_days=longest,
        leads=len(late),
        won=int(late.sum()),
        why=_WHY[fitted.form],
        form=fitted.form,
        slope=fitted.slope,
        intercept=fitted.intercept,
        card=fitted.card,
    )


_WHY = {
    "base_rate": "late wins do not tell leads apart, or are too few to: each lead not won within "
    "the horizon has the same chance of a win after it",
    "score": "late wins follow the score: a line in the log-odds of a win within the horizon",
    "logistic": "late wins have a pattern of their own: a logistic regression",
}


def longest_horizon(
    not_won: NDArray[np.int64], matured: NDArray[np.int64], horizon_days: float
) -> float:
    """Return the longest horizon in days that enough leads were watched for.

    Parameters
    ----------
    not_won, matured : int64 arrays
        Ages in microseconds, of the matured leads not won within the horizon, and of all matured.
    horizon_days : float
        Returned where no longer one can be shown.
    """
    if len(not_won) < FEWEST_WATCHED:
        return horizon_days
    share = float(np.quantile(matured, 1 - WATCHED_SHARE, method="lower"))
    count = float(np.sort(not_won)[-FEWEST_WATCHED])
    horizon = horizon_days * MICROSECONDS_A_DAY
    tenths = math.floor(10 * min(MOST_HORIZONS, share / horizon, count / horizon))
    return horizon_days * max(tenths, 10) / 10
