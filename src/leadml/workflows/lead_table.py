"""Many leads' events folded at once into a table: `leadml.domain.lead_state` by columns.

`state_of` says what a lead's state is; here the same is worked out with arrays, which a million
events need. Leads with corrections, or with two events of one kind at one moment, are left to
`state_of` itself.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadml.data.values import NO_TIME, microseconds
from leadml.domain.correction import as_utc
from leadml.domain.event import KINDS, SHADOW_TEXT, Event, Stored
from leadml.domain.lead_state import LeadState, state_of
from leadml.store.event_columns import EventColumns, moment_of

TIMES = (
    "created_at", "qualified_at", "handed_off_at", "accepted_at", "rejected_at", "followed_up_at",
    "closed_at", "outcome_recorded_at", "handed_off_recorded_at", "outcome_known_at",
)  # fmt: skip
ATTRIBUTES = ("source", "industry", "segment", "account_size")
SCORED = ("probability", "points", "band", "sales_ready")
HANDED = ("explored", "handoff_probability", "model_version", "agreement_hash")
COLUMNS = (
    "lead", "account", "owner", *ATTRIBUTES, "created_at", "qualified_at", "handed_off_at",
    "accepted_at", "rejected_at", "rejection_reason", "right_person", "followed_up_at", "outcome",
    "closed_at", "outcome_recorded_at", "amount", "margin_amount", *SCORED, *HANDED, "state",
    "handed_off_recorded_at", "handed_off_moved", "outcome_known_at",
)  # fmt: skip
"""Columns of the leads table, in order."""

_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
_NUMBERS = ("amount", "margin_amount", "probability", "points", "handoff_probability")
_FLAGS = ("sales_ready", "explored", "handed_off_moved")
_STAGE = {
    "handed_off": "handed_off",
    "accepted": "accepted",
    "rejected": "rejected",
    "followed_up": "followed_up",
    "reopened": "open",
}
_NOTHING: dict[str, Any] = {}

Ints = NDArray[np.int64]
Positions = NDArray[np.intp]
Values = list[Any]


def lead_table(columns: EventColumns, *, horizon: timedelta | None = None) -> pd.DataFrame:
    """Fold the events of some leads into one row a lead, in the order of the leads.

    Parameters
    ----------
    columns : EventColumns
        All events of each lead, together.
    horizon : timedelta, optional
        See `state_of`.

    Returns
    -------
    table : DataFrame
        `COLUMNS`; times as int64 microseconds UTC, `NO_TIME` where unknown. A lead of which no
        event stands is left out.
    """
    code, names = pd.factorize(np.array(columns.lead, object))
    at = _moments(columns.happened_at)
    rank = np.array([_RANK[kind] for kind in columns.event], np.int64)
    order = np.lexsort((rank, at, code))
    order = order[_counted(columns, code, rank)[order]]
    slow = _not_by_columns(code[order], at[order], rank[order], len(names))
    rows = order[~slow[code[order]]]
    leads = np.flatnonzero(~slow & (np.bincount(code[order], minlength=len(names)) > 0))
    place = np.full(len(names), -1, np.intp)
    place[leads] = np.arange(len(leads))
    fold = _Fold(columns, rows, place[code[rows]], at[rows], len(leads))
    quick = pd.DataFrame(fold.table(horizon) | {"lead": names[leads]}, columns=list(COLUMNS))
    quick.index = pd.Index(leads)
    return pd.concat([quick, _one_by_one(columns, code, slow, horizon)]).sort_index()


def _counted(columns: EventColumns, code: Positions, rank: Ints) -> NDArray[np.bool_]:
    """Tell which events count: not scores made in the shadow, where no correction may say so."""
    shadow = np.array([_is_shadow(text) for text in columns.detail], bool)
    shadow &= rank == _RANK["scored"]
    shadow &= ~np.isin(code, code[rank == _RANK["corrected"]])
    return ~shadow


def _is_shadow(detail: str | None) -> bool:
    return detail is not None and SHADOW_TEXT in detail and json.loads(detail).get("shadow") is True


def _not_by_columns(code: Positions, at: Ints, rank: Ints, leads: int) -> NDArray[np.bool_]:
    """Tell which leads have corrections, or events whose order only their keys decide."""
    slow = np.zeros(leads, bool)
    slow[code[rank == _RANK["corrected"]]] = True
    tie = (code[1:] == code[:-1]) & (at[1:] == at[:-1]) & (rank[1:] == rank[:-1])
    slow[code[1:][tie]] = True
    return slow


class _Fold:
    """Events in order, lead by lead, and who the lead is.

    Parameters
    ----------
    columns : EventColumns
    rows : int array, shape (events,)
        Positions in the columns, by lead, time and kind.
    lead : int array, shape (events,)
        Which lead each is of, 0 to `leads` - 1.
    at : int64 array, shape (events,)
        When each happened, microseconds UTC.
    """

    def __init__(
        self, columns: EventColumns, rows: Positions, lead: Positions, at: Ints, leads: int
    ) -> None:
        self.columns, self.rows, self.lead, self.at, self.leads = columns, rows, lead, at, leads
        self.kind = np.array([_RANK[columns.event[row]] for row in rows.tolist()], np.int64)
        self.detail = [_told(columns.detail[row]) for row in rows.tolist()]

    def table(self, horizon: timedelta | None) -> dict[str, Any]:
        """Return every column but the lead's name."""
        handoff = self.first(self.of("handed_off"))
        since = self.times(handoff)
        scored = self.of("scored") & ((since == NO_TIME)[self.lead] | (self.at <= since[self.lead]))
        score = self.last(scored)
        return (
            {
                "account": self.latest("account"),
                "owner": self.latest("owner"),
                "handed_off_at": since,
                "accepted_at": self.times(self.first(self.of("accepted"))),
                "followed_up_at": self.followed_up(since),
                "state": self.state(),
            }
            | {name: _column(name, self.details(score, name)) for name in SCORED}
            | self.handed(handoff, score)
            | self.recording(handoff)
            | self.attributes()
            | self.rejection()
            | self.outcome(self.closing(since, horizon))
        )

    def of(self, *kinds: str) -> NDArray[np.bool_]:
        """Tell which events are of some kinds."""
        found: NDArray[np.bool_] = np.isin(self.kind, [_RANK[kind] for kind in kinds])
        return found

    def first(self, holds: NDArray[np.bool_]) -> Positions:
        """Return each lead's first such event; -1 where there is none."""
        events = np.flatnonzero(holds)[::-1]  # the last written stays
        found = np.full(self.leads, -1, np.intp)
        found[self.lead[events]] = events
        return found

    def last(self, holds: NDArray[np.bool_]) -> Positions:
        """Return each lead's last such event; -1 where there is none."""
        events = np.flatnonzero(holds)
        found = np.full(self.leads, -1, np.intp)
        found[self.lead[events]] = events
        return found

    def times(self, events: Positions) -> Ints:
        """Return when they happened."""
        padded = np.append(self.at, NO_TIME)
        return np.asarray(padded[events])  # -1 is the padding

    def details(self, events: Positions, name: str) -> Values:
        """Return what their details say under a name."""
        return [self.detail[e].get(name) if e >= 0 else None for e in events.tolist()]

    def fields(self, events: Positions, name: str) -> Values:
        """Return a field of theirs."""
        values = getattr(self.columns, name)
        return [values[self.rows[e]] if e >= 0 else None for e in events.tolist()]

    def latest(self, name: str) -> Values:
        """Return each lead's latest value of a field."""
        values = getattr(self.columns, name)
        told = np.array([values[row] is not None for row in self.rows.tolist()], bool)
        return self.fields(self.last(told), name)

    def handed(self, handoff: Positions, score: Positions) -> dict[str, Any]:
        """Return how each lead was handed off, from the hand-off itself or else its score."""
        told = {}
        for name in HANDED:
            read = self.fields if name in ("model_version", "agreement_hash") else self.details
            pairs = zip(read(handoff, name), read(score, name), strict=True)
            told[name] = _column(name, [b if a is None else a for a, b in pairs])
        return told

    def recording(self, handoff: Positions) -> dict[str, Any]:
        """Return when the ledger was told of each hand-off, and whether another was told first."""
        told = np.flatnonzero(self.of("handed_off"))
        recorded = self.recorded(told)
        late_first = told[np.lexsort((self.at[told], recorded, self.lead[told]))[::-1]]
        first = np.full(self.leads, -1, np.intp)
        first[self.lead[late_first]] = late_first  # the last written stays
        moved = self.times(first) != self.times(handoff)
        known = [bool(m) if e >= 0 else None for m, e in zip(moved, handoff, strict=True)]
        return {
            "handed_off_recorded_at": self.recorded(handoff),
            "handed_off_moved": _column("handed_off_moved", known),
        }

    def recorded(self, events: Positions) -> Ints:
        """Return when the ledger was told of events; `NO_TIME` where there is none."""
        found = np.full(len(events), NO_TIME, np.int64)
        found[events >= 0] = _moments(self.fields(events[events >= 0], "recorded_at"))
        return found

    def attributes(self) -> dict[str, Any]:
        """Return the latest told of each attribute."""
        told: list[dict[str, Any]] = [_NOTHING] * self.leads
        for lead, detail in zip(self.lead.tolist(), self.detail, strict=True):
            given = detail.get("attributes")
            if given:
                known = {name: value for name, value in given.items() if value is not None}
                told[lead] = {**told[lead], **known} if told[lead] else known
        plain = {name: [each.get(name) for each in told] for name in ATTRIBUTES}
        times = ("created_at", "qualified_at")
        return plain | {n: _read_times([each.get(n) for each in told]) for n in times}

    def rejection(self) -> dict[str, Any]:
        """Return the last rejection, unless sales accepted the lead later."""
        last = self.last(self.of("accepted", "rejected"))
        last[~np.append(self.of("rejected"), False)[last]] = -1
        return {
            "rejected_at": self.times(last),
            "rejection_reason": self.details(last, "reason"),
            "right_person": self.details(last, "right_person"),
        }

    def followed_up(self, since: Ints) -> Ints:
        """Return the first follow-up from the hand-off on, or else the last before it."""
        worked = self.of("followed_up")
        after = self.first(worked & (self.at >= since[self.lead]))  # NO_TIME is earliest
        return self.times(np.where(after >= 0, after, self.last(worked)))

    def closing(self, since: Ints, horizon: timedelta | None) -> Positions:
        """Return what closed or reopened each lead last; a win standing at the horizon instead."""
        moves = self.of("won", "lost", "reopened")
        last = self.last(moves)
        if horizon is None:
            return last
        end = np.where(since == NO_TIME, NO_TIME, since + horizon // timedelta(microseconds=1))
        in_time = self.last(moves & (self.at <= end[self.lead]))
        won = np.append(self.of("won"), False)[in_time]
        return np.where(won, in_time, last)

    def outcome(self, last: Positions) -> dict[str, Any]:
        """Return how each lead closed, if it did."""
        last[~np.append(self.of("won", "lost"), False)[last]] = -1
        known = self.recorded(last)
        written = _read_times(self.details(last, "recorded_at"))
        return {
            "outcome": self.fields(last, "event"),
            "closed_at": self.times(last),
            "outcome_recorded_at": np.where(written == NO_TIME, known, written),
            "outcome_known_at": known,
            "amount": _column("amount", self.details(last, "amount")),
            "margin_amount": _column("margin_amount", self.details(last, "margin_amount")),
        }

    def state(self) -> Values:
        """Return where each lead stands."""
        closing = self.fields(self.last(self.of("won", "lost", "reopened")), "event")
        stage = self.fields(self.last(self.of(*_STAGE)), "event")
        return [
            end if end in ("won", "lost") else _STAGE.get(str(last), "scored")
            for end, last in zip(closing, stage, strict=True)
        ]


def _told(detail: str | None) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(detail) if detail else _NOTHING
    return told


def _moments(values: Sequence[Any]) -> Ints:
    if len(values) and isinstance(values[0], str):
        moments = np.array([value[:-1] for value in values], "datetime64[us]")  # numpy knows no Z
        return moments.astype(np.int64)
    return np.array(values, np.int64)


def _read_times(texts: Values) -> Ints:
    """Read ISO 8601 texts, each different one once; `NO_TIME` for None."""
    codes, distinct = pd.factorize(np.array(texts, object))
    read = np.array([*(microseconds(as_utc(text)) for text in distinct), NO_TIME], np.int64)
    return np.asarray(read[codes])


def _column(name: str, values: Values) -> Any:
    if name in _NUMBERS:
        return np.array(values, float)  # None is NaN
    return pd.array(values, dtype="boolean") if name in _FLAGS else values


def _one_by_one(
    columns: EventColumns, code: Positions, slow: NDArray[np.bool_], horizon: timedelta | None
) -> pd.DataFrame:
    events: dict[int, list[Stored]] = {}
    for row in np.flatnonzero(slow[code]).tolist():
        events.setdefault(int(code[row]), []).append(_stored(columns, row))
    states = {lead: state_of(of_lead, horizon=horizon) for lead, of_lead in events.items()}
    known = {lead: _row_of(state) for lead, state in states.items() if state.events}
    table = {name: [row[name] for row in known.values()] for name in COLUMNS}
    for name in TIMES:
        table[name] = np.array(table[name], np.int64)  # type: ignore[assignment]
    typed = {name: _column(name, values) for name, values in table.items()}
    return pd.DataFrame(typed, index=pd.Index(list(known), dtype=np.int64))


def _stored(columns: EventColumns, row: int) -> Stored:
    return Stored(
        id=columns.id[row],
        recorded_at=moment_of(columns.recorded_at[row]),
        event=Event(
            event=columns.event[row],
            lead=columns.lead[row],
            happened_at=moment_of(columns.happened_at[row]),
            account=columns.account[row],
            owner=columns.owner[row],
            model_version=columns.model_version[row],
            agreement_hash=columns.agreement_hash[row],
            idempotency_key=columns.idempotency_key[row],
            detail=_told(columns.detail[row]),
        ),
    )


def _row_of(state: LeadState) -> dict[str, Any]:
    row: dict[str, Any] = {name: state.attributes.get(name) for name in ATTRIBUTES}
    row |= {name: getattr(state.score, name, None) for name in SCORED}
    for name in COLUMNS:
        if name not in row:
            row[name] = getattr(state, name)
    for name in TIMES:
        row[name] = NO_TIME if row[name] is None else microseconds(row[name])
    return row
