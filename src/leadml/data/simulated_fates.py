"""What becomes of the simulated leads: the follow-up, the close, the deal."""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from leadml.data.simulated_chances import MARGIN_MEAN, MARGIN_SD, Chances, work_out
from leadml.data.simulated_people import REP_SHARES, TYPICAL_SIZE, Floats, People
from leadml.data.simulated_touches import DAY, Seconds
from leadml.data.simulated_world import NEVER, UNSEEN_SD, Flags, Pipeline, World

DILIGENCE_SD = 0.6  # log-odds of a follow-up, between reps
LOSS_SPREAD = 0.65  # sd of the log of the days to a loss
LONGEST_LAG = 13.5  # days: a follow-up that happens, happens as agreed
BULK_EVERY, BULK_JITTER = 61, 9  # days from one bulk closing to the next, give or take
BULK_AGE = 1  # days: younger hand-offs are left alone


@dataclass(frozen=True)
class Fates:
    """What becomes of every lead, beyond the end of the period too; arrays of shape (leads,).

    Attributes
    ----------
    chances : Chances
        The true probabilities.
    followed_up, won : bool arrays
        What happens in the end.
    explored : bool array
        Worked because it was drawn at random from those that would not have been.
    closed_in_bulk : bool array
        Never worked, and closed as lost together with many others.
    first_touch, closed : int64 arrays
        When the CRM says so; `NEVER` where it does not happen.
    amount, margin : float arrays
        Size of the deal and share of it that is profit, were it won.
    """

    chances: Chances
    followed_up: Flags
    explored: Flags
    won: Flags
    closed_in_bulk: Flags
    first_touch: Seconds
    closed: Seconds
    amount: Floats
    margin: Floats


def draw_fates(
    rng: np.random.Generator,
    world: World,
    people: People,
    leads: Pipeline,
    company: Floats,
    drawn: Floats,
) -> Fates:
    """Draw what becomes of every lead.

    Parameters
    ----------
    company : float array, shape (leads,)
        What its company adds to a lead's log-odds.
    drawn : float array, shape (leads,)
        Uniform numbers in [0, 1) that decide who is explored.
    """
    n, reps = len(people.budget), len(REP_SHARES)
    diligence = DILIGENCE_SD * rng.standard_normal(reps)
    skill = world.rep_skill * rng.standard_normal(reps)
    chances = work_out(world, people, leads, diligence=diligence, skill=skill, company=company)
    picked = rng.random(n)
    unseen = UNSEEN_SD * rng.standard_normal(n) + company
    chosen = leads.handed_off & (picked < _worked(chances, leads, unseen / world.unseen_sd))
    explored = ~chosen & (drawn < world.explore)
    followed_up = chosen | explored
    won = followed_up & (rng.random(n) < expit(chances.log_odds + skill[leads.owner] + unseen))
    first_touch, closed = _draw_times(rng, world, leads, followed_up, won, chances.median_days)
    worth = np.log(18_000) + 0.3 * np.log(people.company_size / TYPICAL_SIZE)
    return Fates(
        chances=chances,
        followed_up=followed_up,
        explored=explored,
        won=won,
        closed_in_bulk=np.zeros(n, bool),
        first_touch=first_touch,
        closed=closed,
        amount=np.round(np.exp(rng.normal(worth, 0.6)) / 100) * 100,
        margin=np.round(rng.normal(MARGIN_MEAN, MARGIN_SD, n), 4),
    )


def _worked(chances: Chances, leads: Pipeline, unseen: Floats) -> Floats:
    """Return each lead's probability of being worked by its own rep, the unseen part known."""
    log_odds = chances.habit.log_odds
    row = np.arange(len(unseen)) if len(log_odds) > 1 else np.zeros(len(unseen), np.intp)
    worked: Floats = expit(log_odds[row, leads.owner] + chances.habit.pull * unseen)
    return worked


def close_in_bulk(rng: np.random.Generator, world: World, leads: Pipeline, fates: Fates) -> Fates:
    """Close a share of the never-worked hand-offs as lost in a few actions, each at one moment.

    Every second action also sets the first touch to that moment, as CRMs do that take a change of
    status for work.
    """
    if world.bulk_closing == 0:
        return fates
    actions = _bulk_actions(rng, world)
    never_worked = leads.handed_off & ~fates.followed_up
    closed_in_bulk = never_worked & (rng.random(len(never_worked)) < world.bulk_closing)
    action = np.searchsorted(actions, leads.ready + BULK_AGE * DAY)
    touched = closed_in_bulk & (action % 2 == 0)
    return replace(
        fates,
        closed_in_bulk=closed_in_bulk,
        first_touch=np.where(touched, actions[action], fates.first_touch),
        closed=np.where(closed_in_bulk, actions[action], fates.closed),
    )


def _bulk_actions(rng: np.random.Generator, world: World) -> Seconds:
    """Draw when sales tidies up: some afternoon about every two months."""
    days = np.arange(world.start + 30 * DAY, world.end + 400 * DAY, BULK_EVERY * DAY)
    days += rng.integers(-BULK_JITTER, BULK_JITTER + 1, len(days)) * DAY
    actions: Seconds = days + rng.integers(12 * 3600, 18 * 3600, len(days))
    return actions


def _draw_times(
    rng: np.random.Generator,
    world: World,
    leads: Pipeline,
    followed_up: Flags,
    won: Flags,
    median_days: Floats,
) -> tuple[Seconds, Seconds]:
    n = len(won)
    lag = np.clip(rng.exponential(1.8, n), 0.01, LONGEST_LAG)
    win_days = median_days * np.exp(world.pace.win_spread * rng.standard_normal(n))
    loss_days = world.pace.loss * world.delay_days * np.exp(LOSS_SPREAD * rng.standard_normal(n))
    cleaning_days = 30 + rng.exponential(3 * world.delay_days, n)
    cleaned_up = rng.random(n) < 0.6
    lag = np.where(won, np.minimum(lag, 0.6 * win_days), lag)
    days = np.where(won, win_days, np.maximum(loss_days, lag + 0.05))
    days = np.where(followed_up, days, np.where(cleaned_up, cleaning_days, math.inf))
    return _after_days(leads.ready, np.where(followed_up, lag, math.inf)), _after_days(
        leads.ready, days
    )


def _after_days(origin: Seconds, days: Floats) -> Seconds:
    seconds = np.where(np.isfinite(days), days * DAY, 0.0).astype(np.int64)
    return np.where(np.isfinite(days), origin + seconds, NEVER)
