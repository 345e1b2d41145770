"""Where the promise stands: a verdict that may be looked at as often as one likes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from leadml.domain.agreement import Agreement
from leadml.evaluation.certify import certify, told
from leadml.evaluation.close_rate import close_rate, verdict
from leadml.evaluation.confidence_sequence import lower_bounds, units_to_decide, upper_bounds
from leadml.evaluation.entering import YEAR, HandedOff, Units, units_of, waiting_days
from leadml.evaluation.follow_up import NOT_JUDGEABLE
from leadml.evaluation.interval import Interval
from leadml.evaluation.maturing import projected

Flags = NDArray[np.bool_]
Standpoint = Literal["meets", "falls_short", "undecided", "not_judgeable"]

POINTS = 200
"""Most points of the path."""
MOST_UNITS = 50_000
"""More units than this, or ten times those there are, are not asked for."""
NOTHING = "nothing has matured yet"
NONE_WORKED = "none of what has matured was followed up in time"
NONE_RECORDED = "no follow-up of what has matured is on record, apart from the wins' own proof"
APART = (
    "with the wins that have no recorded follow-up the present rate lies on one side of the agreed "
    "one, without them on the other: only recorded follow-ups can tell"
)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The verdict with all it rests on; see `standing`.

    Attributes
    ----------
    verdict : {"meets", "falls_short", "undecided", "not_judgeable"}
        Against the agreed rate, valid at every look.
    values : dict
        JSON-ready.
    """

    verdict: Standpoint
    values: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return self.values


@dataclass(frozen=True)
class _Counted:
    """The units a close rate divides by, and those won; arrays of shape (units,)."""

    units: Units
    won: Flags

    @classmethod
    def of(cls, units: Units, agreement: Agreement) -> "_Counted":
        worked = units if agreement.counts == "handed_off" else units.take(units.followed_up)
        return cls(worked, worked.won)

    def take(self, rows: Flags) -> "_Counted":
        return _Counted(self.units.take(rows), self.won[rows])

    @property
    def wins(self) -> int:
        return int(self.won.sum())


def standing(
    leads: HandedOff,
    agreement: Agreement,
    *,
    now: np.datetime64,
    since: np.datetime64 | None = None,
    handed_off_a_year: float | None = None,
    follow_up_recorded: bool = True,
) -> Standing:
    """Hold hand-offs against the agreement; the verdict may be looked at as often as one likes.

    A unit enters when its horizon and the days of grace have passed since its hand-off, however
    early it closed. With ``counts = "followed_up"`` the close rate is that of units worked as
    agreed. The chance that such a verdict is ever false is at most one minus the agreed confidence,
    for *meets* and for *falls short* each; it concerns the running average of the units' chances.

    A sale that proves its own follow-up lets the outcome choose who counts: where calls go unlogged
    the rate looks better than it is. So a verdict is given only where it holds without such units
    as well.

    Parameters
    ----------
    leads : HandedOff
        Handed off from the agreement's start on, explored ones left out; in any order.
    now : datetime64
        UTC; what enters later is still maturing.
    since : datetime64, optional
        When the agreement took effect (UTC); default the first hand-off.
    handed_off_a_year : float, optional
        Units handed off a year, see `leadml.evaluation.entering.pace`: what that can certify.
    follow_up_recorded : bool
        Whether follow-ups are recorded at all; if not, every hand-off counts as followed up.
    """
    units = units_of(leads, agreement)
    matured = units.enters_at <= now
    entered, maturing = units.take(matured), units.take(~matured)
    counted = _Counted.of(entered, agreement)
    logged = units_of(leads.without_proof(), agreement)
    logged = logged.take(logged.enters_at <= now)
    readings = [counted, _Counted.of(logged, agreement)]
    path = _path(counted, agreement)
    share = _share(entered.followed_up)
    found = _verdict(readings, share, agreement)
    more, why = _more_needed(found, readings, entered, agreement)
    worked_wins, logged_wins = (u.won & u.followed_up for u in (entered, logged))
    certified = _certify(handed_off_a_year, share, agreement)
    fixed = close_rate(counted.wins, len(counted.units), agreement.confidence)
    values = {
        "verdict": found,
        "unit": agreement.unit,
        "from": _iso(since) if since is not None else _first(units.at),
        "rate": agreement.close_rate,
        "confidence": agreement.confidence,
        "handed_off": len(units),
        "matured": len(entered),
        "followed_up": int(entered.followed_up.sum()),
        "follow_up_share": share,
        "won": int(worked_wins.sum()),
        "won_after_late_follow_up": int(entered.won.sum() - worked_wins.sum()),
        "value": _last(path, "value"),
        "low": _last(path, "low"),
        "high": _last(path, "high"),
        "fixed": {"low": fixed.low, "high": fixed.high},
        "won_without_follow_up": int(worked_wins.sum() - logged_wins.sum()),
        "recorded_only": _described(readings[-1], agreement) if follow_up_recorded else None,
        "more_needed": more,
        "more_needed_matured": _matured(more, len(counted.units), len(entered)),
        "more_needed_why": why,
        "if_unworked_were_lost": _latest(_Counted(entered, worked_wins), agreement).to_dict(),
        "last_12_months": _last_year(counted, agreement, now),
        "posterior": _posterior(counted, agreement),
        "path": path,
        "maturing": _maturing(maturing, counted, agreement, now),
        "recorded_late": _recorded_late(counted),
        "certify": certified,
        "certify_text": told(certified, agreement.close_rate, unit=agreement.unit),
    }
    return Standing(verdict=found, values=values)


