"""What becomes of the simulated leads: the true probability, the follow-up, the close."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm

from leadml.data.simulated_agreement import HORIZON_DAYS, MIN_MARGIN
from leadml.data.simulated_people import REP_SHARES, TYPICAL_SIZE, Floats, People
from leadml.data.simulated_touches import DAY, Counts, Seconds, behaviour_effect, count_of

Flags = NDArray[np.bool_]

NEVER = np.iinfo(np.int64).max // 2  # seconds; later than the end of any period
YEAR = 365.25 * DAY
HANDED_OFF_SHARE = 0.85
DILIGENCE_SD = 0.6  # log-odds of a follow-up, between reps
CHERRY_PICKING = 0.4  # log-odds of a follow-up per sd of the CRM's score
SKILL_SD = 0.35  # log-odds of a win, between reps
UNSEEN_SD = 0.5  # log-odds of a win that no export explains
WIN_SPREAD, LOSS_SPREAD = 0.55, 0.65  # sd of the log of the days
LONGEST_LAG = 13.5  # days: a follow-up that happens, happens as agreed
MARGIN_MEAN, MARGIN_SD = 0.34, 0.12


@dataclass(frozen=True, kw_only=True)
class World:
    """The switches of one simulation, times in seconds since 1970 UTC; see `simulate`."""

    start: int
    end: int
    base_rate: float
    signal: float
    delay_days: float
    neglect: float
    drift: float


@dataclass(frozen=True)
class Pipeline:
    """Every lead up to its hand-off; arrays of shape (leads,).

    Attributes
    ----------
    created, ready : int64 arrays
        Creation, and when marketing decides whether to hand off.
    counts : int array, shape (leads, kinds of touch)
        What the lead did in between.
    score : int array
        The CRM's own rule of thumb at `ready`.
    handed_off : bool array
        Whether marketing hands it off.
    owner : int array
        The rep who gets it.
    """

    created: Seconds
    ready: Seconds
    counts: Counts
    score: NDArray[np.int64]
    handed_off: Flags
    owner: NDArray[np.int64]


@dataclass(frozen=True)
class Fates:
    """What becomes of every lead, beyond the end of the period too; arrays of shape (leads,).

    Attributes
    ----------
    probability : float array
        True probability of a sales-ready outcome given follow-up, for all that is visible.
    follow_up_probability : float array
        True probability that sales works the lead once handed off.
    followed_up, won : bool arrays
        What happens in the end.
    first_touch, closed : int64 arrays
        When; `NEVER` where it does not happen.
    amount, margin : float arrays
        Size of the deal and share of it that is profit, were it won.
    """

    probability: Floats
    follow_up_probability: Floats
    followed_up: Flags
    won: Flags
    first_touch: Seconds
    closed: Seconds
    amount: Floats
    margin: Floats


def crm_score(people: People, counts: Counts) -> NDArray[np.int64]:
    """Return the rule of thumb that the CRM has always used: busy people in big companies."""
    senior = np.isin(people.job_title.astype(str), ["CEO", "VP Operations", "Head of IT"])
    score = (
        20 * senior
        + 10 * (people.company_size >= 200)
        + 4 * np.minimum(count_of(counts, "email_open"), 5)
        + 2 * np.minimum(count_of(counts, "page_view"), 10)
        + 15 * (count_of(counts, "form_submit") > 0)
        + 25 * (count_of(counts, "demo_request") > 0)
    )
    return np.asarray(score, np.int64)


def select(rng: np.random.Generator, score: NDArray[np.int64]) -> Flags:
    """Return which leads marketing hands off: the better scores, roughly."""
    judged = score + rng.normal(0.0, 10.0, len(score))
    chosen: Flags = judged >= np.quantile(judged, 1 - HANDED_OFF_SHARE)
    return chosen


def draw_fates(rng: np.random.Generator, world: World, people: People, leads: Pipeline) -> Fates:
    """Draw what becomes of every lead, and work its true probabilities out."""
    n, reps = len(people.budget), len(REP_SHARES)
    diligence = DILIGENCE_SD * rng.standard_normal(reps)
    skill = SKILL_SD * rng.standard_normal(reps)
    follow_up = _follow_up_by_rep(world, leads, diligence)
    effect = _visible_effect(world, people, leads)
    median_days = world.delay_days * (people.company_size / TYPICAL_SIZE) ** 0.1
    solid_in_time = _in_time(median_days) * norm.cdf((MARGIN_MEAN - MIN_MARGIN) / MARGIN_SD)
    intercept = _intercept(world, leads, effect, skill, follow_up, solid_in_time)
    by_rep = _win_by_rep(effect + intercept, skill)

    followed_up = leads.handed_off & (rng.random(n) < follow_up[np.arange(n), leads.owner])
    log_odds = intercept + effect + skill[leads.owner] + UNSEEN_SD * rng.standard_normal(n)
    won = followed_up & (rng.random(n) < expit(log_odds))
    first_touch, closed = _draw_times(rng, world, leads, followed_up, won, median_days)
    worth = np.log(18_000) + 0.3 * np.log(people.company_size / TYPICAL_SIZE)
    return Fates(
        probability=solid_in_time * _given_follow_up(by_rep, follow_up),
        follow_up_probability=follow_up @ REP_SHARES,
        followed_up=followed_up,
        won=won,
        first_touch=first_touch,
        closed=closed,
        amount=np.round(np.exp(rng.normal(worth, 0.6)) / 100) * 100,
        margin=np.round(rng.normal(MARGIN_MEAN, MARGIN_SD, n), 4),
    )


def _visible_effect(world: World, people: People, leads: Pipeline) -> Floats:
    years = (leads.ready - (world.start + world.end) / 2) / YEAR
    effect: Floats = world.signal * (people.effect + behaviour_effect(leads.counts))
    return effect + world.drift * years


def _follow_up_by_rep(world: World, leads: Pipeline, diligence: Floats) -> Floats:
    """Return each lead's probability of being worked, were it each rep's; shape (leads, reps)."""
    if world.neglect == 0:
        return np.ones((len(leads.score), len(diligence)))
    pull = CHERRY_PICKING * (leads.score - leads.score.mean()) / (leads.score.std() or 1.0)
    log_odds = pull[:, None] + diligence

    def surplus(shift: float) -> float:
        shares = expit(log_odds[leads.handed_off] + shift) @ REP_SHARES
        return float(shares.mean()) - (1 - world.neglect)

    worked: Floats = expit(log_odds + brentq(surplus, -30.0, 30.0))
    return worked


def _win_by_rep(effect: Floats, skill: Floats) -> Floats:
    """Return each lead's probability of a win with each rep, over all that nobody sees."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    log_odds = effect[:, None, None] + skill[:, None] + UNSEEN_SD * nodes
    chances: Floats = expit(log_odds) @ (weights / weights.sum())
    return chances


