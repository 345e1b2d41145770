"""Attribute history: what each field of each lead was changed from, to and when."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.data.event_rows import latest_of, moments, refuse_absent, set_aside, text_codes
from leadml.data.frames import raw_column
from leadml.data.places import Places, listed, near
from leadml.data.raw import RawColumn
from leadml.data.tables import Table
from leadml.data.time_findings import naive_finding, time_findings
from leadml.data.values import NO_TIME, is_missing, missing_texts
from leadml.domain.finding import Finding
from leadml.domain.mapping import HistoryMapping
from leadml.errors import DataError


@dataclass(frozen=True)
class History:
    """Every usable change of a file, ordered by field, lead and time (ties as in the file).

    Attributes
    ----------
    source : str
        What to call the file in messages.
    ids : dict
        Lead id -> number of the lead in `lead`.
    fields : sequence of str
        The fields that were changed.
    starts : int array, shape (fields + 1,)
        Changes ``starts[i]:starts[i + 1]`` are those of field i.
    lead : int array, shape (changes,)
        Number of the lead.
    at : int64 array, shape (changes,)
        Microseconds since 1970-01-01 UTC: from then on the field held the new value.
    old, new : RawColumn or None
        The value before and after each change; None where the file does not say.
    told : bool array, shape (fields,)
        Whether any change of the field holds a value: long texts come without.
    rows : int array, shape (changes,)
        Row position in the file.
    places : Places
        Where each row stands in the file.
    findings : tuple of Finding
        What was odd about reading them, changes set aside included.
    """

    source: str
    ids: dict[str, int]
    fields: Sequence[str]
    starts: NDArray[np.intp]
    lead: NDArray[np.intp]
    at: NDArray[np.int64]
    old: RawColumn | None
    new: RawColumn | None
    told: NDArray[np.bool_]
    rows: NDArray[np.intp]
    places: Places
    findings: tuple[Finding, ...]

    def __len__(self) -> int:
        """Return the number of usable changes."""
        return len(self.at)

    def latest_time(self, until: np.datetime64 | None = None) -> np.datetime64 | None:
        """Return the latest change's time (UTC) up to `until`; None where there is none."""
        return latest_of(self.at, until)


def read_history(
    table: Table,
    mapping: HistoryMapping,
    *,
    timezone: str,
    date_format: str | None,
    missing: tuple[str, ...],
) -> History:
    """Read a table of changes in leadml's terms.

    Changes without a lead, without a field or with a time that cannot be read are set aside, and
    counted.

    Raises
    ------
    DataError
        If the column of lead, field or time is absent, those of both values are, or most times
        cannot be read.
    """
    needed = {"lead": mapping.lead, "field": mapping.field, "at": mapping.at}
    refuse_absent(table, needed, "history")
    findings = _without_values(table, mapping)
    gaps = missing_texts(missing)
    ids, lead = _numbers(table, mapping.lead, gaps)
    fields, field = _numbers(table, mapping.field, gaps)
    times = moments(
        table, mapping.at, "history", timezone=timezone, date_format=date_format, missing=gaps
    )
    whole = np.ones(len(lead), bool)
    whole[list(table.errors)] = False
    rows = np.flatnonzero(whole & (lead >= 0) & (field >= 0) & (times.at != NO_TIME))
    rows = rows[np.lexsort((times.at[rows], lead[rows], field[rows]))]
    no_time = times.at == NO_TIME
    no_time[[*times.errors, *table.errors]] = False  # told apart, with what could not be read
    old, new = _values(table, mapping.old, rows), _values(table, mapping.new, rows)
    starts = np.concatenate(([0], np.cumsum(np.bincount(field[rows], minlength=len(fields)))))
    return History(
        source=table.source,
        ids={text: number for number, text in enumerate(ids)},
        fields=fields,
        starts=starts,
        lead=lead[rows],
        at=times.at[rows],
        old=old,
        new=new,
        told=_told(field[rows], len(fields), (old, new), gaps),
        rows=rows,
        places=table.places,
        findings=(
            *table.findings,
            *set_aside(
                table,
                "DATA041",
                "changes",
                {
                    "lead": (mapping.lead, whole & (lead < 0)),
                    "field": (mapping.field, whole & (field < 0)),
                    "time": (mapping.at, no_time),
                },
            ),
            *time_findings(
                times, mapping.at, zone=timezone, places=table.places, set_aside="changes"
            ),
            *naive_finding({mapping.at: 0 if times.aware else times.naive}, timezone),
            *findings,
        ),
    )


def _without_values(table: Table, mapping: HistoryMapping) -> list[Finding]:
    """Refuse a table without any values, and say what follows where one kind is missing."""
    known = [str(column) for column in table.frame.columns]
    named = {"old": mapping.old, "new": mapping.new}
    absent = {key: name for key, name in named.items() if name and name not in known}
    values = [name for name in (mapping.old, mapping.new) if name]
    if set(values) <= set(absent.values()):
        msg = (
            f"{table.source} holds neither old nor new values ([history].old, [history].new: "
            f"{listed(values)}); it has {listed(known)}"
        )
        raise DataError(msg)
    return [
        Finding(
            "DATA042",
            "info",
            name,
            len(table.frame),
            f"{table.source} has no column {name!r} ([history].{key}){near(name, known)}: "
            f"{_WITHOUT[key]}",
        )
        for key, name in absent.items()
    ]


_WITHOUT = {
    "old": "before its first change a field counts as empty",
    "new": "after its last change a field counts as it is in the export",
}


def _numbers(
    table: Table, column: str, missing: frozenset[str]
) -> tuple[list[str], NDArray[np.intp]]:
    texts, codes = text_codes(table, column, missing)
    return texts, codes.astype(np.intp)


def _values(table: Table, column: str | None, rows: NDArray[np.intp]) -> RawColumn | None:
    if column is None or column not in table.frame.columns:
        return None
    return raw_column(table.frame[column]).take(rows)


def _told(
    field: NDArray[np.intp],
    fields: int,
    values: tuple[RawColumn | None, ...],
    missing: frozenset[str],
) -> NDArray[np.bool_]:
    told = np.zeros(fields, bool)
    for raw in values:
        if raw is not None:
            held = np.array([not is_missing(v, missing) for v in raw.values] + [False], bool)
            told |= np.bincount(field[held[raw.codes]], minlength=fields) > 0
    return told
