"""A simulated B2B CRM whose truth is known: every lead's probability of a sales-ready outcome.

What decides the outcome is a logistic function of what is visible at the hand-off (attributes and
activities so far), plus a rep's skill and a little chance of its own that no export shows. Time to
a win does not depend on the probability of one. Activities go on after the hand-off and after the
close, so a reader who does not respect time sees the answer.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadml.data.simulated_agreement import DEFINITION
from leadml.data.simulated_fates import (
    NEVER,
    Fates,
    Flags,
    Pipeline,
    World,
    crm_score,
    draw_fates,
    select,
)
from leadml.data.simulated_people import REP_SHARES, REPS, People, draw_people
from leadml.data.simulated_touches import (
    DAY,
    Seconds,
    Touches,
    draw_after,
    draw_before,
    join,
    until,
)

WEEKDAY_SHARES = np.array([0.19, 0.20, 0.20, 0.18, 0.15, 0.04, 0.04])  # Monday first
OPEN_DAYS = 60  # how long leads that never close stay active

Texts = NDArray[np.object_]


@dataclass(frozen=True)
class _History:
    """Everything that happens, in the order in which the leads came in."""

    lead_ids: Texts
    people: People
    pipeline: Pipeline
    fates: Fates
    touches: Touches


@dataclass(frozen=True)
class SimulatedCrm:
    """A CRM's exports, and the truth behind them.

    Attributes
    ----------
    leads : DataFrame
        One row a lead in order of creation, as a CRM would export it at the end of the period:
        times as ISO 8601 text in UTC, missing where nothing is recorded (yet).
    activities : DataFrame
        ``lead_id, timestamp, event, url`` in time order.
    truth : DataFrame
        What no CRM knows, one row a lead in the same order: ``probability`` of a sales-ready
        outcome given follow-up (what a perfect model would say), ``follow_up_probability``, and
        what happens beyond the end of the period too: ``handed_off``, ``followed_up``, ``won``
        and ``days_to_close`` (from the hand-off; infinite where the lead never closes).
    definition : str
        Text of the leadml.toml that goes with the exports.
    """

    leads: pd.DataFrame
    activities: pd.DataFrame
    truth: pd.DataFrame
    definition: str
    _history: _History = field(repr=False, compare=False)

    def as_of(self, moment: datetime) -> "SimulatedCrm":
        """Return the exports as they were at an earlier moment: what came later is not in them.

        Parameters
        ----------
        moment : datetime
            Aware; no later than the end of the period, where the exports are complete.
        """
        return _export(self._history, int(moment.timestamp()))


def simulate(
    leads: int = 4000,
    *,
    seed: int = 0,
    start: date = date(2024, 7, 1),
    days: int = 540,
    base_rate: float = 0.25,
    signal: float = 1.0,
    delay_days: float = 30.0,
    neglect: float = 0.15,
    drift: float = 0.0,
) -> SimulatedCrm:
    """Simulate a CRM over one period; the same arguments always give the same CRM.

    Parameters
    ----------
    leads : int
        Leads created in the period, >= 10.
    seed : int
        Seed of all randomness, >= 0.
    start : date
        First day (UTC).
    days : int
        Length of the period; what happens later is not in the exports, >= 1.
    base_rate : float
        Mean true probability of a sales-ready outcome among followed-up hand-offs, in (0, 0.8],
        and no more than the share of wins that come within the horizon allows.
    signal : float
        Strength of what is visible: 1 is realistic, 0 means that nothing visible matters, >= 0.
    delay_days : float
        Median days from the hand-off to a win for a company of typical size, in (0, 90].
    neglect : float
        Share of hand-offs that sales never works, in [0, 1).
    drift : float
        Change of every lead's log-odds a year; zero in the middle of the period.

    Raises
    ------
    ValueError
        If an argument is outside its range.
    """
    _refuse(leads >= 10 and days >= 1, "leads must be at least 10 and days at least 1")
    _refuse(0 < base_rate <= 0.8, "base_rate must be above 0 and at most 0.8")
    _refuse(signal >= 0, "signal must be 0 or more")
    _refuse(0 < delay_days <= 90, "delay_days must be above 0 and at most 90")
    _refuse(0 <= neglect < 1, "neglect must be at least 0 and below 1")
    first = int(datetime(start.year, start.month, start.day, tzinfo=UTC).timestamp())
    world = World(
        start=first,
        end=first + days * DAY,
        base_rate=base_rate,
        signal=signal,
        delay_days=delay_days,
        neglect=neglect,
        drift=drift,
    )
    return _simulate(world, leads, seed)


def _refuse(holds: bool, expected: str) -> None:
    if not holds:
        raise ValueError(expected)


def _simulate(world: World, leads: int, seed: int) -> SimulatedCrm:
    streams = [np.random.default_rng([seed, part]) for part in range(4)]
    people = draw_people(streams[0], leads)
    pipeline, before = _draw_pipeline(streams[1], world, people)
    fates = draw_fates(streams[2], world, people, pipeline)
    after = _draw_after(streams[3], pipeline, fates)
    lead_ids = np.array([f"L{number:06d}" for number in range(1, leads + 1)], object)
    history = _History(lead_ids, people, pipeline, fates, join(before, after))
    return _export(history, world.end)


def _export(history: _History, end: int) -> SimulatedCrm:
    """Export what a CRM would show at `end` (seconds since 1970 UTC)."""
    touches = until(history.touches, end)
    there = history.pipeline.created < end
    return SimulatedCrm(
        leads=_lead_frame(history, end)[there].reset_index(drop=True),
        activities=_activity_frame(history.lead_ids, touches),
        truth=_truth_frame(history)[there].reset_index(drop=True),
        definition=DEFINITION,
        _history=history,
    )


def _draw_pipeline(
    rng: np.random.Generator, world: World, people: People
) -> tuple[Pipeline, Touches]:
    leads = len(people.intent)
    created = _draw_creation(rng, world, leads)
    wait = np.exp(rng.normal(np.log(6.0) - 0.25 * people.intent, 0.9))  # days
    ready = created + np.maximum(wait * DAY, 600).astype(np.int64)
    counts, before = draw_before(rng, people.intent, created, ready)
    score = crm_score(people, counts)
    handed_off = select(rng, score)
    owner = rng.choice(len(REPS), size=leads, p=REP_SHARES)
    return Pipeline(created, ready, counts, score, handed_off, owner), before


def _draw_creation(rng: np.random.Generator, world: World, leads: int) -> Seconds:
    days = np.arange(world.start, world.end, DAY)
    weekday = (days // DAY + 3) % 7  # 1970-01-01 was a Thursday
    shares = WEEKDAY_SHARES[weekday]
    day = rng.choice(days, size=leads, p=shares / shares.sum())
    second = np.clip(rng.normal(13.5 * 3600, 3.2 * 3600, leads), 0, DAY - 1)
    created: Seconds = np.sort(day + second.astype(np.int64))
    return created


def _draw_after(rng: np.random.Generator, pipeline: Pipeline, fates: Fates) -> Touches:
    start = np.where(fates.followed_up, fates.first_touch, pipeline.ready)
    stop = np.where(fates.closed == NEVER, start + OPEN_DAYS * DAY, fates.closed)
    return draw_after(rng, start=start, stop=stop, won=fates.won, worked=fates.followed_up)


def _lead_frame(history: _History, end: int) -> pd.DataFrame:
    people, pipeline, fates = history.people, history.pipeline, history.fates
    decided = pipeline.ready < end
    handed_off = pipeline.handed_off & decided
    touched, closed = fates.first_touch < end, fates.closed < end
    reps = np.array(REPS, object)[pipeline.owner]
    reps[~handed_off] = None
    return pd.DataFrame(
        {
            "lead_id": history.lead_ids,
            "created_at": _iso(pipeline.created),
            "company": people.company,
            "industry": people.industry,
            "country": people.country,
            "company_size": people.company_size,
            "job_title": people.job_title,
            "lead_source": people.source,
            "budget": people.budget,
            "lead_score": np.where(decided, pipeline.score.astype(float), np.nan),
            "rep": reps,
            "handed_off_at": _iso(np.where(handed_off, pipeline.ready, NEVER)),
            "first_touch_at": _iso(np.where(touched, fates.first_touch, NEVER)),
            "stage": _stages(pipeline, fates, end),
            "closed_at": _iso(np.where(closed, fates.closed, NEVER)),
            "amount": np.where(touched, fates.amount, np.nan),
            "margin": np.where(closed & fates.won, fates.margin, np.nan),
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
            "timestamp": _iso(touches.at),
            "event": touches.kind,
            "url": touches.detail,
        }
    )


def _truth_frame(history: _History) -> pd.DataFrame:
    pipeline, fates = history.pipeline, history.fates
    days = np.where(fates.closed == NEVER, np.inf, (fates.closed - pipeline.ready) / DAY)
    return pd.DataFrame(
        {
            "lead_id": history.lead_ids,
            "probability": fates.probability,
            "follow_up_probability": fates.follow_up_probability,
            "handed_off": pipeline.handed_off,
            "followed_up": fates.followed_up,
            "won": fates.won,
            "days_to_close": days,
        }
    )


def _iso(seconds: Seconds) -> Texts:
    """Write times as ISO 8601 with a Z; None for `NEVER`."""
    known = seconds != NEVER
    moments = np.where(known, seconds, 0).astype("datetime64[s]")
    texts = np.datetime_as_string(moments, unit="s", timezone="UTC").astype(object)
    texts[~known] = None
    return texts
