"""The true probabilities behind the simulated leads: of a follow-up, and of an outcome."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm

from leadml.data.simulated_agreement import HORIZON_DAYS, MIN_MARGIN
from leadml.data.simulated_people import REP_SHARES, TYPICAL_SIZE, Floats, People
from leadml.data.simulated_touches import behaviour_effect
from leadml.data.simulated_world import UNSEEN_SD, YEAR, Pipeline, World

CHERRY_PICKING = 0.4  # log-odds of a follow-up per sd of the CRM's score
GUT_FEELING = 1.5  # log-odds of a follow-up per sd of what no export explains
MARGIN_MEAN, MARGIN_SD = 0.34, 0.12

NODES, _weights = np.polynomial.hermite_e.hermegauss(9)
WEIGHTS = _weights / _weights.sum()  # of a standard normal variable at NODES


@dataclass(frozen=True)
class Habit:
    """How likely sales works a lead once it is handed off.

    Attributes
    ----------
    log_odds : float array, shape (leads or 1, reps)
        Were the lead each rep's and its unseen part 0.
    pull : float
        Log-odds per sd of the unseen part.
    """

    log_odds: Floats
    pull: float

    def given(self, unseen: Floats) -> Floats:
        """Return the probability where the unseen part is known, in sd; shapes broadcast."""
        worked: Floats = expit(self.log_odds[..., None] + self.pull * unseen)
        return worked


@dataclass(frozen=True)
class Chances:
    """The truth about every lead; arrays of shape (leads,) unless said otherwise.

    Attributes
    ----------
    probability, if_all_worked, given_account : float arrays
        Of a sales-ready outcome; see `SimulatedCrm.truth`.
    follow_up : float array
        Of being worked once handed off.
    log_odds : float array
        Of a win, as far as the lead's own record tells.
    habit : Habit
    median_days : float array
        From the hand-off to a win.
    """

    probability: Floats
    if_all_worked: Floats
    given_account: Floats
    follow_up: Floats
    log_odds: Floats
    habit: Habit
    median_days: Floats


def work_out(
    world: World,
    people: People,
    leads: Pipeline,
    *,
    diligence: Floats,
    skill: Floats,
    company: Floats,
) -> Chances:
    """Work the true probabilities out.

    Parameters
    ----------
    diligence, skill : float arrays, shape (reps,)
        Log-odds of a follow-up and of a win.
    company : float array, shape (leads,)
        Log-odds of a win that the lead's company adds.

    Raises
    ------
    ValueError
        If no intercept gives the wanted base rate.
    """
    habit = _habit(world, leads, diligence)
    effect = _visible_effect(world, people, leads)
    median_days = world.delay_days * world.pace.win * (people.company_size / TYPICAL_SIZE) ** 0.1
    solid_in_time = _in_time(world, median_days) * norm.cdf((MARGIN_MEAN - MIN_MARGIN) / MARGIN_SD)
    nobody = np.zeros(len(effect))
    intercept = _intercept(world, leads, effect, skill, habit, solid_in_time)
    by_rep = (effect + intercept)[:, None] + skill
    win, worked = _over_unseen(by_rep, habit, nobody, world.unseen_sd, world.unseen_sd)
    win_known, worked_known = _over_unseen(by_rep, habit, company, UNSEEN_SD, world.unseen_sd)
    every = Habit(np.full((1, len(skill)), np.inf), 0.0)
    win_all, _ = _over_unseen(by_rep, every, nobody, world.unseen_sd, world.unseen_sd)
    return Chances(
        probability=solid_in_time * _over_reps(win, worked),
        if_all_worked=solid_in_time * _over_reps(win_all, np.ones_like(win_all)),
        given_account=solid_in_time * _over_reps(win_known, worked_known),
        follow_up=worked @ REP_SHARES,
        log_odds=intercept + effect,
        habit=habit,
        median_days=median_days,
    )


def _visible_effect(world: World, people: People, leads: Pipeline) -> Floats:
    years = (leads.ready - (world.start + world.end) / 2) / YEAR
    effect: Floats = world.signal * (people.effect + behaviour_effect(leads.counts))
    return effect + world.drift * years


def _habit(world: World, leads: Pipeline, diligence: Floats) -> Habit:
    """Find the follow-up habit that neglects the wanted share of the hand-offs."""
    if world.neglect == 0:
        return Habit(np.full((len(leads.score), len(diligence)), np.inf), 0.0)
    if world.neglect_by == "unseen":
        by_feeling = diligence[:, None] + GUT_FEELING * NODES
        shift = _shift(world, lambda by: REP_SHARES @ expit(by_feeling + by) @ WEIGHTS)
        return Habit(diligence[None, :] + shift, GUT_FEELING)
    pull = CHERRY_PICKING * (leads.score - leads.score.mean()) / (leads.score.std() or 1.0)
    log_odds = pull[:, None] + diligence
    handed_off = log_odds[leads.handed_off]
    shift = _shift(world, lambda by: (expit(handed_off + by) @ REP_SHARES).mean())
    return Habit(log_odds + shift, 0.0)


def _shift(world: World, share_worked: Callable[[float], float]) -> float:
    """Find the log-odds at which the wanted share of the hand-offs is worked."""
    return float(brentq(lambda by: float(share_worked(by)) - (1 - world.neglect), -30.0, 30.0))


def _over_unseen(
    by_rep: Floats, habit: Habit, known: Floats, spread: float, scale: float
) -> tuple[Floats, Floats]:
    """Average over what nobody sees, with each rep.

    Parameters
    ----------
    by_rep : float array, shape (leads, reps)
        Log-odds of a win.
    known : float array, shape (leads,)
        Part of the unseen log-odds that is taken as known.
    spread, scale : float
        Sd of the rest, and of the whole.

    Returns
    -------
    win, worked : float arrays, shape (leads, reps)
        Probability of a win given follow-up, and of the follow-up.
    """
    unseen = known[:, None] + spread * NODES
    chances = expit(by_rep[:, :, None] + unseen[:, None, :])
    if habit.pull == 0:
        return chances @ WEIGHTS, np.broadcast_to(habit.given(np.zeros(1))[..., 0], by_rep.shape)
    weights = WEIGHTS * habit.given(unseen[:, None, :] / scale)
    worked = weights.sum(axis=2)
    return (chances * weights).sum(axis=2) / worked, worked


def _over_reps(by_rep: Floats, follow_up: Floats) -> Floats:
    """Average over reps, each weighted by how likely it is the one who works the lead."""
    weights = follow_up * REP_SHARES
    averaged: Floats = (by_rep * weights).sum(axis=1) / weights.sum(axis=1)
    return averaged


def _in_time(world: World, median_days: Floats) -> Floats:
    """Return the share of wins that come within the horizon (log-normal time to a win)."""
    share: Floats = norm.cdf(np.log(HORIZON_DAYS / median_days) / world.pace.win_spread)
    return share


def _intercept(
    world: World,
    leads: Pipeline,
    effect: Floats,
    skill: Floats,
    habit: Habit,
    solid_in_time: Floats,
) -> float:
    """Find the intercept at which followed-up hand-offs have the wanted mean probability."""
    rows = leads.handed_off
    own = habit.log_odds if len(habit.log_odds) == 1 else habit.log_odds[rows]
    habit, nobody = Habit(own, habit.pull), np.zeros(int(rows.sum()))

    def surplus(intercept: float) -> float:
        by_rep = (effect[rows] + intercept)[:, None] + skill
        win, worked = _over_unseen(by_rep, habit, nobody, world.unseen_sd, world.unseen_sd)
        truth = solid_in_time[rows] * _over_reps(win, worked)
        return float(np.average(truth, weights=worked @ REP_SHARES)) - world.base_rate

    if surplus(40.0) <= 0:
        most = surplus(40.0) + world.base_rate
        msg = f"base_rate must be below {most:.2f}, the share of wins in time at a solid margin"
        raise ValueError(msg)
    return float(brentq(surplus, -40.0, 40.0, xtol=1e-9))
