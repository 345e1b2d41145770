"""Columns of a simulated CRM that hold what became known after the outcome."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadml.data.simulated_fates import Fates
from leadml.data.simulated_touches import DAY, Touches
from leadml.data.simulated_world import Pipeline

REASONS = {"Price": 0.3, "Timing": 0.25, "Competitor": 0.2, "No budget": 0.15, "No response": 0.1}
LEAKING = (
    "lost_reason",
    "stage_duration_days",
    "won_amount",
    "engagement_score",
    "total_touches",
)


@dataclass(frozen=True)
class Chance:
    """What chance adds to the leaking columns; arrays of shape (leads,)."""

    reason: NDArray[np.object_]
    noise: NDArray[np.float64]


def draw_chance(rng: np.random.Generator, leads: int) -> Chance:
    """Draw a reason and a standard normal number for every lead."""
    reasons = np.array(list(REASONS), object)
    return Chance(rng.choice(reasons, leads, p=list(REASONS.values())), rng.standard_normal(leads))


def leaking_columns(
    chance: Chance, pipeline: Pipeline, fates: Fates, touches: Touches, end: int
) -> pd.DataFrame:
    """Return the columns `LEAKING` as a CRM would show them at `end` (seconds since 1970 UTC).

    The reason of a loss and the amount of a win are there only for those; the duration counts from
    hand-off to close, or to the end where the lead is open; the score is renewed when a lead
    closes; the touches are all of them, whenever they happened.
    """
    closed = pipeline.handed_off & (fates.closed < end)
    won, lost = closed & fates.won, closed & ~fates.won
    there = pipeline.handed_off & (pipeline.ready < end)
    days = (np.minimum(fates.closed, end) - pipeline.ready) / DAY
    change = np.where(won, 18.0, np.where(lost, -8.0, 0.0))
    score = np.clip(0.6 * pipeline.score + 20 + change + 9 * chance.noise, 0, 100)
    reason = np.where(fates.followed_up, chance.reason, "No response").astype(object)
    reason[~lost] = None
    return pd.DataFrame(
        {
            "lost_reason": reason,
            "stage_duration_days": np.where(there, np.round(days, 1), np.nan),
            "won_amount": np.where(won, fates.amount, np.nan),
            "engagement_score": np.round(score),
            "total_touches": np.bincount(touches.lead, minlength=len(closed)),
        }
    )