def _given_follow_up(by_rep: Floats, follow_up: Floats) -> Floats:
    """Average over reps, each weighted by how likely it is the one who works the lead."""
    weights = follow_up * REP_SHARES
    averaged: Floats = (by_rep * weights).sum(axis=1) / weights.sum(axis=1)
    return averaged


def _in_time(median_days: Floats) -> Floats:
    """Return the share of wins that come within the horizon (log-normal time to a win)."""
    share: Floats = norm.cdf(np.log(HORIZON_DAYS / median_days) / WIN_SPREAD)
    return share


def _intercept(
    world: World,
    leads: Pipeline,
    effect: Floats,
    skill: Floats,
    follow_up: Floats,
    solid_in_time: Floats,
) -> float:
    """Find the intercept at which followed-up hand-offs have the wanted mean probability."""
    rows = leads.handed_off
    weights = (follow_up @ REP_SHARES)[rows]

    def surplus(intercept: float) -> float:
        by_rep = _win_by_rep(effect[rows] + intercept, skill)
        truth = solid_in_time[rows] * _given_follow_up(by_rep, follow_up[rows])
        return float(np.average(truth, weights=weights)) - world.base_rate

    if surplus(40.0) <= 0:
        most = surplus(40.0) + world.base_rate
        msg = f"base_rate must be below {most:.2f}, the share of wins in time at a solid margin"
        raise ValueError(msg)
    return float(brentq(surplus, -40.0, 40.0, xtol=1e-9))


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
    win_days = median_days * np.exp(WIN_SPREAD * rng.standard_normal(n))
    loss_days = 1.3 * world.delay_days * np.exp(LOSS_SPREAD * rng.standard_normal(n))
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
