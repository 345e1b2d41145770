"""Proposing the horizon: how long it takes until nearly all wins to be had have come."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.data.leads import Leads
from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME
from leadml.evaluation.incidence import LOST, OPEN, WON, cumulative_incidence, days_until

SHARE_OF_WINS = 0.9
FEWEST_WINS = 20
FEWEST_AT_RISK = 20
SPAN = 0.8
"""Share of the longest wait seen beyond which a horizon is doubtful."""


@dataclass(frozen=True)
class Horizon:
    """The horizon proposed.

    Attributes
    ----------
    days : int or None
        None where the export does not tell.
    because : str
        What it was estimated from, or why it could not be.
    wins : int
        Wins it rests on.
    """

    days: int | None
    because: str
    wins: int = 0


@dataclass(frozen=True)
class _Waits:
    """Days each lead was waited for, how the wait ended, and the leads' ages in days."""

    days: NDArray[np.float64]
    ending: NDArray[np.int8]
    age: NDArray[np.float64]


def propose_horizon(leads: Leads) -> Horizon:
    """Propose the horizon by which 90 % of the wins to be had have come.

    Waits are counted from the hand-off, where no hand-offs are mapped from creation. The estimate
    is Aalen-Johansen's: open leads count as seen so far, losses as competing with wins.
    """
    waits = _waits(leads)
    if waits is None:
        return Horizon(None, "the default, for the export lacks outcomes, starts or closes")
    wins = int((waits.ending == WON).sum())
    incidence = cumulative_incidence(waits.days, waits.ending)
    until = days_until(incidence, SHARE_OF_WINS, fewest_at_risk=FEWEST_AT_RISK)
    if wins < FEWEST_WINS or until is None:
        return Horizon(None, f"the default, for only {wins} wins have both their times", wins)
    days = max(1, math.ceil(until))
    seen, older = float(waits.days.max()), int((waits.age >= days).sum())
    because = (
        f"by then {SHARE_OF_WINS:.0%} of the wins to be had have come (Aalen-Johansen estimate "
        f"from {wins:,} wins); {older:,} of {len(leads):,} leads are old enough to be judged so"
    )
    if days > SPAN * seen:
        because += f". CHECK: the export waits {seen:.0f} days at most; wins may still follow"
    return Horizon(days, because, wins)


def _waits(leads: Leads) -> _Waits | None:
    origin = leads.times.get("handed_off_at", leads.times.get("created_at"))
    now, outcome = leads.latest_time(), leads.outcome
    if outcome is None or origin is None or now is None or "closed_at" not in leads.times:
        return None
    start, closed = origin.view("i8"), leads.times["closed_at"].view("i8")
    age = (now.astype("datetime64[us]").view("i8") - start) / MICROSECONDS_A_DAY
    is_closed = outcome >= 0
    days = np.where(is_closed, (closed - start) / MICROSECONDS_A_DAY, age)
    ending = np.select([outcome == 1, outcome == 0], [WON, LOST], OPEN).astype(np.int8)
    usable = (start != NO_TIME) & (days >= 0) & (~is_closed | (closed != NO_TIME))
    return _Waits(days[usable], ending[usable], age[start != NO_TIME])
