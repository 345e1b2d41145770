"""What every verb starts from: leads, activities, what counts as now, and batches to score."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from leadml.data.accounts import Accounts, account_log, accounts_of
from leadml.data.activities import Activities, read_activities
from leadml.data.activity_log import AccountLog, ActivityLog
from leadml.data.history import History, read_history
from leadml.data.leads import Leads, read_leads
from leadml.data.raw import RawColumn
from leadml.data.values import NO_TIME, NotUsableError, missing_texts, time_reader, to_number
from leadml.domain.definition import Definition
from leadml.domain.finding import Finding
from leadml.errors import ConfigError, DataError
from leadml.settings import Settings
from leadml.snapshot.labels import Judged, judge
from leadml.snapshot.rollback import Rollback
from leadml.workflows.reading import read_source
from leadml.workflows.records import LeadBatch

if TYPE_CHECKING:
    import pandas as pd

    Source = str | Path | pd.DataFrame


@dataclass(frozen=True)
class Material:
    """An export read under a definition.

    Attributes
    ----------
    leads : Leads
    activities : Activities or None
        None where no activity file was given.
    now : datetime64[us] or None
        UTC; None where the export has no times and none was given.
    history : History or None
        None where no attribute history was given.
    """

    leads: Leads
    activities: Activities | None
    now: np.datetime64 | None
    history: History | None = None

    @cached_property
    def rollback(self) -> Rollback | None:
        """The columns as of moments; None where no attribute history was given."""
        return None if self.history is None else Rollback(self.leads, self.history)

    @cached_property
    def accounts(self) -> Accounts | None:
        """The accounts of the leads; None where none are mapped."""
        return accounts_of(self.leads)

    @cached_property
    def colleagues(self) -> AccountLog | None:
        """What others of each lead's account did; None where accounts or activities are unknown."""
        if self.accounts is None or self.activities is None:
            return None
        return account_log(self.leads, self.activities, self.accounts)

    @property
    def now_microseconds(self) -> int | None:
        """`now` as microseconds since 1970-01-01 UTC."""
        if self.now is None:
            return None
        moments: NDArray[np.int64] = np.array([self.now], "datetime64[us]").view(np.int64)
        return int(moments[0])

    def judge(self, settings: Settings) -> Judged:
        """Hold every lead against the configured agreement."""
        return judge(self.leads, settings.definition.agreement, now=self.now)


def gather(
    leads: "Source",
    *,
    definition: Definition,
    root: Path,
    activities: "Source | None" = None,
    history: "Source | None" = None,
    table: str | None = None,
    as_of: str | datetime | None = None,
    labelled: bool,
    to_learn: bool = False,
    by_clock: bool = False,
) -> Material:
    """Read an export, its activities and the history of its attributes.

    Parameters
    ----------
    leads, activities, history : str, Path or pandas.DataFrame
        File, SQL URL (with `table`) or frame.
    as_of : str or datetime, optional
        What counts as now; default the latest mapped time.
    labelled : bool
        Whether outcomes are needed: then every mapped column must be there, else only ``id``.
    to_learn : bool
        Whether somebody must have won.
    by_clock : bool
        Whether times ahead of the clock never decide what counts as now.
    """
    mapping = definition.leads
    required = {*mapping.named_columns, "outcome"} if labelled else {"id"}
    required |= {"won"} if to_learn else set()
    if labelled and not mapping.won:
        msg = "[leads].won is not set in leadml.toml: list the outcome's values that mean won"
        raise ConfigError(msg)
    found = read_leads(
        read_source(leads, table=table, config_root=root), mapping, required=required
    )
    touches = None if activities is None else read_touches(activities, definition, root)
    changes = None if history is None else read_changes(history, definition, root)
    moment = read_as_of(as_of, mapping.timezone)
    now = latest_of(found, touches, changes, as_of=moment, by_clock=by_clock)
    if as_of is None and by_clock:
        found = replace(found, findings=(*found.findings, *_times_ahead(found, now)))
    return Material(found, touches, now, changes)


def _times_ahead(leads: Leads, now: np.datetime64 | None) -> list[Finding]:
    """Report times after what counts as now where nobody asked for an earlier moment."""
    happened = (times for role, times in leads.times.items() if role in _HAPPENED)
    ahead = 0 if now is None else sum(int((times > now).sum()) for times in happened)
    if not ahead:
        return []
    text = (
        "times after today: they have not happened, and none of them counts as now; `leadml check` "
        "says where they are"
    )
    return [Finding("TIME005", "warning", None, ahead, text)]


_HAPPENED = (
    "created_at", "qualified_at", "handed_off_at", "accepted_at", "rejected_at", "followed_up_at",
)  # fmt: skip


def read_touches(source: "Source", definition: Definition, root: Path) -> Activities:
    """Read an activity file, its times and gaps as the leads' mapping says."""
    mapping = definition.leads
    return read_activities(
        read_source(source, config_root=root),
        definition.activities,
        timezone=mapping.timezone,
        date_format=mapping.date_format,
        missing=mapping.missing,
    )


def read_changes(source: "Source", definition: Definition, root: Path) -> History:
    """Read an attribute history, its times and gaps as the leads' mapping says."""
    mapping = definition.leads
    return read_history(
        read_source(source, config_root=root),
        definition.history,
        timezone=mapping.timezone,
        date_format=mapping.date_format,
        missing=mapping.missing,
    )


