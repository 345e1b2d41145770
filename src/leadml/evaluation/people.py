"""What each representative makes of the leads it gets: rates that account for the mix of leads.

A logistic model with one random intercept a representative and the lead's own log-odds as offset::

    log-odds(won) = log-odds(lead) + z_rep,    z_rep ~ N(mean, spread²)

The offset says what the lead is worth in anybody's hands, so what is left is the representative,
chance, and whatever decided who got which lead: an association. Those with few leads are drawn
to the mean, the more the less they differ.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import expit

from leadml.evaluation.interval import Interval

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]
Told = Literal["above the team", "below the team", "tie with the team"]
TIE: Told = "tie with the team"

SPREAD_PRIOR = 0.5
"""Standard deviation of the half-normal prior of the spread, in log-odds: odds of one standard
deviation apart differing by 1.6 are nothing special (Gelman 2006, doi:10.1214/06-BA117A, on priors
that keep a spread of few groups finite)."""
FEWEST_LEADS = 20
"""Fewest leads and, together, fewest wins and losses from which representatives are looked at."""
WIDEST, STEP, KNOT = 6.0, 0.005, 0.0625
"""Log-odds to either side of the team that are looked at, finely, and where the likelihood is
computed before it is interpolated (a smooth, concave function)."""
SPREADS = np.geomspace(0.02, 2.5, 40)
MEANS = np.linspace(-4.5, 4.5, 19)
"""Nodes of the spread, and of the mean in its approximate standard errors."""


@dataclass(frozen=True)
class Rep:
    """One representative.

    Attributes
    ----------
    owner : str
    leads, won : int
    rate, expected : float
        Observed close rate, and the one that these leads would have had in the team's hands.
    effect : float
        Log-odds beyond the team's, drawn to the mean of all representatives.
    at_team_mix, low, high : float
        Close rate it would have with the team's mix of leads; the bounds of all representatives
        hold together with the confidence.
    told : {"above the team", "below the team", "tie with the team"}
        By the bounds: a tie where the team's rate lies within them.
    """

    owner: str
    leads: int
    won: int
    rate: float
    expected: float
    effect: float
    at_team_mix: float
    low: float
    high: float
    told: Told


@dataclass(frozen=True)
class People:
    """The representatives, those with most leads first.

    Attributes
    ----------
    rate : float or None
        The team's close rate; None where nothing was looked at.
    spread : Interval
        Standard deviation of the representatives' log-odds: posterior median and the bounds within
        which it lies with the confidence.
    confidence : float
    without_owner : int
        Leads of nobody in particular, left out.
    shift : float
        Log-odds to add to the leads' own for the team's close rate; an effect comes on top.
    why_not : str or None
        Why nothing was looked at.
    """

    reps: tuple[Rep, ...]
    rate: float | None
    spread: Interval
    confidence: float
    without_owner: int
    shift: float = 0.0
    why_not: str | None = None

    @property
    def told_apart(self) -> int:
        """How many representatives are told from the team."""
        return sum(rep.told != TIE for rep in self.reps)

    def sentences(self) -> list[str]:
        """Say what was found, for people."""
        if self.why_not is not None:
            return [f"Representatives were not compared: {self.why_not}."]
        rate = f"{100 * (self.rate or 0.0):.1f} %"
        if not self.told_apart:
            return [
                f"All {len(self.reps)} representatives tie with the team: given their leads, none "
                f"can be told from its close rate of {rate}."
            ]
        named = [f"{rep.owner} is {rep.told}" for rep in self.reps if rep.told != TIE]
        rest = len(self.reps) - self.told_apart
        others = f"; the other {rest} tie with it" if rest else ""
        return [f"The team closes {rate}. Given their leads, {', '.join(sorted(named))}{others}."]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return {
            "reps": [asdict(rep) for rep in self.reps],
            "rate": self.rate,
            "spread": self.spread.to_dict(),
            "confidence": self.confidence,
            "without_owner": self.without_owner,
            "why_not": self.why_not,
            "sentences": self.sentences(),
        }


def people_of(
    log_odds: Numbers, won: Flags, owner: NDArray[np.object_], *, confidence: float
) -> People:
    """Compare representatives on the leads each got.

    Parameters
    ----------
    log_odds : float array, shape (leads,)
        Of each lead, by a model that neither knew its outcome nor who had it.
    won : bool array, shape (leads,)
    owner : object array of str or None, shape (leads,)
    confidence : float
        In (0, 1); with which all the bounds hold together.

    Notes
    -----
    Everything is integrated on grids (no simulation): the likelihood of each representative in its
    one unknown, its product with the normal around the mean, and mean and spread under a flat and a
    half-normal prior, so that the bounds know that the spread is not known. With J representatives
    each bound leaves out (1 - confidence) / 2J (Bonferroni). The team is the common shift that
    makes its leads close as they did; taking it as known errs on the careful side, for each
    representative is part of it.
    """
    known = np.array([name is not None for name in owner.tolist()], bool)
    names, rep = np.unique(owner[known].astype(str), return_inverse=True)
    rep = rep.reshape(-1)
    log_odds, outcome = log_odds[known], won[known].astype(np.float64)
    why_not = _why_not(len(names), len(outcome), int(outcome.sum()))
    missing = int((~known).sum())
    if why_not is not None:
        return People((), None, Interval.absent(why_not), confidence, missing, why_not=why_not)
    likelihood = Likelihood.of(log_odds, outcome, rep)
    found = posterior(likelihood)
    tail = (1 - confidence) / 2
    middle, least, most = found.spread_at(np.array([0.5, tail, 1 - tail]))
    spread = Interval(middle, least, most)
    reps = _reps(names.tolist(), log_odds, outcome, rep, likelihood, found, tail)
    reps.sort(key=lambda one: (-one.leads, one.owner))
    return People(tuple(reps), float(outcome.mean()), spread, confidence, missing, likelihood.team)


def _why_not(reps: int, leads: int, won: int) -> str | None:
    if reps < 2:
        return "the leads have no owner" if not reps else "all leads have the same owner"
    if min(won, leads - won) < FEWEST_LEADS:
        return f"fewer than {FEWEST_LEADS} wins or losses among the leads with an owner"
    return None


def _reps(
    names: list[str],
    log_odds: Numbers,
    won: Numbers,
    rep: Rows,
    likelihood: "Likelihood",
    found: "Posterior",
    tail: float,
) -> list[Rep]:
    count = np.bincount(rep)
    rate = np.bincount(rep, won) / count
    expected = np.bincount(rep, expit(log_odds + likelihood.team)) / count
    low, high = found.at(tail / len(names)), found.at(1 - tail / len(names))
    at_mix = _mean_rate(log_odds, np.stack([found.mean, low, high]))
    team = float(won.mean())
    return [
        Rep(
            owner=name,
            leads=int(count[number]),
            won=int(won[rep == number].sum()),
            rate=float(rate[number]),
            expected=float(expected[number]),
            effect=float(found.mean[number] - likelihood.team),
            at_team_mix=float(at_mix[0, number]),
            low=float(at_mix[1, number]),
            high=float(at_mix[2, number]),
            told=_told(team, at_mix[1, number], at_mix[2, number]),
        )
        for number, name in enumerate(names)
    ]


def _told(team: float, low: float, high: float) -> Told:
    if low > team:
        return "above the team"
    return "below the team" if high < team else TIE


def _mean_rate(log_odds: Numbers, shift: Numbers) -> Numbers:
    """Return the mean probability of all leads at each shift, in its shape."""
    rates = [float(expit(log_odds + one).mean()) for one in shift.ravel().tolist()]
    return np.array(rates).reshape(shift.shape)


@dataclass(frozen=True)
class Likelihood:
    """How likely each representative's outcomes are, by its log-odds beyond its leads'.

    Attributes
    ----------
    team : float
        The common shift at which as many leads are won as were.
    grid : float array, shape (points,)
        Log-odds, `STEP` apart.
    log : float array, shape (representatives, points)
        Log-likelihood less its maximum.
    best : float array, shape (representatives,)
        The maximum.
    score, information : float arrays, shape (representatives,)
        Derivative of the log-likelihood at `team`, and less its second.
    """

    team: float
    grid: Numbers
    log: Numbers
    best: Numbers
    score: Numbers
    information: Numbers

    @classmethod
    def of(cls, log_odds: Numbers, won: Numbers, rep: Rows) -> "Likelihood":
        """Compute it on knots and interpolate."""
        team = _team(log_odds, won)
        p = expit(log_odds + team)
        knots = team + np.arange(-WIDEST, WIDEST + KNOT / 2, KNOT)
        of_knots = np.stack([_log_likelihood(log_odds + knot, won, rep) for knot in knots], axis=1)
        grid = team + np.arange(-WIDEST, WIDEST + STEP / 2, STEP)
        log = CubicSpline(knots, of_knots, axis=1)(np.clip(grid, knots[0], knots[-1]))
        best = log.max(axis=1)
        return cls(
            team,
            grid,
            log - best[:, None],
            best,
            _sums(rep, won - p),
            _sums(rep, p * (1 - p)),
        )

    def marginal(self, mean: Numbers, spread: Numbers) -> tuple[Numbers, Numbers]:
        """Return the normal's weights on the grid, and each representative's marginal likelihood.

        Parameters
        ----------
        mean, spread : float arrays, shape (nodes,)

        Returns
        -------
        weights : float array, shape (nodes, points)
        marginal : float array, shape (nodes, representatives)
            Relative to `best`.
        """
        off = (self.grid - mean[:, None]) / spread[:, None]
        weights = np.exp(-0.5 * off**2) * (STEP / (spread * np.sqrt(2 * np.pi)))[:, None]
        return weights, np.maximum(weights @ np.exp(self.log).T, 1e-300)


def _log_likelihood(log_odds: Numbers, won: Numbers, rep: Rows) -> Numbers:
    return _sums(rep, won * log_odds - np.logaddexp(0, log_odds))


def _sums(rep: Rows, of: Numbers) -> Numbers:
    sums: Numbers = np.bincount(rep, of).astype(np.float64)
    return sums


def _team(log_odds: Numbers, won: Numbers) -> float:
    """Return the common shift that makes the mean probability the share won (Newton)."""
    shift = 0.0
    for _ in range(50):
        p = expit(log_odds + shift)
        step = float((won - p).sum() / max((p * (1 - p)).sum(), 1e-12))
        shift += float(np.clip(step, -2, 2))
        if abs(step) < 1e-10:
            break
    return shift


@dataclass(frozen=True)
class Posterior:
    """What is known of each representative, mean and spread integrated out.

    Attributes
    ----------
    grid : float array, shape (points,)
    share : float array, shape (representatives, points)
        Probability of each grid point.
    spread_share : float array, shape (spreads,)
        Probability of each node of `SPREADS`.
    """

    grid: Numbers
    share: Numbers
    spread_share: Numbers

    @property
    def mean(self) -> Numbers:
        """Posterior mean of each representative, log-odds."""
        return self.share @ self.grid

    def at(self, quantile: float) -> Numbers:
        """Return a quantile of each representative, log-odds."""
        below = np.cumsum(self.share, axis=1) - self.share / 2
        return np.array([np.interp(quantile, own, self.grid) for own in below])

    def spread_at(self, quantiles: Numbers) -> list[float]:
        """Return quantiles of the spread."""
        below = np.cumsum(self.spread_share) - self.spread_share / 2
        return [float(value) for value in np.interp(quantiles, below, SPREADS)]


def posterior(likelihood: Likelihood) -> Posterior:
    """Integrate over mean and spread on a grid."""
    variance = 1 / np.maximum(likelihood.information, 1e-6)
    guess = likelihood.team + np.clip(likelihood.score * variance, -3, 3)
    weight = 1 / (variance + SPREADS[:, None] ** 2)  # spreads x representatives
    error = 1 / np.sqrt(weight.sum(axis=1))
    middle = error**2 * (weight @ guess)
    mean = (middle[:, None] + error[:, None] * MEANS).ravel()
    spread = np.repeat(SPREADS, len(MEANS))
    prior = np.log(error) + np.log(SPREADS) - 0.5 * (SPREADS / SPREAD_PRIOR) ** 2
    weights, marginal = likelihood.marginal(mean, spread)
    log = np.log(marginal).sum(axis=1) + np.repeat(prior, len(MEANS))
    share = np.exp(log - log.max())
    share /= share.sum()
    own = ((share[:, None] / marginal).T @ weights) * np.exp(likelihood.log)
    own /= own.sum(axis=1, keepdims=True)
    return Posterior(likelihood.grid, own, share.reshape(len(SPREADS), -1).sum(axis=1))
