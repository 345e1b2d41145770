"""Which hand-offs enter the report's verdict, in which order and when: leads, or accounts once."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY
from leadml.domain.agreement import Agreement

Flags = NDArray[np.bool_]
Moments = NDArray[np.datetime64]
YEAR = np.timedelta64(365, "D")
SHORTEST_PACE = 28
"""Days of hand-offs from which a yearly pace is told."""


@dataclass(frozen=True, kw_only=True)
class HandedOff:
    """Hand-offs, one a lead, as known today; arrays of shape (leads,), moments in UTC.

    Attributes
    ----------
    at : datetime64[us] array
        When handed off.
    followed_up : bool array
        A follow-up is recorded within the agreed days, or follow-ups are not recorded at all.
    touched_at : datetime64[us] array
        The first recorded follow-up, however late; NaT where there is none.
    sold : bool array
        Won within the horizon, at whatever margin: proof of a follow-up where none is recorded.
    won : bool array
        Won within the horizon at a solid margin.
    closed_at : datetime64[us] array
        When won or lost; NaT where open or unknown.
    recorded_at : datetime64[us] array
        When the outcome was recorded; NaT where unknown.
    account : int array
        Same number, same account; -1 where unknown: such a lead is an account of its own.
    """

    at: Moments
    followed_up: Flags
    touched_at: Moments
    sold: Flags
    won: Flags
    closed_at: Moments
    recorded_at: Moments
    account: NDArray[np.intp]

    def take(self, rows: Flags | NDArray[np.intp]) -> "HandedOff":
        """Return only these leads, in this order."""
        return HandedOff(**{name: values[rows] for name, values in vars(self).items()})

    def worked(self, by: Moments, *, sold_by: Moments) -> Flags:
        """Tell who was worked as agreed, as it stood at a moment each.

        A sale with no follow-up recorded until then proves one, if it came within the horizon: as
        proof of a follow-up, a later one would only let a loss enter for being sold after all.
        What is recorded or sold later changes nothing any more.
        """
        proven = self.sold & ~(self.closed_at > sold_by) & ~(self.touched_at <= by)
        known: Flags = self.followed_up | proven
        return known

    def without_proof(self) -> "HandedOff":
        """Return the same with no sale taken as proof of a follow-up."""
        return replace(self, sold=np.zeros(len(self.sold), bool))


@dataclass(frozen=True, kw_only=True)
class Units:
    """What the verdict counts, in order of hand-off; arrays of shape (units,).

    Attributes
    ----------
    at : datetime64[us] array
        When handed off; of accounts, the first hand-off.
    enters_at : datetime64[us] array
        From when on the unit counts, ascending: its outcome and follow-up are settled.
    followed_up, won : bool array
        Worked as agreed, and won within the horizon; of accounts, any of its leads.
    closed_at, recorded_at : datetime64[us] array
        As of `HandedOff`; of accounts, of the first lead won.
    """

    at: Moments
    enters_at: Moments
    followed_up: Flags
    won: Flags
    closed_at: Moments
    recorded_at: Moments

    def __len__(self) -> int:
        """Return the number of units."""
        return len(self.at)

    def take(self, rows: Flags | NDArray[np.intp]) -> "Units":
        """Return only these units."""
        return Units(**{name: values[rows] for name, values in vars(self).items()})


def waiting_days(agreement: Agreement) -> float:
    """Return the days from the hand-off until a unit enters: horizon and grace, or follow-up."""
    return max(agreement.horizon_days + agreement.grace_days, agreement.follow_up_days)


def units_of(leads: HandedOff, agreement: Agreement) -> Units:
    """Return the units of the verdict in the order of their hand-offs, matured or not.

    A unit enters when its horizon, and the days of grace, have passed since its hand-off, however
    early it closed: a sequence of units chosen by how soon they closed bounds nothing.

    Parameters
    ----------
    leads : HandedOff
        Of this agreement, explored ones left out; in any order.
    """
    in_order = leads.take(np.argsort(leads.at, kind="stable"))
    if agreement.unit == "account":
        return _accounts(in_order, agreement)
    enters_at = in_order.at + _microseconds(waiting_days(agreement))
    horizon = in_order.at + _microseconds(agreement.horizon_days)
    return Units(
        at=in_order.at,
        enters_at=enters_at,
        followed_up=in_order.worked(enters_at, sold_by=horizon),
        won=in_order.won,
        closed_at=in_order.closed_at,
        recorded_at=in_order.recorded_at,
    )


def pace(
    leads: HandedOff,
    agreement: Agreement,
    *,
    now: np.datetime64,
    since: np.datetime64 | None = None,
) -> float | None:
    """Return how many units are handed off a year, at the pace of the last 12 months.

    A sequence counts an account once: those new to it. One that is less than a year old counts
    every account anew, so that those of the last 12 months tell how many are to come.

    Parameters
    ----------
    leads : HandedOff
        Explored ones left out; those from before the sequence among them.
    since : datetime64, optional
        When the sequence started (UTC); default the first hand-off.

    Returns
    -------
    float or None
        None with less than four weeks of hand-offs.
    """
    known = leads.take(leads.at <= now)
    if not len(known.at):
        return None
    days = min(YEAR, now - known.at.min()) / np.timedelta64(1, "D")
    if days < SHORTEST_PACE:
        return None
    start, recent = known.at.min() if since is None else since, now - YEAR
    young = start > recent
    counted = known.at > recent if young else known.at >= start
    at = units_of(known.take(counted), agreement).at
    return float((at > recent).sum() * 365 / days)


def _microseconds(days: float) -> np.timedelta64:
    return np.timedelta64(round(days * MICROSECONDS_A_DAY), "us")


def _accounts(leads: HandedOff, agreement: Agreement) -> Units:
    """Return each account once, at its first hand-off; leads without one for themselves.

    Its leads count whose follow-up is settled when it enters: worked if any was worked as agreed,
    won if any of those was won within the horizon of the first hand-off.
    """
    alone = leads.account.max(initial=-1) + 1 + np.arange(len(leads.at))
    account = np.where(leads.account >= 0, leads.account, alone)
    _, first, number = np.unique(account, return_index=True, return_inverse=True)
    started = leads.at[first][number]
    enters_at = started + _microseconds(waiting_days(agreement))
    settled = leads.at + _microseconds(agreement.follow_up_days) <= enters_at
    horizon = started + _microseconds(agreement.horizon_days)
    in_time = ~(leads.closed_at > horizon)
    worked = leads.worked(enters_at, sold_by=horizon) & settled
    unworked = ~_any(worked, number)[number]
    won = leads.won & settled & in_time & (worked | unworked | (agreement.counts == "handed_off"))
    joined = Units(
        at=leads.at[first],
        enters_at=enters_at[first],
        followed_up=_any(worked, number),
        won=_any(won, number),
        closed_at=_earliest(leads.closed_at, won, number),
        recorded_at=_earliest(leads.recorded_at, won, number),
    )
    return joined.take(np.argsort(first, kind="stable"))


def _any(holds: Flags, number: NDArray[np.intp]) -> Flags:
    return np.bincount(number, weights=holds) > 0


def _earliest(moments: Moments, rows: Flags, number: NDArray[np.intp]) -> Moments:
    """Return the earliest moment of these rows for each account; NaT without one."""
    none = np.iinfo(np.int64).max
    earliest = np.full(number.max(initial=-1) + 1, none)
    known = rows & ~np.isnat(moments)
    np.minimum.at(earliest, number[known], moments[known].astype("datetime64[us]").view("i8"))
    return np.where(earliest == none, np.iinfo(np.int64).min, earliest).view("datetime64[us]")
