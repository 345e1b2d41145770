"""Cuts of representatives: stricter than the team's where one closes fewer of the same leads."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from leadml.evaluation.group import FIRST_ESTIMATED
from leadml.evaluation.people import People

Numbers = NDArray[np.float64]

NOBODY = 1.0
"""The cut of a representative with whom no group of leads would close at the agreed rate."""


def rep_cuts(
    log_odds: Numbers,
    people: People,
    *,
    team_cut: float,
    rate: float,
    floor: float = 0.0,
    alone: bool = False,
) -> dict[str, float]:
    """Return the cuts of the representatives told below the team, by name.

    Parameters
    ----------
    log_odds : float array, shape (leads,)
        Of all the team's leads, out of time and calibrated.
    people : People
        Found on these leads.
    team_cut, rate, floor : float
        The team's cut, the agreed close rate and the least probability, in (0, 1).
    alone : bool
        Whether the team's cut is one for single leads: then it is the lead at the cut, not the
        group above it, that has to do as well in this representative's hands.

    Notes
    -----
    The loosest cut, and none below the team's, above which the team's leads would close at the
    agreed rate in this representative's hands, no lead of them below the floor. Who ties with the
    team keeps its cut: noise tightens nothing. Nobody gets a looser cut: the team's is as loose as
    the agreement allows.
    """
    cuts = {}
    for rep in people.reps:
        if rep.told == "below the team":
            shift = people.shift + rep.effect
            own = (
                float(expit(logit(team_cut) - shift))
                if alone
                else own_cut(log_odds, shift, rate, floor)
            )
            cuts[rep.owner] = max(team_cut, own)
    return cuts


def own_cut(log_odds: Numbers, shift: float, rate: float, floor: float) -> float:
    """Return the probability above which leads shifted by so many log-odds close at the rate.

    `NOBODY` where even the strictest `FIRST_ESTIMATED` do not.
    """
    if len(log_odds) < FIRST_ESTIMATED:
        return NOBODY
    ranked = -np.sort(-log_odds)
    p = expit(ranked + shift)
    ends = np.append(ranked[1:] != ranked[:-1], True) & (np.arange(len(p)) >= FIRST_ESTIMATED - 1)
    closes = np.cumsum(p) / np.arange(1, len(p) + 1) >= rate
    passed = np.flatnonzero(ends & closes)
    if not len(passed):
        return NOBODY
    lowest = float(expit(ranked[passed[-1]]))
    return lowest if floor <= 0 else max(lowest, float(expit(logit(floor) - shift)))
