"""Which leads have an outcome under the agreement, as of which moment, and what it is.

The training label, the evaluation and the report all come from `judge`: one definition of
*handed off*, *followed up*, *matured* and *won* for everything leadml says.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leadml.data.leads import Leads
from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME
from leadml.domain.agreement import Agreement
from leadml.domain.finding import ExcludedRows, Finding
from leadml.snapshot.bulk_closing import BulkClosing, bulk_closing, never_worked, only_dates
from leadml.snapshot.outside import outside

Flags = NDArray[np.bool_]
Microseconds = NDArray[np.int64]

WHY_NOT = {
    "ROW001": "cannot be used as it is (no id, or a time that cannot be read)",
    "ROW002": "created after the moment that counts as now",
    "ROW003": "has neither a creation nor a hand-off time, so no moment to be judged at",
    "ROW004": "was won or lost before the moment it is judged",
    "ROW014": "worked although the hand-off policy had neither handed it off nor explored it",
    "ROW005": "not matured: still open, or its horizon has not passed yet",
    "ROW006": "never handed off, so without an outcome under the agreement",
    "ROW007": "never followed up by sales, so without an outcome under the agreement",
    "ROW008": "followed up later than the agreement allows",
    "ROW013": "closed in bulk without having been worked, so without an outcome",
}
UNUSABLE = ("ROW001", "ROW002", "ROW003", "ROW004")
"""Leads that could not have an outcome however long one waits."""
OUTSIDE = "ROW014"
"""Leads whose outcome does not count: explored ones stand for them."""


@dataclass(frozen=True)
class Judged:
    """Every lead held against the agreement; arrays of shape (leads,).

    Attributes
    ----------
    as_of : datetime64[us] array
        The moment each lead is judged (UTC); NaT where the export has no dates.
    handed_off : bool array
        Passed to sales; every lead where no hand-off time is mapped (hypothetical).
    horizon_passed : bool array
        The horizon since `as_of` has passed, however early the lead closed.
    matured : bool array
        `horizon_passed`; without closing times also every won or lost lead (final).
    in_group : bool array
        Handed off, or proven so by a recorded follow-up or a win: what the agreement is about.
    followed_up : bool array
        Worked by sales within the agreed days, or won with no recorded follow-up.
    closed_in_bulk : bool array
        Lost in bulk without having been worked; never so where follow-ups are not recorded.
    late : bool array
        Followed up, but later than agreed: neither worked as agreed nor never worked.
    won : bool array
        Won within the horizon at a solid margin.
    won_ever : bool array
        Won at a solid margin, however late.
    won_at_any_margin : bool array
        Won within the horizon, whatever the margin.
    closed : int64 array
        When won or lost, microseconds UTC; `NO_TIME` where open or unknown.
    label : int8 array
        1 sales-ready, 0 not, -1 no outcome under the agreement.
    why_not : object array
        Code of `WHY_NOT` where the label is -1, else "".
    dated : bool
        Whether the leads have a time order.
    follow_up_recorded : bool
        Whether a follow-up time is mapped; if not, every hand-off counts as followed up.
    notes : tuple of Finding
        What was assumed where something is not mapped.
    """

    as_of: NDArray[np.datetime64]
    handed_off: Flags
    horizon_passed: Flags
    matured: Flags
    in_group: Flags
    followed_up: Flags
    closed_in_bulk: Flags
    late: Flags
    won: Flags
    won_ever: Flags
    won_at_any_margin: Flags
    closed: Microseconds
    label: NDArray[np.int8]
    why_not: NDArray[np.object_]
    dated: bool
    follow_up_recorded: bool
    notes: tuple[Finding, ...] = field(default=())

    def excluded_rows(self) -> list[ExcludedRows]:
        """Count the leads without a label, by reason."""
        counts = [(code, int((self.why_not == code).sum())) for code in WHY_NOT]
        return [ExcludedRows(code, n, WHY_NOT[code]) for code, n in counts if n]


@dataclass(frozen=True)
class _Known:
    """Times and outcomes as known at `now`: what lies after it is taken away."""

    created: Microseconds
    handed_off: Microseconds
    followed_up: Microseconds
    closed: Microseconds
    won: Flags
    lost: Flags


def judge(leads: Leads, agreement: Agreement, *, now: np.datetime64 | None) -> Judged:
    """Hold every lead against the agreement as it stood at `now`.

    Parameters
    ----------
    leads : Leads
        With its outcome column read.
    agreement : Agreement
        The signed definition.
    now : datetime64 or None
        UTC; None only where the export has no dates at all.
    """
    present = (
        np.iinfo(np.int64).max if now is None else int(now.astype("datetime64[us]").view("i8"))
    )
    known = _known_at(leads, present)
    mapped = leads.mapping.times
    dated = "created_at" in mapped or "handed_off_at" in mapped
    as_of = _moment_judged(known, agreement)
    handed_off = _is(known.handed_off) if "handed_off_at" in mapped else np.ones(len(leads), bool)
    deadline = as_of + _days(agreement.horizon_days)
    horizon_passed = _is(as_of) & (deadline <= present)
    final = (known.won | known.lost) & ("closed_at" not in mapped or not dated)
    recorded = "followed_up_at" in mapped
    bulk = bulk_closing(known.closed, lost=known.lost, won=known.won)
    in_bulk = _never_worked(bulk, known, recorded=recorded)
    followed_up, late = _follow_up(known, agreement, in_bulk, mapped=recorded)
    in_time = ~_is(known.closed) | (known.closed <= deadline)
    won_ever = known.won & _solid(leads, agreement)
    in_time |= ~_is(as_of)
    won = won_ever & in_time
    matured = horizon_passed | final
    proven = followed_up & (_is(known.followed_up) | known.won)
    in_group = handed_off | proven if recorded else handed_off
    worked_only = agreement.counts == "followed_up"
    why_not = _why_not(
        {
            "ROW001": _rows_with_errors(leads),
            "ROW002": _is(known.created) & (known.created > present),
            "ROW003": ~_is(as_of) & dated,
            "ROW004": _closed_before(known, as_of) | (final & (as_of > present)),
            OUTSIDE: outside(leads, as_of, handed_off) & in_group & (followed_up | late),
            "ROW005": ~matured,
            "ROW006": ~in_group,
            "ROW013": in_bulk & worked_only,
            "ROW008": late & worked_only,
            "ROW007": ~followed_up & worked_only,
        },
        len(leads),
    )
    label = np.where(why_not == "", won.astype(np.int8), np.int8(-1)).astype(np.int8)
    return Judged(
        as_of=as_of.view("datetime64[us]"),
        handed_off=handed_off,
        horizon_passed=horizon_passed,
        matured=matured,
        in_group=in_group,
        followed_up=followed_up,
        closed_in_bulk=in_bulk,
        late=late,
        won=won,
        won_ever=won_ever,
        won_at_any_margin=known.won & in_time,
        closed=known.closed,
        label=label,
        why_not=why_not,
        dated=dated,
        follow_up_recorded=recorded,
        notes=(
            *_notes(leads, known, agreement, horizon_passed),
            *_bulk_notes(bulk, recorded=recorded),
        ),
    )


def _days(days: float) -> int:
    return round(days * MICROSECONDS_A_DAY)


def _is(moments: Microseconds) -> Flags:
    known: Flags = moments != NO_TIME
    return known


def _known_at(leads: Leads, now: int) -> _Known:
    def times(role: str) -> Microseconds:
        if role not in leads.times:
            return np.full(len(leads), NO_TIME, np.int64)
        moments = leads.times[role].astype("datetime64[us]").view("i8")
        return moments if role == "created_at" else np.where(moments <= now, moments, NO_TIME)

    outcome = leads.outcome if leads.outcome is not None else np.full(len(leads), -1, np.int8)
    closed = times("closed_at")
    later = np.zeros(len(leads), bool)
    if "closed_at" in leads.times:
        later = _is(leads.times["closed_at"].astype("datetime64[us]").view("i8")) & ~_is(closed)
    return _Known(
        created=times("created_at"),
        handed_off=times("handed_off_at"),
        followed_up=times("followed_up_at"),
        closed=np.where(outcome >= 0, closed, NO_TIME),  # of an open lead: a hope, not an event
        won=(outcome == 1) & ~later,
        lost=(outcome == 0) & ~later,
    )


def _moment_judged(known: _Known, agreement: Agreement) -> Microseconds:
    by_age = np.where(_is(known.created), known.created + _days(agreement.snapshot_days), NO_TIME)
    return np.where(_is(known.handed_off), known.handed_off, by_age)


def _follow_up(
    known: _Known, agreement: Agreement, in_bulk: Flags, *, mapped: bool
) -> tuple[Flags, Flags]:
    """Tell who was followed up as agreed, and who later than that.

    A recorded win without a recorded follow-up proves one. Wins and losses followed up late are
    both set apart: leaving out only the losses would flatter the close rate. A follow-up stamped
    by a closing in bulk is none.
    """
    if not mapped:
        return np.ones(len(known.won), bool), np.zeros(len(known.won), bool)
    recorded = _is(known.followed_up) & ~in_bulk
    limit = known.handed_off + _days(agreement.follow_up_days)
    late = recorded & _is(known.handed_off) & (known.followed_up > limit)
    return (recorded & ~late) | (known.won & ~recorded), late


def _never_worked(bulk: BulkClosing, known: _Known, *, recorded: bool) -> Flags:
    if not recorded:
        return np.zeros(len(known.lost), bool)
    return never_worked(bulk, closed=known.closed, followed_up=known.followed_up)


def _solid(leads: Leads, agreement: Agreement) -> Flags:
    if leads.margin is None or agreement.min_margin <= 0:
        return np.ones(len(leads), bool)
    return leads.margin >= agreement.min_margin  # an unrecorded margin cannot be shown to be solid


def _closed_before(known: _Known, as_of: Microseconds) -> Flags:
    slack = MICROSECONDS_A_DAY - 1 if only_dates(known.closed) else 0
    return _is(known.closed) & _is(as_of) & (known.closed + slack < as_of)


def _rows_with_errors(leads: Leads) -> Flags:
    flags = np.zeros(len(leads), bool)
    flags[list(leads.errors)] = True
    return flags


def _why_not(reasons: dict[str, Flags], leads: int) -> NDArray[np.object_]:
    why = np.full(leads, "", object)
    for code, holds in reasons.items():  # the first reason that holds is the one given
        why[(why == "") & holds] = code
    return why


def _notes(
    leads: Leads, known: _Known, agreement: Agreement, horizon_passed: Flags
) -> list[Finding]:
    mapped = leads.mapping.times
    notes = []
    if not {"created_at", "handed_off_at"} & set(mapped):
        text = (
            "no created_at or handed_off_at is mapped: leads have no order, so test leads are "
            "drawn at random and a won or lost lead is final"
        )
        notes.append(Finding("TIME010", "warning", None, len(leads), text))
    elif "closed_at" not in mapped:
        still_open = int((horizon_passed & ~known.won & ~known.lost).sum())
        text = (
            "no closed_at is mapped: to learn, won and lost leads are final, and leads still open "
            f"{agreement.horizon_days:g} days after they are judged count as not won"
        )
        notes.append(Finding("TIME011", "info", None, still_open, text))
    if "closed_at" in mapped:
        undated = int((known.won & ~_is(known.closed)).sum())
        text = "won without a closing time: taken as won within the horizon; record closed_at"
        if undated:
            notes.append(Finding("TIME012", "warning", mapped["closed_at"], undated, text))
    return notes + _margin_notes(leads, known, agreement)


def _margin_notes(leads: Leads, known: _Known, agreement: Agreement) -> list[Finding]:
    if leads.margin is None or agreement.min_margin <= 0:
        return []
    unknown = int((known.won & np.isnan(leads.margin)).sum())
    column = leads.mapping.margin or leads.mapping.margin_amount
    text = "won with no margin recorded: not counted as won at a solid margin; record the margin"
    return [Finding("DATA030", "warning", column, unknown, text)] if unknown else []


def _bulk_notes(bulk: BulkClosing, *, recorded: bool) -> list[Finding]:
    """Say what nobody can know: whether leads lost in bulk had ever been worked."""
    if recorded or not bulk.bulks:
        return []
    text = (
        f"lost in bulk, where {bulk.usual:g} at a time is usual: leads that nobody worked are "
        "often closed that way; without a follow-up time none can be told from a lost one, so all "
        "count as lost; map the time of sales' first activity to followed_up_at"
    )
    examples = tuple(f"{n} at {_time(moment)} UTC" for moment, n in bulk.bulks[:3])
    lost = int(bulk.lost_in_bulk.sum())
    return [Finding("TIME018", "warning", None, lost, text, examples)]


def _time(moment: int) -> str:
    return str(np.int64(moment).view("datetime64[us]").astype("datetime64[s]"))
