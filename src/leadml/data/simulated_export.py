"""What a simulated CRM exports at a moment, and the truth beside it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadml.data.simulated_edits import COLUMNS, Edits, applied
from leadml.data.simulated_fates import Fates
from leadml.data.simulated_feedback import Feedback, feedback_columns
from leadml.data.simulated_leaks import Chance, leaking_columns
from leadml.data.simulated_people import REPS, People
from leadml.data.simulated_touches import DAY, Touches, until
from leadml.data.simulated_world import NEVER, Flags, Pipeline, iso_texts

Texts = NDArray[np.object_]


@dataclass(frozen=True)
class Past:
    """Everything that happens, in the order in which the leads came in.

    Attributes
    ----------
    chance : Chance or None
        Of the leaking columns; None where there are none.
    explore : float
        Probability with which leads that nobody chose were worked.
    feedback : Feedback or None
        What sales made of the hand-offs; None where the CRM does not say.
    """

    lead_ids: Texts
    people: People
    pipeline: Pipeline
    fates: Fates
    touches: Touches
    edits: Edits
    chance: Chance | None
    explore: float = 0.0
    feedback: Feedback | None = None


@dataclass(frozen=True)
class Frames:
    """The tables of one export, and the truth of the leads in it."""

    leads: pd.DataFrame
    activities: pd.DataFrame
    history: pd.DataFrame
    truth: pd.DataFrame


def frames_at(past: Past, end: int) -> Frames:
    """Return what a CRM would show at `end` (seconds since 1970 UTC)."""
    touches, edits = until(past.touches, end), past.edits.until(end)
    there = past.pipeline.created < end
    leads = _lead_frame(past, edits, end)
    if past.chance is not None:
        leaks = leaking_columns(past.chance, past.pipeline, past.fates, touches, end)
        leads = pd.concat([leads, leaks], axis=1)
    if past.explore:
        leads = pd.concat([leads, _written_back(past, end)], axis=1)
    if past.feedback is not None:
        leads = pd.concat([leads, feedback_columns(past.feedback, end)], axis=1)
    return Frames(
        leads=leads[there].reset_index(drop=True),
        activities=_activity_frame(past.lead_ids, touches),
        history=_history_frame(past.lead_ids, edits),
        truth=_truth_frame(past)[there].reset_index(drop=True),
    )


def _attributes(people: People, edits: Edits) -> pd.DataFrame:
    names = ("company", "industry", "country", "company_size", "job_title", "source", "budget")
    frame = pd.DataFrame({name: getattr(people, name) for name in names})
    return applied(edits, frame).rename(columns={"source": "lead_source"})


def _history_frame(lead_ids: Texts, edits: Edits) -> pd.DataFrame:
    values = (lead_ids[edits.lead], edits.field, edits.old, edits.new, iso_texts(edits.at))
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))


def _lead_frame(past: Past, edits: Edits, end: int) -> pd.DataFrame:
    pipeline, fates = past.pipeline, past.fates
    decided = pipeline.ready < end
    handed_off = pipeline.handed_off & decided
    touched, closed = fates.first_touch < end, fates.closed < end
    reps = np.array(REPS, object)[pipeline.owner]
    reps[~handed_off] = None
    head = pd.DataFrame({"lead_id": past.lead_ids, "created_at": iso_texts(pipeline.created)})
    tail = pd.DataFrame(
        {
            "lead_score": np.where(decided, pipeline.score.astype(float), np.nan),
            "rep": reps,
            "handed_off_at": iso_texts(np.where(handed_off, pipeline.ready, NEVER)),
            "first_touch_at": iso_texts(np.where(touched, fates.first_touch, NEVER)),
            "stage": _stages(pipeline, fates, end),
            "closed_at": iso_texts(np.where(closed, fates.closed, NEVER)),
            "amount": np.where(touched & fates.followed_up, fates.amount, np.nan),
            "margin": np.where(closed & fates.won, fates.margin, np.nan),
        }
    )
    return pd.concat([head, _attributes(past.people, edits), tail], axis=1)


def _written_back(past: Past, end: int) -> pd.DataFrame:
    """Return what the CRM keeps of the policy: who was explored, and how likely a hand-off was."""
    pipeline, fates = past.pipeline, past.fates
    decided = pipeline.ready < end
    chosen = fates.followed_up & ~fates.explored
    return pd.DataFrame(
        {
            "explored": fates.explored & decided,
            "handoff_probability": np.where(decided, np.where(chosen, 1.0, past.explore), np.nan),
        }
    )


def _stages(pipeline: Pipeline, fates: Fates, end: int) -> Texts:
    closed: Flags = fates.closed < end
    return np.select(
        [
            closed & fates.won,
            closed & pipeline.handed_off,
            closed,
            fates.first_touch < end,
            pipeline.handed_off | (pipeline.ready >= end),
        ],
        ["Closed Won", "Closed Lost", "Disqualified", "Working", "New"],
        "Nurture",
    ).astype(object)


def _activity_frame(lead_ids: Texts, touches: Touches) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "lead_id": lead_ids[touches.lead],
            "timestamp": iso_texts(touches.at),
            "event": touches.kind,
            "url": touches.detail,
        }
    )


def _truth_frame(past: Past) -> pd.DataFrame:
    pipeline, fates = past.pipeline, past.fates
    chances = fates.chances
    days = np.where(fates.closed == NEVER, np.inf, (fates.closed - pipeline.ready) / DAY)
    return pd.DataFrame(
        {
            "lead_id": past.lead_ids,
            "probability": chances.probability,
            "follow_up_probability": chances.follow_up,
            "handed_off": pipeline.handed_off,
            "followed_up": fates.followed_up,
            "won": fates.won,
            "days_to_close": days,
            "probability_if_all_worked": chances.if_all_worked,
            "probability_given_account": chances.given_account,
            "closed_in_bulk": fates.closed_in_bulk,
        }
    )
