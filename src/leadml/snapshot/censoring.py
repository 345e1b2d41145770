"""Weights for learning from leads that have not matured yet.

A lead whose horizon has not passed is *censored*: it may yet be won. Leads that closed early are
known all the same, but they are a biased choice: where wins come fast they are too often wins.
Inverse-probability-of-censoring weights (Robins and Rotnitzky 1992,
doi:10.1007/978-1-4757-1229-2_14) put that right: a lead resolved at age R stands for itself and
for the leads like it that are still too young to show what they would do at that age.

Censoring is administrative: it depends on the lead's age alone, which is known for every lead. So
no Kaplan-Meier estimate is needed: ``G(t)`` is the share of leads at least `t` old.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME
from leadml.domain.agreement import Agreement
from leadml.snapshot.labels import OUTSIDE, UNUSABLE, Judged

Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Microseconds = NDArray[np.int64]

LEAST_MATURED = 0.05
"""Smallest share of leads whose horizon has passed: with less, one lead stands for over twenty."""


@dataclass(frozen=True)
class Resolved:
    """The leads whose outcome within the horizon is settled as of one moment, oldest first.

    Attributes
    ----------
    rows : int array
        Positions in the export.
    weight : float array, shape (rows,)
        1 / G(min(T, H)), at least 1.
    early : bool array, shape (rows,)
        Closed before their horizon has passed.
    matured_share : float
        G(H): share of the leads whose horizon has passed.
    cohort : int array
        Positions of all leads handed off long enough ago to have been worked, resolved or not:
        together they made the weights.
    """

    rows: Rows
    weight: Numbers
    early: Flags
    matured_share: float
    cohort: Rows

    @property
    def usable(self) -> bool:
        """Whether enough leads have matured for the weights to be bounded."""
        return self.matured_share >= LEAST_MATURED


def resolved_leads(judged: Judged, agreement: Agreement, *, at: int) -> Resolved:
    """Return every resolved lead as of a moment, and its weight.

    A lead is resolved once it was won or lost, or its horizon H has passed. Every resolved lead
    weighs 1 / G(min(T, H)), T the time from the moment it is judged to the win or loss: matured
    leads too, which would count too little beside early closers of weight 1 / G(T) with weight 1
    (measured: 1.4 points of bias). A loss before the horizon is a 0.

    Parameters
    ----------
    judged : Judged
        Dated, with closing times.
    agreement : Agreement
        Its horizon, its follow-up time, and whether it counts only leads that were worked.
    at : int
        Microseconds UTC; what came later is not looked at. The origin of a fold, or now.

    Notes
    -----
    The group is the same as that of matured leads: where the agreement counts leads that were
    worked, those followed up as agreed. A young lead that nobody has worked *yet* may still join
    it. Were ages taken from the leads worked so far, the young would be too few among them, G too
    high for the old and the weights too small; were such a lead left out as never worked, quick
    follow-up would be overrepresented. So both the ages and the resolved leads are taken from
    leads old enough that the agreed follow-up time has passed: membership is settled for all of
    them, and what is lost are the closings of the newest two weeks. G(t) is 1 up to that age.
    """
    as_of = judged.as_of.astype("datetime64[us]").view("i8")
    horizon = _days(agreement.horizon_days)
    worked_only = agreement.counts == "followed_up" and judged.follow_up_recorded
    settled = min(_days(agreement.follow_up_days), horizon) if worked_only else 0
    known = (
        judged.in_group
        & ~np.isin(judged.why_not.astype(str), (*UNUSABLE, OUTSIDE))
        & (as_of != NO_TIME)
    )
    age = at - as_of
    cohort = known & (age >= settled)
    group = cohort & (judged.followed_up | (agreement.counts == "handed_off"))
    took = np.where(_closed_by(judged, at), np.maximum(judged.closed - as_of, 0), horizon + 1)
    early = group & (took <= horizon) & (age < horizon)
    rows = np.flatnonzero(early | (group & (age >= horizon)))
    rows = rows[np.argsort(as_of[rows], kind="stable")]
    ages = np.sort(age[group])
    share = _share_at_least(ages, np.minimum(took[rows], horizon))
    return Resolved(
        rows=rows,
        weight=1 / share,
        early=early[rows],
        matured_share=float(_share_at_least(ages, np.array([horizon]))[0]) if len(ages) else 0.0,
        cohort=np.flatnonzero(cohort),
    )


def effective_size(weight: Numbers) -> float:
    """Return (sum of weights)² / sum of squared weights: as many equal leads tell as much.

    References
    ----------
    Kish, L. (1965), Survey Sampling.
    """
    return float(weight.sum() ** 2 / (weight**2).sum()) if len(weight) else 0.0


def _closed_by(judged: Judged, at: int) -> Flags:
    return np.asarray((judged.closed != NO_TIME) & (judged.closed <= at))


def _share_at_least(ages: Microseconds, age: Microseconds) -> Numbers:
    """Return G: the share of leads at least that old; ages come sorted."""
    return 1 - np.searchsorted(ages, age, side="left") / len(ages)


def _days(days: float) -> int:
    return round(days * MICROSECONDS_A_DAY)