def _described(logged: _Counted, agreement: Agreement) -> dict[str, Any]:
    rate = _latest(logged, agreement, NONE_RECORDED)
    return {"units": len(logged.units), "won": logged.wins} | rate.to_dict()


def _share(holds: Flags) -> float | None:
    return float(holds.mean()) if len(holds) else None


def _iso(moment: np.datetime64) -> str:
    return str(np.datetime_as_string(moment.astype("datetime64[us]"), timezone="UTC"))


def _first(moments: NDArray[np.datetime64]) -> str | None:
    return _iso(moments[0]) if len(moments) else None


def _bounds(won: NDArray[np.int64], units: NDArray[np.int64], agreement: Agreement) -> Any:
    sides = {"rate": agreement.close_rate, "confidence": agreement.confidence}
    return lower_bounds(won, units, **sides), upper_bounds(won, units, **sides)


def _path(counted: _Counted, agreement: Agreement) -> list[dict[str, Any]]:
    """Return what looks at up to `POINTS` moments showed, evenly spaced, the last included."""
    enters = counted.units.enters_at
    if not len(enters):
        return []
    ends = np.append(np.flatnonzero(enters[1:] != enters[:-1]), len(enters) - 1)
    chosen = ends[np.unique(np.linspace(len(ends) - 1, 0, POINTS).round().astype(int))]
    units, won = chosen + 1, np.cumsum(counted.won)[chosen]
    low, high = _bounds(won, units, agreement)
    rows = zip(enters[chosen], units, won, won / units, low, high, strict=True)
    return [
        {"at": _iso(at), "units": int(n), "won": int(wins)}
        | {"value": float(value), "low": float(lowest), "high": float(highest)}
        for at, n, wins, value, lowest, highest in rows
    ]


def _last(path: list[dict[str, Any]], name: str) -> float | None:
    return path[-1][name] if path else None


def _latest(counted: _Counted, agreement: Agreement, none: str = NOTHING) -> Interval:
    if not len(counted.units):
        return Interval.absent(none)
    units, won = np.array([len(counted.units)]), np.array([counted.wins])
    low, high = _bounds(won, units, agreement)
    return Interval(float(won[0] / units[0]), float(low[0]), float(high[0]))


def _verdict(readings: Sequence[_Counted], share: float | None, agreement: Agreement) -> Standpoint:
    """Give the verdict that every reading of who was followed up comes to; else undecided."""
    if share is not None and share < agreement.min_follow_up:
        return NOT_JUDGEABLE
    bounds = [_latest(one, agreement) for one in readings]
    found = {verdict(rate.low, rate.high, agreement.close_rate) for rate in bounds}
    return found.pop() if len(found) == 1 else "undecided"


