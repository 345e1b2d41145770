"""What the sales of a simulated company make of its hand-offs: acceptance, rejection, why.

Drawn after everything else and from a stream of its own, so that a CRM with it is the same CRM.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadml.data.simulated_fates import Fates
from leadml.data.simulated_people import Floats, People, Texts
from leadml.data.simulated_touches import DAY, Seconds
from leadml.data.simulated_world import NEVER, Pipeline, iso_texts

REASONS = {
    "No reply": 0.26,
    "No need": 0.22,
    "No budget": 0.20,
    "Wrong person": 0.14,
    "Competitor": 0.07,
    "Not a company": 0.04,
    "Duplicate": 0.03,
    "Timing": 0.04,
}
"""What a rejection says -> its share; the last is on nobody's list."""
REJECTED = 0.35  # of the worked leads that are lost
LONGEST_LOOK = 10.0  # days from the first touch to a rejection
ACCEPTED_UNWORKED, REJECTED_UNWORKED = 0.12, 0.04
QUALIFIED_ONLY = 0.25  # of the leads never handed off
SIZES = (50, 250, 1000)
SIZE_NAMES = ("1-49", "50-249", "250-999", "1000+")
SEGMENTS = ("Small business", "Mid-market", "Mid-market", "Enterprise")
PUBLIC = ("Education", "Public sector")


@dataclass(frozen=True)
class Feedback:
    """What becomes known of every lead beside its fate; arrays of shape (leads,).

    Attributes
    ----------
    qualified, accepted, rejected : int64 arrays
        Seconds since 1970 UTC; `NEVER` where it does not happen.
    reason : object array
        Why it is rejected, were it.
    segment, size : object arrays
        Of the lead's company.
    """

    qualified: Seconds
    accepted: Seconds
    rejected: Seconds
    reason: Texts
    segment: Texts
    size: Texts


def draw_feedback(
    rng: np.random.Generator, people: People, leads: Pipeline, fates: Fates
) -> Feedback:
    """Draw it: worked leads are accepted before the first touch, or rejected soon after it."""
    n = len(leads.ready)
    early, look, late, drawn = (rng.random(n) for _ in range(4))
    worked = leads.handed_off & fates.followed_up
    neglected = leads.handed_off & ~fates.followed_up
    rejected = worked & ~fates.won & (drawn < REJECTED)
    turned_away = neglected & (drawn < REJECTED_UNWORKED)
    kept = neglected & (drawn > 1 - ACCEPTED_UNWORKED)
    touch = np.where(worked, fates.first_touch, leads.ready + 2 * DAY)
    wait = np.minimum(np.where(worked, fates.closed, NEVER) - touch, LONGEST_LOOK * DAY)
    refusal = touch + (look * np.maximum(wait, 0)).astype(np.int64)
    welcome = leads.ready + ((0.2 + 0.8 * late) * (touch - leads.ready)).astype(np.int64)
    found = leads.created + ((0.3 + 0.7 * early) * (leads.ready - leads.created)).astype(np.int64)
    qualified = leads.handed_off | (drawn < QUALIFIED_ONLY)
    size = np.searchsorted(SIZES, people.company_size, side="right")
    public = np.isin(people.industry.astype(str), PUBLIC)
    return Feedback(
        qualified=np.where(qualified, found, NEVER),
        accepted=np.where(worked & ~rejected | kept, welcome, NEVER),
        rejected=np.where(rejected | turned_away, refusal, NEVER),
        reason=_draw_reasons(rng, people),
        segment=np.where(public, "Public", np.array(SEGMENTS, object)[size]).astype(object),
        size=np.array(SIZE_NAMES, object)[size],
    )


def _draw_reasons(rng: np.random.Generator, people: People) -> Texts:
    """Draw a reason for every lead; what a lead is makes some reasons likelier."""
    source, title = people.source.astype(str), people.job_title.astype(str)
    more = {
        "No budget": 1.2 * np.isnan(people.budget),
        "Wrong person": 1.2 * (source == "Purchased list") + 0.9 * (title == "Analyst"),
        "Not a company": 1.5 * (source == "Purchased list") + 3.0 * (title == "Student"),
        "No need": 1.0 * (source == "Content download"),
        "Duplicate": 1.0 * (source == "Trade show"),
    }
    none: Floats = np.zeros(len(source))
    log_odds = np.stack([np.log(share) + more.get(name, none) for name, share in REASONS.items()])
    drawn: NDArray[np.intp] = np.argmax(log_odds + rng.gumbel(size=log_odds.shape), axis=0)
    return np.array(list(REASONS), object)[drawn]


def feedback_columns(feedback: Feedback, end: int) -> pd.DataFrame:
    """Return the columns as a CRM would show them at `end` (seconds since 1970 UTC)."""

    def until(moments: Seconds) -> Texts:
        return iso_texts(np.where(moments < end, moments, NEVER))

    told = feedback.rejected < end
    reason = feedback.reason.copy()
    reason[~told] = None
    return pd.DataFrame(
        {
            "qualified_at": until(feedback.qualified),
            "accepted_at": until(feedback.accepted),
            "rejected_at": until(feedback.rejected),
            "rejection_reason": reason,
            "segment": feedback.segment,
            "account_size": feedback.size,
        }
    )
