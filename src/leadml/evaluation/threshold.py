"""The hand-off threshold: where leads are handed off, on what basis, and what is expected of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from leadml.domain.agreement import Agreement
from leadml.domain.handoff import HandoffPolicy, Policy
from leadml.evaluation.cuts import fixed_cuts
from leadml.evaluation.expectation import expectation_of, months_of
from leadml.evaluation.group import Basis, Group, by_points, fixed, loosest
from leadml.evaluation.pool import FEWEST_WINS, Asked, Cohort, Pool, cohort_of, one_per_account


@dataclass(frozen=True)
class Threshold:
    """Where leads are handed off, on what basis, and what is expected of the group above.

    Attributes
    ----------
    probability : float or None
        Calibrated probability from which a lead is handed off; None with basis points or none.
    basis : {"guaranteed", "estimated", "points", "none"}
        ``guaranteed``: the group passed the test at the agreed confidence (approximately: see the
        method page). ``estimated``: nothing passed; the group reached the rate as observed and as
        predicted, or follows from a policy that does not ask for the rate. ``points``: too few
        wins, the agreed points decide. ``none``: no group reached the rate, or too few wins and no
        points.
    expected_close_rate, low, high : float or None
        Observed rate of the group on out-of-time predictions, and one-sided exact bounds, each
        at the agreed confidence. Where the group was the best of several that were looked at, the
        bounds hold for all of them, and so for the one chosen because it did well.
    volume : int
        Followed-up out-of-time leads in the group, one per account where accounts are known.
    won : int
        Wins among them.
    share : float or None
        What is handed off, as a share of the followed-up out-of-time leads that set the cut.
    policy : {"group", "each", "capacity", "profit"}
    floor : float or None
        Probability below which no lead is handed off.
    weakest : float or None
        Probability of the weakest out-of-time lead that is handed off.
    recall : float or None
        Share of all winners that are handed off.
    handoffs_a_month, wins_a_month : float or None
        At the pace of the out-of-time leads, those never worked among them.
    margin_a_month : dict or None
        ``{"low", "value", "high"}`` in money.
    close_rate_of_all : dict or None
        Wins over *all* hand-offs above the cut, those never worked among them:
        ``{"value", "low", "high", "leads", "won"}``.
    more_outcomes : int or None
        Outcomes of such leads still missing until the test would pass four times in five, were the
        true rate the observed one; 0 where it has passed, None where no number would do.
    more_months : float or None
        Months until the leads handed off at the present pace have brought them.
    pool : dict or None
        What set the cut: ``{"leads", "accounts", "folds", "from", "to", "why"}``; moments in
        microseconds, until a workflow writes them out.
    profit_cut : float or None
        Money that a lead's expected margin must exceed, of policy ``profit``.
    reps : tuple of dict
        Cuts of representatives, ``{"owner", "probability"}``: of a capacity per representative, or
        stricter than the team's where ``per_rep = true``.
    why : dict
        Why a figure above is None, by its name.
    told : tuple of str
        All of it in sentences.
    """

    probability: float | None
    basis: Basis
    expected_close_rate: float | None = None
    low: float | None = None
    high: float | None = None
    volume: int = 0
    won: int = 0
    share: float | None = None
    policy: Policy = "group"
    floor: float | None = None
    weakest: float | None = None
    recall: float | None = None
    handoffs_a_month: float | None = None
    wins_a_month: float | None = None
    margin_a_month: dict[str, float] | None = None
    close_rate_of_all: dict[str, float] | None = None
    more_outcomes: int | None = None
    more_months: float | None = None
    pool: dict[str, Any] | None = None
    profit_cut: float | None = None
    reps: tuple[dict[str, Any], ...] = ()
    why: dict[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return asdict(self) | {"reps": [dict(rep) for rep in self.reps], "told": list(self.told)}


def choose_threshold(
    pool: Pool,
    *,
    agreement: Agreement,
    policy: HandoffPolicy | None = None,
    follow_ups: bool = False,
    own: Mapping[str, float] | None = None,
) -> Threshold:
    """Choose the cut from out-of-time predictions, each made knowing earlier outcomes only.

    Parameters
    ----------
    pool : Pool
        Oldest lead first where dated.
    agreement : Agreement
        Close rate and confidence.
    policy : HandoffPolicy, optional
        Default: as many leads as possible while the group keeps the promise.
    follow_ups : bool
        Whether it is known who was followed up; else there is no close rate of all hand-offs.
    own : mapping, optional
        Cuts of representatives, stricter than the team's, by name. They take leads from what is
        expected; whether the promise is kept is tested on the team's cut.
    """
    policy = policy or HandoffPolicy()
    asked = Asked(agreement.close_rate, agreement.confidence, policy.floor_under(agreement))
    cohort = cohort_of(pool, asked)
    sample = one_per_account(cohort.pool.take(cohort.pool.worked))
    group = _group(cohort, sample, asked, policy)
    served = replace(group, cuts=group.cuts and group.cuts.with_own(own or {}))
    above = _handed_off(cohort.pool, served)
    figures, why = expectation_of(
        cohort.pool, above, confidence=asked.confidence, follow_ups=follow_ups
    )
    cuts = served.cuts
    threshold = Threshold(
        None if cuts is None else cuts.team,
        group.basis,
        policy=policy.policy,
        floor=asked.floor,
        pool=_pool_words(cohort, sample),
        profit_cut=None if cuts is None else cuts.cost,
        reps=() if cuts is None else tuple(_rep(name, cut) for name, cut in cuts.reps.items()),
    )
    if not group.volume:
        return threshold
    rate = _rate(group, asked)
    if rate["more_outcomes"] is None:
        why |= {"more_outcomes": _no_more(group)}
    months, more = months_of(cohort.pool), rate["more_outcomes"]
    if more is not None and months:
        rate["more_months"] = more * months / group.volume
    return replace(threshold, **rate, **figures, why=why)


def _rep(name: str, cut: float) -> dict[str, Any]:
    return {"owner": name, "probability": cut}


def _group(cohort: Cohort, sample: Pool, asked: Asked, policy: HandoffPolicy) -> Group:
    if int(sample.y.sum()) < FEWEST_WINS:
        return by_points(sample)
    cuts = fixed_cuts(cohort.pool, asked, policy)
    group = loosest(sample, asked) if cuts is None else fixed(sample, cuts, asked)
    unsure = cohort.mixed and group.basis == "guaranteed"
    return replace(group, basis="estimated") if unsure else group


def _handed_off(pool: Pool, group: Group) -> np.ndarray[Any, np.dtype[np.bool_]]:
    if group.cuts is not None:
        return group.cuts.above(pool)
    if group.basis == "points" and pool.points_ready is not None:
        return pool.points_ready
    return np.zeros(len(pool), bool)


def _rate(group: Group, asked: Asked) -> dict[str, Any]:
    low, high = group.bounds(asked.confidence)
    return {
        "expected_close_rate": group.won / group.volume,
        "low": low,
        "high": high,
        "volume": group.volume,
        "won": group.won,
        "more_outcomes": group.more_outcomes(asked),
    }


def _no_more(group: Group) -> str:
    if group.basis == "points":
        return "the agreed points decide, not a cut that could be tested"
    return "the observed rate does not exceed the agreed one"


def _pool_words(cohort: Cohort, sample: Pool) -> dict[str, Any]:
    pool = cohort.pool
    dated = pool.at is not None and len(pool)
    return {
        "leads": int(pool.worked.sum()),
        "accounts": None if pool.account is None else len(sample),
        "folds": len(np.unique(pool.period[pool.worked])),
        "from": int(pool.at.min()) if dated and pool.at is not None else None,
        "to": int(pool.at.max()) if dated and pool.at is not None else None,
        "why": cohort.why,
    }