def _more_needed(
    found: Standpoint, readings: Sequence[_Counted], entered: Units, agreement: Agreement
) -> tuple[int | None, str | None]:
    """Return how many more units decide, or why that cannot be told."""
    if found == NOT_JUDGEABLE:
        return None, "the close rate is not judged while sales works too few hand-offs"
    if not len(readings[0].units):
        return None, NONE_WORKED if len(entered) else NOTHING
    if found != "undecided":
        return 0, None
    if not all(len(one.units) for one in readings):
        return None, NONE_RECORDED
    return _until_decided(readings, agreement)


def _until_decided(
    readings: Sequence[_Counted], agreement: Agreement
) -> tuple[int | None, str | None]:
    """Move the sequence ahead at the present rate until every reading decides, in its own units."""
    units = len(readings[0].units)
    most, growth, sides = max(MOST_UNITS, 10 * units), 1.0, set()
    for one in readings:
        share = one.wins / len(one.units)
        needed = units_to_decide(
            share, rate=agreement.close_rate, confidence=agreement.confidence, most=most
        )
        if needed is None:
            near = "the present rate is so near the agreed one that"
            return None, f"{near} {most:,} would not decide it"
        growth = max(growth, needed / len(one.units))
        sides.add(share < agreement.close_rate)
    if len(sides) > 1:
        return None, APART
    return max(1, math.ceil(round((growth - 1) * units, 6))), None


def _matured(more: int | None, units: int, entered: int) -> int | None:
    """Return how many more have to mature for so many more to count, at the present share."""
    return more and math.ceil(round(more * entered / units, 6))


def _last_year(counted: _Counted, agreement: Agreement, now: np.datetime64) -> dict[str, Any]:
    """Describe the units that entered within the last 12 months, with bounds valid for one look."""
    recent = counted.take(counted.units.enters_at > now - YEAR)
    rate = close_rate(recent.wins, len(recent.units), agreement.confidence)
    return {"units": len(recent.units), "won": recent.wins} | rate.to_dict()


def _posterior(counted: _Counted, agreement: Agreement) -> dict[str, Any]:
    """Return the posterior probability of at least the agreed rate under Jeffreys' prior."""
    won, lost = counted.wins, len(counted.units) - counted.wins
    chance = float(beta.sf(agreement.close_rate, won + 0.5, lost + 0.5))
    return {"at_least_rate": chance if len(counted.units) else None, "note": "no verdict"}


def _maturing(
    maturing: Units, counted: _Counted, agreement: Agreement, now: np.datetime64
) -> dict[str, Any]:
    """Describe the units still to enter, and the rate that those worked so far are heading for."""
    worked = _Counted.of(maturing, agreement)
    seen = counted.units
    day = np.timedelta64(1, "D")
    rate = projected(
        (counted.won, (seen.closed_at - seen.at) / day),
        (worked.won, (now - worked.units.at) / day),
        confidence=agreement.confidence,
    )
    return {
        "handed_off": len(maturing),
        "followed_up": int(maturing.followed_up.sum()),
        "won_so_far": worked.wins,
        "projected": None if rate.value is None else rate.to_dict(),
        "projected_why_null": rate.reason,
        "next_matures_at": _first(maturing.enters_at),
    }


def _recorded_late(counted: _Counted) -> int:
    """Count wins recorded only after their unit had entered, since outcomes are recorded at all."""
    recorded, enters = counted.units.recorded_at, counted.units.enters_at
    known = ~np.isnat(recorded)
    if not known.any():
        return 0
    watched = enters >= recorded[known].min()
    return int((counted.won & known & watched & (recorded > enters)).sum())


def _certify(
    handed_off_a_year: float | None, share: float | None, agreement: Agreement
) -> list[dict[str, Any]]:
    worked = 1.0 if agreement.counts == "handed_off" or share is None else share
    units = (handed_off_a_year or 0.0) * worked
    if units <= 0:
        return []
    return certify(
        units,
        rate=agreement.close_rate,
        confidence=agreement.confidence,
        waiting_days=waiting_days(agreement),
    )
