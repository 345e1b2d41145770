"""A simulated B2B CRM whose truth is known: every lead's probability of a sales-ready outcome.

What decides the outcome is a logistic function of what is visible at the hand-off (attributes and
activities so far), plus a rep's skill and a little chance of its own that no export shows. Time to
a win does not depend on the probability of one. Activities go on after the hand-off and after the
close, so a reader who does not respect time sees the answer.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import get_args

import numpy as np
import pandas as pd

from leadml.data.simulated_agreement import definition_of
from leadml.data.simulated_edits import draw_edits
from leadml.data.simulated_export import Past, frames_at
from leadml.data.simulated_fates import Fates, close_in_bulk, draw_fates
from leadml.data.simulated_feedback import draw_feedback
from leadml.data.simulated_leaks import LEAKING, draw_chance
from leadml.data.simulated_people import (
    LEADS_PER_ACCOUNT,
    LEADS_PER_BUYING_ACCOUNT,
    REP_SHARES,
    REPS,
    Floats,
    People,
    draw_people,
)
from leadml.data.simulated_touches import DAY, Seconds, Touches, draw_after, draw_before, join
from leadml.data.simulated_world import (
    NEVER,
    PACES,
    Delay,
    NeglectBy,
    Pipeline,
    World,
    crm_score,
    select,
)

WEEKDAY_SHARES = np.array([0.19, 0.20, 0.20, 0.18, 0.15, 0.04, 0.04])  # Monday first
OPEN_DAYS = 60  # how long leads that never close stay active


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
        What no CRM knows, one row a lead in the same order; see the notes.
    definition : str
        Text of the leadml.toml that goes with the exports.
    history : DataFrame
        ``lead_id, field, old_value, new_value, changed_at`` in time order: the edits of attributes
        after the hand-off, values as text, missing where the field was empty. Without a row where
        `attribute_changes` is 0.
    leaking : tuple of str
        Columns of `leads` that hold what became known after the outcome.

    Notes
    -----
    Columns of `truth`:

    - ``probability`` of a sales-ready outcome *given follow-up*, for what the lead's own record
      shows at the hand-off: what a perfect model would say, and what the agreement measures.
    - ``probability_if_all_worked``: the same were every lead worked. It is lower where sales works
      the leads of which it has a good feeling that no export shows (``neglect_by="unseen"``).
    - ``probability_given_account``: given follow-up, the company's own log-odds known too. A model
      that learns from colleagues lies between ``probability`` and this.
    - ``follow_up_probability`` once handed off.
    - What happens, beyond the end of the period too: ``handed_off``, ``followed_up`` (really, not
      by a bulk closing), ``won``, ``days_to_close`` (from the hand-off; infinite where the lead
      never closes) and ``closed_in_bulk``.
    """

    leads: pd.DataFrame
    activities: pd.DataFrame
    truth: pd.DataFrame
    definition: str
    history: pd.DataFrame
    leaking: tuple[str, ...]
    _past: Past = field(repr=False, compare=False)

    def as_of(self, moment: datetime) -> "SimulatedCrm":
        """Return the exports as they were at an earlier moment: what came later is not in them.

        Parameters
        ----------
        moment : datetime
            Aware; no later than the end of the period, where the exports are complete.
        """
        return _export(self._past, int(moment.timestamp()))


