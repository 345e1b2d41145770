"""The report's funnel, from leads that came in to wins with margin, and how soon sales worked."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME
from leadml.evaluation.entering import waiting_days
from leadml.evaluation.funnel import Stage, funnel
from leadml.evaluation.response import CAUTION, HOURS_A_DAY, by_speed, response_time
from leadml.workflows.months import only_midnights
from leadml.workflows.report_scope import Scope

Flags = NDArray[np.bool_]
Moments = NDArray[np.int64]

AN_HOUR = MICROSECONDS_A_DAY / HOURS_A_DAY
NOT_KNOWN = "not known"
NO_RATE = {
    NOT_KNOWN: "that they were won is all that shows a follow-up, and not when it was",
    "never": "a win counts as proof of a follow-up, so none of them can have been won",
}
NO_FOLLOW_UPS = "follow-ups are not recorded, so every hand-off counts as followed up"


def funnel_of(scope: Scope) -> dict[str, Any]:
    """Return the funnel, the neglected share, and how soon sales followed up, JSON-ready."""
    cohort, wait = _cohort(scope)
    rows = funnel(_stages(scope), cohort)
    return {
        "stages": rows,
        "of": _whose(scope, wait),
        "followed_up_late": int((scope.matured & scope.judged.late).sum())
        if _recorded(scope)
        else None,
        "neglected": _neglected(scope),
        "time_to_first_follow_up": _waited(scope),
        "by_speed": _by_speed(scope),
        "by_speed_caution": CAUTION,
        "follow_up_why_null": _no_times(scope),
    }


def _cohort(scope: Scope) -> tuple[Flags, float | None]:
    """Return the leads that have had their time, and the mean days from creation to hand-off.

    A hand-off belongs to its moment and counts once it has matured. A lead never handed off
    belongs to its creation plus the mean time to a hand-off: any less, and the newest leads would
    be there only where they had not been handed off yet; any more, and the other way round.
    """
    created = scope.times("created_at")
    both = scope.every & (created != NO_TIME)
    wait = float((scope.handed_off_at[both] - created[both]).mean()) if both.any() else 0.0
    never = scope.usable & ~scope.judged.handed_off & (created != NO_TIME)
    moment = np.where(never, created + round(max(wait, 0.0)), NO_TIME)
    settled = moment + round(waiting_days(scope.agreement) * MICROSECONDS_A_DAY) <= scope.now
    cohort = scope.matured | (never & settled & scope.span.holds(moment))
    return cohort, wait / MICROSECONDS_A_DAY if both.any() else None


def _whose(scope: Scope, wait: float | None) -> str:
    days = waiting_days(scope.agreement)
    text = f"hand-offs at least {days:g} days ago"
    if wait is None:
        return text
    return (
        f"{text}, and leads never handed off that came in at least {days + max(wait, 0.0):.1f} "
        "days ago (that plus the mean time to a hand-off)"
    )


def _stages(scope: Scope) -> list[Stage]:
    judged, counted = scope.judged, scope.counted
    created = scope.times("created_at") != NO_TIME
    came = scope.usable & (counted | (~judged.handed_off & created))
    worked = counted & judged.followed_up
    margin = _no_margin(scope)
    return [
        Stage("leads", came if created.any() else None, scope.why_unrecorded("created_at")),
        _recorded_stage(scope, "qualified", "qualified_at", came),
        Stage("handed_off", counted),
        _recorded_stage(scope, "accepted", "accepted_at", counted),
        Stage("followed_up", worked if _recorded(scope) else None, NO_FOLLOW_UPS),
        Stage("won", counted & judged.won_at_any_margin),
        Stage("won_with_margin", None if margin else counted & judged.won, margin),
    ]


def _recorded_stage(scope: Scope, name: str, role: str, among: Flags) -> Stage:
    why = scope.why_unrecorded(role)
    reached = among & (scope.times(role) != NO_TIME)
    return Stage(name, None if why else reached, why)


def _no_margin(scope: Scope) -> str | None:
    if scope.agreement.min_margin <= 0:
        return "the agreement asks for no margin ([sales_ready].min_margin is 0)"
    margin = scope.material.leads.margin
    if margin is None:
        return "no margin is mapped, so every win counts as solid"
    return None


def _recorded(scope: Scope) -> bool:
    return scope.judged.follow_up_recorded


def _no_times(scope: Scope) -> str | None:
    """Say why there are no times to the first follow-up; None where there are."""
    if not _recorded(scope):
        return NO_FOLLOW_UPS
    return None if scope.counted.any() else "nothing was handed off"


def _neglected(scope: Scope) -> dict[str, Any]:
    """Count the hand-offs whose follow-up was due and that nobody ever followed up."""
    due = scope.counted & scope.passed(scope.agreement.follow_up_days)
    of = int(due.sum())
    if not _recorded(scope):
        return {"leads": None, "of": of, "share": None, "why_null": NO_FOLLOW_UPS}
    never = int((due & ~scope.judged.followed_up & ~scope.judged.late).sum())
    why = None if of else "no follow-up is due yet"
    return {"leads": never, "of": of, "share": never / of if of else None, "why_null": why}


def _hours(scope: Scope) -> tuple[NDArray[np.float64], Flags, Flags]:
    """Return hours to the follow-up (to now without one), who was followed up, and who counts.

    A win without a recorded follow-up proves one at an unknown time: it does not count. A follow-up
    before the hand-off waited no time.
    """
    at = scope.times("followed_up_at")
    worked = (scope.judged.followed_up | scope.judged.late) & (at != NO_TIME)
    proven = scope.judged.followed_up & (at == NO_TIME)
    until = np.where(worked, at, scope.now)
    waited = np.maximum(until - np.where(scope.counted, scope.handed_off_at, until), 0)
    return waited / AN_HOUR, worked, scope.counted & ~proven


def _waited(scope: Scope) -> dict[str, Any] | None:
    if not _recorded(scope):
        return None
    hours, worked, counts = _hours(scope)
    return response_time(hours[counts], worked[counts]) if counts.any() else None


def _by_speed(scope: Scope) -> list[dict[str, Any]]:
    if not _recorded(scope):
        return []
    hours, worked, counts = _hours(scope)
    rows = counts & worked & scope.matured_any
    moments = scope.handed_off_at, scope.times("followed_up_at")
    dates = any(only_midnights(times, scope.timezone) for times in moments)
    rates = by_speed(
        hours[rows], scope.judged.won[rows], confidence=scope.agreement.confidence, dates=dates
    )
    never = scope.matured & ~scope.judged.followed_up & ~scope.judged.late
    proven = scope.matured & ~counts
    return [
        *rates,
        *_without_rate(NOT_KNOWN, int(proven.sum()), int((proven & scope.judged.won).sum())),
        *_without_rate("never", int(never.sum()), 0),
    ]


def _without_rate(speed: str, leads: int, won: int) -> list[dict[str, Any]]:
    """Return the row of leads that were, or were not, followed up by definition; none without."""
    if not leads:
        return []
    rate = {"value": None, "low": None, "high": None, "reason": NO_RATE[speed]}
    return [{"speed": speed, "leads": leads, "won": won, "close_rate": rate}]