def read_as_of(
    as_of: str | datetime | None, timezone: str, option: str = "--as-of"
) -> datetime | None:
    """Read ``--as-of`` or another option: an ISO date (00:00 in the zone) or time; aware UTC.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    if as_of is None:
        return None
    try:
        return time_reader(ZoneInfo(timezone), None)(as_of)
    except NotUsableError as error:
        msg = f"{option}: {error}; write it like 2026-01-31 or 2026-01-31T12:00"
        raise ConfigError(msg) from None


_AHEAD = timedelta(days=1)
"""How far ahead of our clock that of an export in another time zone may be."""


def latest_of(
    leads: Leads,
    activities: Activities | None,
    history: History | None,
    *,
    as_of: datetime | None,
    by_clock: bool = False,
) -> np.datetime64 | None:
    """Return what counts as now: the moment asked for, else the latest mapped time, UTC.

    Judged `by_clock`, a time that lies ahead of it, a slip in an export, does not count unless all
    times do: it would let every open lead mature.
    """
    if as_of is not None:
        return np.datetime64(as_of.astimezone(UTC).replace(tzinfo=None), "us")
    read = [part for part in (leads, activities, history) if part is not None]
    clock = np.datetime64(datetime.now(UTC).replace(tzinfo=None) + _AHEAD, "us")
    for until in (clock, None) if by_clock else (None,):
        latest = [moment for part in read if (moment := part.latest_time(until)) is not None]
        if latest:
            return max(latest)
    return None


def moments_to_score(leads: Leads, now: int, *, fixed: bool) -> NDArray[np.int64]:
    """Return when each lead is judged: at `now` if fixed, else at its hand-off, else `now`.

    Parameters
    ----------
    now : int
        Microseconds UTC; a hand-off after it has not happened yet.
    """
    if fixed or "handed_off_at" not in leads.times:
        return np.full(len(leads), now, np.int64)
    handed_off = leads.times["handed_off_at"].astype("datetime64[us]").view("i8")
    return np.where((handed_off != NO_TIME) & (handed_off <= now), handed_off, now)


def batch_of(
    material: Material,
    rows: NDArray[np.intp],
    as_of: NDArray[np.int64],
    *,
    errors: dict[int, list[tuple[str, str]]] | None = None,
) -> LeadBatch:
    """Return the leads at `rows`, each judged as of its moment, as the scorer takes them.

    Parameters
    ----------
    rows : int array, shape (leads,)
        Positions in the export.
    as_of : int64 array, shape (leads,)
        Microseconds UTC, `NO_TIME` where undated.
    """
    leads = material.leads
    created = np.full(len(rows), NO_TIME, np.int64)
    if "created_at" in leads.times:
        created = leads.times["created_at"].astype("datetime64[us]").view("i8")[rows]
    untold = np.full(len(rows), material.activities is None)
    found = material.colleagues
    return LeadBatch(
        raw=columns_of(material, rows, as_of),
        lead_id=leads.lead_id[rows],
        as_of=as_of,
        created=created,
        log=log_of(material, rows),
        untold=untold,
        errors=errors or {},
        colleagues=None if found is None else found.take(rows),
    )


def columns_of(
    material: Material, rows: NDArray[np.intp], as_of: NDArray[np.int64]
) -> Mapping[str, RawColumn]:
    """Return the columns of the leads at `rows`, rolled back to their moments where recorded."""
    return _Columns(material, rows, as_of)


def log_of(material: Material, rows: NDArray[np.intp]) -> ActivityLog:
    """Return the activities of the leads at `rows`."""
    if material.activities is None:
        return ActivityLog.empty()
    return material.activities.log_for(material.leads.lead_id[rows].tolist())


def held_points(
    material: Material, rows: NDArray[np.intp], as_of: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """Return the CRM's own points of the leads at `rows` as of their moments; None without."""
    leads = material.leads
    if leads.points is None or material.rollback is None:
        return None if leads.points is None else leads.points[rows]
    missing, decimal = missing_texts(leads.mapping.missing), leads.mapping.decimal
    raw = columns_of(material, rows, as_of)[str(leads.mapping.points)]
    points, _ = raw.numbers(lambda value: to_number(value, missing, decimal=decimal))
    return points


class _Columns(dict[str, RawColumn]):
    """The export's columns, each made for the rows when it is first asked for."""

    def __init__(
        self, material: Material, rows: NDArray[np.intp], as_of: NDArray[np.int64]
    ) -> None:
        super().__init__()
        self.material, self.rows, self.as_of = material, rows, as_of
        self.there = set(material.leads.columns)

    def __missing__(self, column: str) -> RawColumn:
        if column not in self.there:
            raise KeyError(column)
        self[column] = self._cut(column)
        return self[column]

    def _cut(self, column: str) -> RawColumn:
        rollback = self.material.rollback
        if rollback is None:
            return self.material.leads.raw(column).take(self.rows)
        return rollback.raw(column, self.rows, self.as_of)

    def __contains__(self, column: object) -> bool:
        return column in self.there

    def get(self, column: str, default: RawColumn | None = None) -> RawColumn | None:  # type: ignore[override]
        return self[column] if column in self.there else default


def raise_errors(findings: list[Finding], source: str) -> None:
    """Refuse an export that a check found an error in: one line, with the count of further ones.

    Raises
    ------
    DataError
    """
    errors = [finding for finding in findings if finding.severity == "error"]
    if not errors:
        return
    first, more = errors[0], len(errors) - 1
    where = f"{source}, column {first.column}" if first.column else source
    example = f" (e.g. {'; '.join(first.examples[:3])})" if first.examples else ""
    rest = f"; and {more} more: see `leadml check`" if more else ""
    msg = f"{where}: {first.message}{example} [{first.code}, {first.count}]{rest}"
    raise DataError(msg)
