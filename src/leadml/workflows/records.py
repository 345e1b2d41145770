"""Leads as records, such as a CRM sends them: read into the batch that the scorer takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from leadml.data.activity_log import AccountLog, ActivityLog
from leadml.data.identity import content_id
from leadml.data.raw import RawColumn
from leadml.data.values import (
    NO_TIME,
    NotUsableError,
    in_utc,
    is_missing,
    microseconds,
    missing_texts,
    time_reader,
    to_text,
)
from leadml.domain.definition import Definition
from leadml.domain.mapping import DECIDING_TIMES
from leadml.snapshot.features import Encoded, FeatureSet

Microseconds = NDArray[np.int64]

LATER = "created after the moment it is judged (as_of)"


@dataclass(frozen=True)
class LeadBatch:
    """Leads to be scored, as raw columns.

    Attributes
    ----------
    raw : mapping of str to RawColumn
        Columns of the export.
    lead_id : object array of str or None
        Ids; None (with an error) where there is none.
    as_of, created : int64 arrays
        Microseconds UTC: the moment each lead is judged, and was created; `NO_TIME` unknown.
    log : ActivityLog
        Activities of the leads.
    untold : bool array
        Leads whose activities are unknown, which is not the same as none.
    errors : dict
        Row position -> list of (column, why the row cannot be scored).
    colleagues : AccountLog or None
        Activities of the leads' accounts; None where unknown for all.
    """

    raw: Mapping[str, RawColumn]
    lead_id: NDArray[np.object_]
    as_of: Microseconds
    created: Microseconds
    log: ActivityLog
    untold: NDArray[np.bool_]
    errors: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    colleagues: AccountLog | None = None

    def __len__(self) -> int:
        """Return the number of leads."""
        return len(self.lead_id)

    def encode(self, features: FeatureSet) -> Encoded:
        """Compute these features of the leads, with all that the batch knows."""
        return features.encode(
            self.raw,
            as_of=self.as_of,
            created=self.created,
            log=self.log,
            untold=self.untold,
            colleagues=self.colleagues,
        )


class Records:
    """Leads given as records, read under a definition.

    Parameters
    ----------
    definition : Definition
        What the model was trained under.
    known_columns : frozenset of str
        Fields that raise no warning.
    leads, activities, as_of : sequences
        As `Scorer.score_records` takes them.
    now : datetime
        Aware.
    account_activities : sequence, optional
        As `Scorer.score_records` takes them.
    """

    def __init__(
        self,
        definition: Definition,
        known_columns: frozenset[str],
        leads: Sequence[Mapping[str, object]],
        activities: Sequence[Sequence[Mapping[str, object]] | None] | None,
        as_of: Sequence[datetime | None] | None,
        now: datetime,
        account_activities: Sequence[Sequence[Mapping[str, object]] | None] | None = None,
    ) -> None:
        self.account_activities = account_activities
        self.leads, self.now, self.known_columns = leads, now, known_columns
        self.activities = activities if activities is not None else [None] * len(leads)
        self.wanted = as_of if as_of is not None else [None] * len(leads)
        self.mapping, self.names = definition.leads, definition.activities
        self.missing = missing_texts(self.mapping.missing)
        self.zone = ZoneInfo(self.mapping.timezone)
        self.read_time = time_reader(self.zone, self.mapping.date_format)
        self.errors: dict[int, list[tuple[str, str]]] = {}
        self.warnings: list[list[str]] = [self._unknown(lead) for lead in leads]

    def batch(self) -> tuple[LeadBatch, list[list[str]]]:
        """Return the batch, and each lead's warnings."""
        columns = dict.fromkeys(column for lead in self.leads for column in lead)
        raw = {c: RawColumn.of([lead.get(c) for lead in self.leads]) for c in columns}
        ids = np.array([self._id(row, lead) for row, lead in enumerate(self.leads)], object)
        times = {role: self._times(role) for role in self.mapping.times if role in DECIDING_TIMES}
        unknown = np.full(len(self.leads), NO_TIME, np.int64)
        created = times.get("created_at", unknown)
        handed_off = times.get("handed_off_at", unknown)
        as_of = np.array([self._moment(i, int(h)) for i, h in enumerate(handed_off)], np.int64)
        for row in np.flatnonzero((created != NO_TIME) & (created > as_of)):
            self._error(int(row), str(self.mapping.created_at), LATER)
        untold = np.array([touches is None for touches in self.activities], bool)
        log, colleagues = self._log(), self._colleagues(ids)
        batch = LeadBatch(raw, ids, as_of, created, log, untold, self.errors, colleagues)
        return batch, self.warnings

    def _unknown(self, lead: Mapping[str, object]) -> list[str]:
        extra = [name for name in lead if name not in self.known_columns]
        return [f"unknown field {name!r} was not used" for name in extra]

    def _error(self, row: int, column: str, why: str) -> None:
        self.errors.setdefault(row, []).append((column, why))

    def _id(self, row: int, lead: Mapping[str, object]) -> str | None:
        if self.mapping.id is None:
            return content_id(lead, self.mapping, self.missing)
        try:
            text = to_text(lead.get(self.mapping.id), self.missing)
        except NotUsableError as error:
            self._error(row, self.mapping.id, str(error))
            return None
        if text is None:
            self._error(row, self.mapping.id, "expected a lead id, found none")
        return text

    def _times(self, role: str) -> Microseconds:
        column = self.mapping.times[role]
        times = np.full(len(self.leads), NO_TIME, np.int64)
        for row, lead in enumerate(self.leads):
            value = lead.get(column)
            if is_missing(value, self.missing):
                continue
            try:
                times[row] = microseconds(self.read_time(value))
            except NotUsableError as error:
                self._error(row, column, str(error))
        return times

    def _moment(self, row: int, handed_off: int) -> int:
        wanted = self.wanted[row]
        if wanted is not None:
            return microseconds(in_utc(wanted, self.zone))
        now = microseconds(self.now)
        return handed_off if NO_TIME < handed_off <= now else now

    def _log(self) -> ActivityLog:
        rows: list[tuple[int, int, str | None, str | None]] = []
        for lead, touches in enumerate(self.activities):
            for number, touch in enumerate(touches or ()):
                found = self._touch(lead, f"activities.{number}", touch)
                if found is not None:
                    rows.append((lead, *found))
        return _activity_log(rows)

    def _colleagues(self, ids: NDArray[np.object_]) -> AccountLog | None:
        """Return what others of each lead's account did; every lead has an account of its own."""
        if self.account_activities is None:
            return None
        told = np.array([touches is not None for touches in self.account_activities], bool)
        people: dict[str, int] = {}
        accounts: list[int] = []
        rows: list[tuple[int, int, str | None, str | None]] = []
        for lead, touches in enumerate(self.account_activities):
            for number, touch in enumerate(touches or ()):
                place = f"account_activities.{number}"
                person, found = self._person(lead, place, touch), self._touch(lead, place, touch)
                if person is not None and found is not None:
                    accounts.append(lead)
                    rows.append((people.setdefault(person, len(people)), *found))
        return AccountLog(
            account=np.where(told, np.arange(len(self.leads)), -1),
            contact=np.array([people.get(name, -1) for name in ids], np.intp),
            names=[self._account(lead) for lead in self.leads],
            of=np.array(accounts, np.intp),
            log=_activity_log(rows),
        )

    def _person(self, lead: int, place: str, touch: Mapping[str, object]) -> str | None:
        """Return whose activity it is, None (with an error) where that is not told."""
        try:
            person = to_text(touch.get(self.names.lead), self.missing)
        except NotUsableError as error:
            self._error(lead, place, f"{error} (in {self.names.lead})")
            return None
        if person is None:
            why = f"expected whose activity it is, found none (in {self.names.lead})"
            self._error(lead, place, why)
        return person

    def _account(self, lead: Mapping[str, object]) -> str:
        """Return the account case folded, empty where it is unknown or no text."""
        try:
            return (to_text(lead.get(self.mapping.account or ""), self.missing) or "").casefold()
        except NotUsableError:
            return ""

    def _touch(
        self, lead: int, place: str, touch: Mapping[str, object]
    ) -> tuple[int, str | None, str | None] | None:
        names = self.names
        try:
            at = microseconds(self.read_time(touch.get(names.at)))
            kind = to_text(touch.get(names.kind), self.missing)
            detail = to_text(touch.get(names.detail), self.missing) if names.detail else None
        except NotUsableError as error:
            self._error(lead, place, f"{error} (in {names.at} or {names.kind})")
            return None
        return at, kind, detail


def _activity_log(rows: list[tuple[int, int, str | None, str | None]]) -> ActivityLog:
    kinds = list(dict.fromkeys(kind for _, _, kind, _ in rows if kind is not None))
    details = list(dict.fromkeys(detail for *_, detail in rows if detail is not None))
    kind_code = {kind: code for code, kind in enumerate(kinds)}
    detail_code = {detail: code for code, detail in enumerate(details)}
    return ActivityLog(
        np.array([lead for lead, *_ in rows], np.intp),
        np.array([at for _, at, *_ in rows], np.int64),
        np.array([kind_code.get(kind, -1) for *_, kind, _ in rows], np.int32),  # type: ignore[arg-type]
        np.array([detail_code.get(detail, -1) for *_, detail in rows], np.int32),  # type: ignore[arg-type]
        kinds,
        details,
    )
