"""Leads as records, such as a CRM sends them, and leads as a table: what the scorer takes."""

import math
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

MOST_UNKNOWN = 100
"""Unknown fields of one lead that are told by name."""
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


Touch = tuple[int, str | None, str | None]
"""When an activity was, its kind and its detail."""


@dataclass(slots=True)
class Record:
    """One lead as it was sent, read.

    Attributes
    ----------
    lead : mapping of str to object
        Raw columns.
    lead_id : str or None
        None (with a problem) where there is none.
    as_of, created : int
        Microseconds UTC: the moment the lead is judged, and was created; `NO_TIME` unknown.
    touches : list of Touch or None
        None where unknown.
    colleagues : list of (str, Touch) or None
        Who of the account did what; None where unknown.
    problems : list of (column, why)
        Why the lead cannot be scored.
    warnings : list of str
    """

    lead: Mapping[str, object]
    lead_id: str | None
    as_of: int
    created: int
    touches: list[Touch] | None
    colleagues: list[tuple[str, Touch]] | None
    problems: list[tuple[str, str]]
    warnings: list[str]


class RecordReader:
    """Reads leads given as records.

    Parameters
    ----------
    definition : Definition
        What the model was trained under.
    known_columns : frozenset of str
        Fields that raise no warning.
    """

    def __init__(self, definition: Definition, known_columns: frozenset[str]) -> None:
        self.known_columns = known_columns
        self.mapping, self.names = definition.leads, definition.activities
        self.missing = missing_texts(self.mapping.missing)
        self.zone = ZoneInfo(self.mapping.timezone)
        self.read_time = time_reader(self.zone, self.mapping.date_format)
        self._times = [(r, c) for r, c in self.mapping.times.items() if r in DECIDING_TIMES]

    def read(
        self,
        lead: Mapping[str, object],
        touches: Sequence[Mapping[str, object]] | None,
        colleagues: Sequence[Mapping[str, object]] | None,
        wanted: datetime | None,
        now: int,
    ) -> Record:
        """Read one lead; the parameters are those of `Scorer.score_records`, `now` is in µs."""
        problems: list[tuple[str, str]] = []
        lead_id = self._id(lead, problems)
        created, handed_off = self._deciding(lead, problems)
        if wanted is not None:
            as_of = microseconds(in_utc(wanted, self.zone))
        else:
            as_of = handed_off if NO_TIME < handed_off <= now else now
        if created > as_of:
            problems.append((str(self.mapping.created_at), LATER))
        return Record(
            lead,
            lead_id,
            as_of,
            created,
            None if touches is None else self._touches(touches, problems),
            None if colleagues is None else self._colleagues(colleagues, problems),
            problems,
            [] if lead.keys() <= self.known_columns else self._unknown(lead),
        )

    def _unknown(self, lead: Mapping[str, object]) -> list[str]:
        extra = [name for name in lead if name not in self.known_columns]
        told = [f"unknown field {name!r} was not used" for name in extra[:MOST_UNKNOWN]]
        more = len(extra) - len(told)
        return [*told, f"and {more:,} more unknown fields were not used"] if more else told

    def _id(self, lead: Mapping[str, object], problems: list[tuple[str, str]]) -> str | None:
        column = self.mapping.id
        if column is None:
            return content_id(lead, self.mapping, self.missing)
        try:
            text = self._name(lead.get(column))
        except NotUsableError as error:
            problems.append((column, str(error)))
            return None
        if text is None:
            problems.append((column, "expected a lead id, found none"))
        return text

    def _name(self, value: object) -> str | None:
        """Return an id in its one spelling: of a text or a number, and of nothing else."""
        if isinstance(value, bool):
            msg = f"expected a lead id, found {str(value).lower()}"
            raise NotUsableError(msg)
        return to_text(value, self.missing)

    def _deciding(
        self, lead: Mapping[str, object], problems: list[tuple[str, str]]
    ) -> tuple[int, int]:
        """Return when the lead was created and handed off."""
        found = {"created_at": NO_TIME, "handed_off_at": NO_TIME}
        for role, column in self._times:
            value = lead.get(column)
            if is_missing(value, self.missing):
                continue
            try:
                found[role] = microseconds(self.read_time(value))
            except NotUsableError as error:
                problems.append((column, str(error)))
        return found["created_at"], found["handed_off_at"]

    def _touches(
        self, touches: Sequence[Mapping[str, object]], problems: list[tuple[str, str]]
    ) -> list[Touch]:
        told = (self._touch(f"activities.{i}", one, problems) for i, one in enumerate(touches))
        return [touch for touch in told if touch is not None]

    def _colleagues(
        self, touches: Sequence[Mapping[str, object]], problems: list[tuple[str, str]]
    ) -> list[tuple[str, Touch]]:
        told = []
        for number, touch in enumerate(touches):
            place = f"account_activities.{number}"
            person = self._person(place, touch, problems)
            found = self._touch(place, touch, problems)
            if person is not None and found is not None:
                told.append((person, found))
        return told

    def _person(
        self, place: str, touch: Mapping[str, object], problems: list[tuple[str, str]]
    ) -> str | None:
        """Return whose activity it is, None (with a problem) where that is not told."""
        try:
            person = self._name(touch.get(self.names.lead))
        except NotUsableError as error:
            problems.append((place, f"{error} (in {self.names.lead})"))
            return None
        if person is None:
            why = f"expected whose activity it is, found none (in {self.names.lead})"
            problems.append((place, why))
        return person

    def _touch(
        self, place: str, touch: Mapping[str, object], problems: list[tuple[str, str]]
    ) -> Touch | None:
        names = self.names
        try:
            at = microseconds(self.read_time(touch.get(names.at)))
            kind = to_text(touch.get(names.kind), self.missing)
            detail = to_text(touch.get(names.detail), self.missing) if names.detail else None
        except NotUsableError as error:
            problems.append((place, f"{error} (in {names.at} or {names.kind})"))
            return None
        return at, kind, detail

    def account(self, lead: Mapping[str, object]) -> str:
        """Return a lead's account case folded, empty where it is unknown or no text."""
        try:
            return (to_text(lead.get(self.mapping.account or ""), self.missing) or "").casefold()
        except NotUsableError:
            return ""


