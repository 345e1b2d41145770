"""Grounds that activities and field histories give for suspecting a column."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from leadml.data.activities import Activities
from leadml.data.leads import Leads
from leadml.data.values import NO_TIME
from leadml.snapshot.leakage_activity import (
    RESEMBLES,
    TRACKS,
    AfterClosing,
    LaterActivity,
    after_closing,
)
from leadml.snapshot.leakage_case import Case, Suspicion
from leadml.snapshot.rollback import Rollback

Microseconds = NDArray[np.int64]

CHANGED = 0.1
"""Share of closed leads in which a column changes at or after the closing, to be quarantined."""
FEWEST_CHANGED = 20
FEWEST_VALUES = 5
"""Fewest different numbers of a column that may be a count of activities."""


def on_activities(case: Case, activities: Activities) -> Iterator[Suspicion]:
    """Yield columns that count later activities, and activities after the closing."""
    log = activities.log_for(case.leads.lead_id[case.rows].tolist())
    later = LaterActivity(log, case.as_of, case.y)
    for place in case.attributes:
        yield from _by_later_activity(case, place, later)
    if "closed_at" in case.leads.times:
        everyone = activities.log_for(case.leads.lead_id.tolist())
        yield from _by_closing(case, after_closing(everyone, _closed(case.leads)))


def _closed(leads: Leads) -> Microseconds:
    closed = leads.times["closed_at"].astype("datetime64[us]").view("i8")
    return closed if leads.outcome is None else np.where(leads.outcome >= 0, closed, NO_TIME)


def _by_later_activity(case: Case, place: int, later: LaterActivity) -> Iterator[Suspicion]:
    feature = case.features.features[place]
    values = case.x[:, place]
    if feature.kind != "number" or len(np.unique(values[~np.isnan(values)])) < FEWEST_VALUES:
        return
    tracked = later.tracked(values)
    if tracked is None or tracked.correlation < RESEMBLES:
        return
    what = tracked.kind or "any kind"
    evidence = (
        f"{feature.column} rises and falls with activities ({what}) that came after the leads were "
        f"judged (partial rank correlation {tracked.correlation:.2f}, 0 would be usual): it counts "
        "what had not happened yet"
    )
    strong = tracked.correlation >= TRACKS
    yield Suspicion("LEAK008", str(feature.column), strong, len(case.y), evidence)


def _by_closing(case: Case, found: AfterClosing) -> Iterator[Suspicion]:
    used = {kind for feature in case.features.features for kind in feature.activities}
    for kind, share in found.kinds.items():
        if kind in used:
            evidence = (
                f"activities of kind {kind} come after the closing in {100 * share:.0f} of 100 "
                "cases: they follow from the outcome, and the few before it are probably misdated"
            )
            yield Suspicion("LEAK005", kind, True, found.count, evidence)
    if found.count:
        evidence = (
            f"{found.count} of {found.total} activities of closed leads come after the closing; "
            "leadml never uses them, but a column of the CRM that counts activities would"
        )
        yield Suspicion("LEAK005", "", False, found.count, evidence, tuple(found.kinds)[:5])


def on_changes(leads: Leads, rollback: Rollback, columns: Sequence[str]) -> Iterator[Suspicion]:
    """Yield the columns, of these, that a history shows to change at or after the closing.

    Those that are rolled back are used as they stood before: their later changes do no harm.
    """
    if "closed_at" not in leads.times:
        return
    closed = _closed(leads)
    ended = int((closed != NO_TIME).sum())
    for column in columns:
        if column in rollback.columns:
            continue
        changed = rollback.later_changes(column, closed)
        if changed >= max(FEWEST_CHANGED, CHANGED * ended):
            evidence = (
                f"{column} was changed when or after the lead was closed in {changed} of {ended} "
                "closed leads: what the export shows is not what was known before"
            )
            yield Suspicion("LEAK004", column, True, changed, evidence)
