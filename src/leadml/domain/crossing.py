"""What changed with a lead's new score: its band, or what sales is to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from leadml.domain.correction import as_utc, corrected
from leadml.domain.event import Stored

BAND_CHANGED = "band_changed"
READY_CROSSED = "sales_ready_crossed"
MUST_FOLLOW_UP = "must_follow_up"
KINDS = (BAND_CHANGED, READY_CROSSED, MUST_FOLLOW_UP)
"""What may be told of a lead."""

RECENT = timedelta(days=1)
"""Older scores are past: they tell what a lead was, and nobody is to act on them now."""


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """One change that a new score brought.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    before : Stored or None
        The lead's score until then; None at its first.
    after : Stored
        The new score.
    """

    kind: str
    before: Stored | None
    after: Stored


def crossings(known: Stored | None, new: Sequence[Stored], *, now: datetime) -> list[Crossing]:
    """Return what new scores of one lead change, in the order in which they were given.

    A score that is older than the latest known one changes nothing. One given, or judged as of a
    time, more than `RECENT` ago changes what is known and is told to nobody. The first score of a
    lead crosses where it is ready for sales; its band changes nothing. One that is handed off at
    random, below the cut, has to be followed up, and crosses where it was not handed off already.

    Parameters
    ----------
    known : Stored or None
        The lead's latest standing score until now.
    new : sequence of Stored
        Events of the lead that were just recorded; all but served scores are left out.
    now : datetime
        The present, aware.
    """
    found: list[Crossing] = []
    for stored in sorted(filter(is_served_score, new), key=order):
        if known is not None and order(stored) < order(known):
            continue
        if is_recent(stored, now):
            found += [Crossing(kind=k, before=known, after=stored) for k in _kinds(known, stored)]
        known = stored
    return found


def latest_score(events: Sequence[Stored]) -> Stored | None:
    """Return the latest score that stands among one lead's events, corrections applied."""
    return max(filter(is_served_score, corrected(events)), key=order, default=None)


def is_served_score(stored: Stored) -> bool:
    """Tell whether an event is a score that was given, not one made in the shadow."""
    return stored.event.event == "scored" and not stored.event.shadow


def is_recent(stored: Stored, now: datetime) -> bool:
    """Tell whether a score is of the present: given, and judged, not more than `RECENT` ago."""
    judged = stored.event.detail.get("as_of")
    moments = [stored.event.happened_at, *([as_utc(judged)] if judged else [])]
    return min(moments) >= now - RECENT


def order(stored: Stored) -> tuple[datetime, int]:
    """Return by what scores of one lead follow each other.

    Scores are given to the second: of two within one, the one recorded later is the newer.
    """
    return stored.event.happened_at, stored.id


def _kinds(before: Stored | None, after: Stored) -> list[str]:
    band, ready = (after.event.detail.get(name) for name in ("band", "sales_ready"))
    old = before.event.detail if before else {}
    changed = old.get("band") is not None and band is not None and band != old["band"]
    crossed = ready is not None and ready != bool(old.get("sales_ready"))
    drawn = after.event.detail.get("explored") is True and not _is_with_sales(old)
    told = ((BAND_CHANGED, changed), (READY_CROSSED, crossed), (MUST_FOLLOW_UP, drawn))
    return [kind for kind, holds in told if holds]


def _is_with_sales(detail: Mapping[str, Any]) -> bool:
    """Tell whether a score handed its lead off already, for certain or at random."""
    return any(detail.get(name) is True for name in ("hand_off", "sales_ready", "explored"))