def log_of(records: Sequence[Record]) -> ActivityLog:
    """Return the activities of leads."""
    return _activity_log(
        [(lead, *touch) for lead, one in enumerate(records) for touch in one.touches or ()]
    )


def colleagues_of(records: Sequence[Record], reader: RecordReader) -> AccountLog | None:
    """Return what others of each lead's account did; every lead has an account of its own."""
    if all(one.colleagues is None for one in records):
        return None
    people: dict[str, int] = {}
    accounts: list[int] = []
    rows: list[tuple[int, int, str | None, str | None]] = []
    for lead, one in enumerate(records):
        for person, touch in one.colleagues or ():
            accounts.append(lead)
            rows.append((people.setdefault(person, len(people)), *touch))
    told = np.array([one.colleagues is not None for one in records], bool)
    return AccountLog(
        account=np.where(told, np.arange(len(records)), -1),
        contact=np.array([people.get(one.lead_id or "", -1) for one in records], np.intp),
        names=[reader.account(one.lead) for one in records],
        of=np.array(accounts, np.intp),
        log=_activity_log(rows),
    )


def as_table(records: Sequence[Record], reader: RecordReader) -> LeadBatch:
    """Return leads as a table, which `Scorer.score_batch` takes."""
    columns = dict.fromkeys(column for one in records for column in one.lead)
    return LeadBatch(
        raw={c: RawColumn.of([one.lead.get(c) for one in records]) for c in columns},
        lead_id=np.array([one.lead_id for one in records], object),
        as_of=np.array([one.as_of for one in records], np.int64),
        created=np.array([one.created for one in records], np.int64),
        log=log_of(records),
        untold=np.array([one.touches is None for one in records], bool),
        errors={row: list(one.problems) for row, one in enumerate(records) if one.problems},
        colleagues=colleagues_of(records, reader),
    )


def features_of(
    records: Sequence[Record], features: FeatureSet, reader: RecordReader
) -> list[list[float]]:
    """Return the features of leads; a value that cannot be read is a problem of its lead."""
    values = [_values(record, features) for record in records]
    if features.reads_activities:
        _fill_in_activities(values, records, features, reader)
    return values


def _fill_in_activities(
    values: Sequence[list[float]],
    records: Sequence[Record],
    features: FeatureSet,
    reader: RecordReader,
) -> None:
    """Compute the features of activities of all leads at once, as arrays: a fold is costly."""
    if any(record.touches or record.colleagues is not None for record in records):
        x = features.of_activities(
            np.array([record.as_of for record in records], np.int64),
            log_of(records),
            np.array([record.touches is None for record in records], bool),
            colleagues_of(records, reader) if features.reads_colleagues else None,
        )
        filled = x[:, features.places_of_activities].tolist()
    else:
        unknown = [math.nan] * len(features.places_of_activities)
        none = features.of_no_activities
        filled = [unknown if record.touches is None else none for record in records]
    for own, found in zip(values, filled, strict=True):
        for place, number in zip(features.places_of_activities, found, strict=True):
            own[place] = number


def _values(record: Record, features: FeatureSet) -> list[float]:
    try:
        return features.at(record.lead, record.as_of, record.created)
    except NotUsableError:
        record.problems.extend(features.problems(record.lead))
        return [math.nan] * len(features.features)


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