def simulate(
    leads: int = 4000,
    *,
    seed: int = 0,
    start: date = date(2024, 7, 1),
    days: int = 540,
    base_rate: float = 0.25,
    signal: float = 1.0,
    delay_days: float = 30.0,
    delay: Delay = "usual",
    neglect: float = 0.15,
    neglect_by: NeglectBy = "score",
    bulk_closing: float = 0.0,
    drift: float = 0.0,
    account_effect: float = 0.0,
    rep_skill: float = 0.35,
    attribute_changes: float = 0.0,
    leaks: bool = False,
    explore: float = 0.0,
    feedback: bool = False,
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
    delay : {"usual", "slow_wins", "fast_wins"}
        How long wins and losses take. Usually a loss takes 1.3 times as long as a win.
        ``"slow_wins"``: wins take 2.5 times `delay_days` and losses a fifth of it, so the closed
        leads of an export hold too few wins. ``"fast_wins"``: wins take half of it and losses 2.5
        times, so they hold too many.
    neglect : float
        Share of hand-offs that sales never works, in [0, 1).
    neglect_by : {"score", "unseen"}
        What decides who is worked, beside the rep's diligence: the CRM's old score, or a gut
        feeling that no export shows and that is right more often than not.
    bulk_closing : float
        Share of the never-worked hand-offs that are closed as lost in a few bulk actions, about
        every two months and at one moment each, in [0, 1]. Every second action also sets the first
        touch to that moment.
    drift : float
        Change of every lead's log-odds a year; zero in the middle of the period.
    account_effect : float
        Standard deviation of a company's own log-odds, in [0, 2]; above 0 about six leads come
        from each company. Nothing shows it but what colleagues do once they are worked, and how
        they end.
    rep_skill : float
        Standard deviation of the reps' log-odds of a win, in [0, 2].
    attribute_changes : float
        Share of leads with attributes edited after the hand-off, about three times likelier after a
        win, in [0, 1]: a table exported later is then not what was known.
    leaks : bool
        Whether the export has columns that hold what became known after the outcome.
    explore : float
        Share of the leads that would not be worked, below the old score's cut or against the gut
        feeling, that are handed off at random and worked whatever anybody feels, in [0, 1). Above
        0 the export says who (``explored``) and with which probability each lead was worked
        (``handoff_probability``: 1 for those chosen), and the definition maps both.
    feedback : bool
        Whether the export says when leads were qualified, accepted and rejected, and why, and in
        which segment and of which size their company is; the definition then maps all of it.

    Raises
    ------
    ValueError
        If an argument is outside its range.
    """
    _refuse_shares(neglect=neglect, bulk_closing=bulk_closing, changes=attribute_changes)
    _refuse(0 <= explore < 1, "explore must be at least 0 and below 1")
    _refuse(leads >= 10 and days >= 1, "leads must be at least 10 and days at least 1")
    _refuse(0 < base_rate <= 0.8, "base_rate must be above 0 and at most 0.8")
    _refuse(signal >= 0, "signal must be 0 or more")
    _refuse(0 < delay_days <= 90, "delay_days must be above 0 and at most 90")
    _refuse(0 <= account_effect <= 2, "account_effect must be at least 0 and at most 2")
    _refuse(0 <= rep_skill <= 2, "rep_skill must be at least 0 and at most 2")
    _refuse_words(delay, neglect_by)
    first = int(datetime(start.year, start.month, start.day, tzinfo=UTC).timestamp())
    world = World(
        start=first,
        end=first + days * DAY,
        base_rate=base_rate,
        signal=signal,
        delay_days=delay_days,
        delay=delay,
        neglect=neglect,
        neglect_by=neglect_by,
        bulk_closing=bulk_closing,
        drift=drift,
        account_effect=account_effect,
        rep_skill=rep_skill,
        attribute_changes=attribute_changes,
        leaks=leaks,
        explore=explore,
        feedback=feedback,
    )
    return _simulate(world, leads, seed)


def _refuse(holds: bool, expected: str) -> None:
    if not holds:
        raise ValueError(expected)


def _refuse_shares(*, neglect: float, bulk_closing: float, changes: float) -> None:
    _refuse(0 <= neglect < 1, "neglect must be at least 0 and below 1")
    _refuse(0 <= bulk_closing <= 1, "bulk_closing must be at least 0 and at most 1")
    _refuse(0 <= changes <= 1, "attribute_changes must be at least 0 and at most 1")


def _refuse_words(delay: str, neglect_by: str) -> None:
    _refuse(delay in PACES, f"delay must be one of {', '.join(PACES)}")
    _refuse(neglect_by in get_args(NeglectBy), "neglect_by must be score or unseen")


def _simulate(world: World, leads: int, seed: int) -> SimulatedCrm:
    streams = [np.random.default_rng([seed, part]) for part in range(10)]
    per_account = LEADS_PER_BUYING_ACCOUNT if world.account_effect else LEADS_PER_ACCOUNT
    people = draw_people(streams[0], leads, per_account)
    pipeline, before = _draw_pipeline(streams[1], world, people)
    company = world.account_effect * streams[4].standard_normal(leads)[people.account]
    fates = draw_fates(streams[2], world, people, pipeline, company, streams[8].random(leads))
    pipeline = replace(pipeline, handed_off=pipeline.handed_off | fates.explored)
    fates = close_in_bulk(streams[5], world, pipeline, fates)
    after = _draw_after(streams[3], pipeline, fates, company)
    past = Past(
        lead_ids=np.array([f"L{number:06d}" for number in range(1, leads + 1)], object),
        people=people,
        pipeline=pipeline,
        fates=fates,
        touches=join(before, after),
        edits=draw_edits(streams[6], world, people, pipeline, fates),
        chance=draw_chance(streams[7], leads) if world.leaks else None,
        explore=world.explore,
        feedback=draw_feedback(streams[9], people, pipeline, fates) if world.feedback else None,
    )
    return _export(past, world.end)


def _export(past: Past, end: int) -> SimulatedCrm:
    """Export what a CRM would show at `end` (seconds since 1970 UTC)."""
    frames = frames_at(past, end)
    return SimulatedCrm(
        leads=frames.leads,
        activities=frames.activities,
        truth=frames.truth,
        definition=definition_of(explores=past.explore > 0, feedback=past.feedback is not None),
        history=frames.history,
        leaking=LEAKING if past.chance is not None else (),
        _past=past,
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


def _draw_after(
    rng: np.random.Generator, pipeline: Pipeline, fates: Fates, company: Floats
) -> Touches:
    start = np.where(fates.followed_up, fates.first_touch, pipeline.ready)
    stop = np.where(fates.closed == NEVER, start + OPEN_DAYS * DAY, fates.closed)
    return draw_after(
        rng, start=start, stop=stop, won=fates.won, worked=fates.followed_up, company=company
    )
