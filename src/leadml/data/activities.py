"""Activities: the touches of each lead, read from an activity file."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.data.activity_log import ActivityLog
from leadml.data.event_rows import latest_of, moments, refuse_absent, set_aside, text_codes
from leadml.data.places import Places, near
from leadml.data.tables import Table
from leadml.data.time_findings import naive_finding, time_findings
from leadml.data.values import NO_TIME, missing_texts
from leadml.domain.finding import Finding
from leadml.domain.mapping import ActivityMapping


@dataclass(frozen=True)
class Activities:
    """Every usable activity of a file, ordered by lead.

    Attributes
    ----------
    source : str
        What to call the file in messages.
    ids : dict
        Lead id -> position in `starts`.
    starts : int array, shape (distinct leads + 1,)
        Activities ``starts[i]:starts[i + 1]`` belong to the lead at position i.
    at : int64 array, shape (activities,)
        Microseconds since 1970-01-01 UTC.
    kind, detail : int32 arrays, shape (activities,)
        Positions in `kinds` and `details`; -1 where missing.
    rows : int array, shape (activities,)
        Row position in the file.
    places : Places
        Where each row stands in the file.
    findings : tuple of Finding
        What was odd about reading them, activities set aside included.
    """

    source: str
    ids: dict[str, int]
    starts: NDArray[np.intp]
    at: NDArray[np.int64]
    kind: NDArray[np.int32]
    detail: NDArray[np.int32]
    kinds: Sequence[str]
    details: Sequence[str]
    rows: NDArray[np.intp]
    places: Places
    findings: tuple[Finding, ...]

    def __len__(self) -> int:
        """Return the number of usable activities."""
        return len(self.at)

    def log_for(self, lead_ids: Sequence[str]) -> ActivityLog:
        """Return the activities of these leads; a lead given twice has them twice."""
        lead, picked = self.of_leads(lead_ids)
        return ActivityLog(
            lead, self.at[picked], self.kind[picked], self.detail[picked], self.kinds, self.details
        )

    def of_leads(self, lead_ids: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return, for each activity of these leads, the lead's position and the activity's."""
        groups = np.array([self.ids.get(name, -1) for name in lead_ids], np.intp)
        known = np.flatnonzero(groups >= 0)
        first, last = self.starts[groups[known]], self.starts[groups[known] + 1]
        sizes = last - first
        lead = np.repeat(known, sizes)
        before = np.cumsum(sizes) - sizes
        picked = np.arange(len(lead)) - np.repeat(before - first, sizes)
        return lead, picked

    def latest_time(self, until: np.datetime64 | None = None) -> np.datetime64 | None:
        """Return the latest activity's time (UTC) up to `until`; None where there is none."""
        return latest_of(self.at, until)

    def unmatched(self, lead_ids: Sequence[str]) -> int:
        """Count the activities whose lead is none of these."""
        wanted = set(lead_ids)
        groups = [group for name, group in self.ids.items() if name not in wanted]
        return int((self.starts[1:] - self.starts[:-1])[groups].sum())


def read_activities(
    table: Table,
    mapping: ActivityMapping,
    *,
    timezone: str,
    date_format: str | None,
    missing: tuple[str, ...],
) -> Activities:
    """Read an activity table in leadml's terms.

    Activities without a lead or with a time that cannot be read are set aside, and counted.

    Raises
    ------
    DataError
        If the column of lead, time or kind is absent, or most times cannot be read.
    """
    needed = {"lead": mapping.lead, "at": mapping.at, "kind": mapping.kind}
    refuse_absent(table, needed, "activities")
    gaps = missing_texts(missing)
    lead_texts, lead = text_codes(table, mapping.lead, gaps)
    times = moments(
        table, mapping.at, "activities", timezone=timezone, date_format=date_format, missing=gaps
    )
    kinds, kind = text_codes(table, mapping.kind, gaps)
    details, detail, findings = _details(table, mapping, gaps)
    broken = np.isin(np.arange(len(lead)), list(table.errors))
    usable = (lead >= 0) & (times.at != NO_TIME) & ~broken
    rows = np.flatnonzero(usable)
    rows = rows[np.argsort(lead[rows], kind="stable")]
    no_time = times.at == NO_TIME
    no_time[list(times.errors)] = False  # told apart, with what could not be read
    return Activities(
        source=table.source,
        ids={text: position for position, text in enumerate(lead_texts)},
        starts=np.concatenate(([0], np.cumsum(np.bincount(lead[rows], minlength=len(lead_texts))))),
        at=times.at[rows],
        kind=kind[rows],
        detail=detail[rows],
        kinds=kinds,
        details=details,
        rows=rows,
        places=table.places,
        findings=(
            *table.findings,
            *set_aside(
                table,
                "DATA031",
                "activities",
                {"lead": (mapping.lead, lead < 0), "time": (mapping.at, no_time)},
            ),
            *time_findings(
                times, mapping.at, zone=timezone, places=table.places, set_aside="activities"
            ),
            *naive_finding({mapping.at: 0 if times.aware else times.naive}, timezone),
            *findings,
        ),
    )


def _details(
    table: Table, mapping: ActivityMapping, missing: frozenset[str]
) -> tuple[list[str], NDArray[np.int32], list[Finding]]:
    if mapping.detail is not None and mapping.detail in table.frame.columns:
        return *text_codes(table, mapping.detail, missing), []
    nothing = np.full(len(table.frame), -1, np.int32)
    if mapping.detail is None:
        return [], nothing, []
    known = [str(column) for column in table.frame.columns]
    text = (
        f"{table.source} has no column {mapping.detail!r} ([activities].detail)"
        f"{near(mapping.detail, known)}: activities have no detail"
    )
    return [], nothing, [Finding("DATA032", "info", mapping.detail, len(nothing), text)]
