"""Leads: a table read in leadml's terms."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadml.data.exploration import Exploration, Written, read_exploration
from leadml.data.frames import Columns
from leadml.data.identity import changing_columns, content_number, content_text
from leadml.data.outcomes import read_outcomes
from leadml.data.places import Places, listed, near, severity_of_set_aside
from leadml.data.raw import RawColumn
from leadml.data.served import served_probability
from leadml.data.tables import Table
from leadml.data.time_findings import naive_finding, refuse_mostly_unreadable, time_findings
from leadml.data.times import read_times
from leadml.data.values import missing_texts, to_number, to_text
from leadml.domain.finding import Finding
from leadml.domain.mapping import DECIDING_TIMES, LeadMapping
from leadml.errors import DataError

NUMBERS = ("amount", "margin", "margin_amount", "points", "probability")
_LARGE = (
    "margins above 1 or below -1, expected a fraction of the amount: divide percentages by 100, or "
    "map money as margin_amount"
)
_DIVIDED = (
    "margins above 1 or below -1 once margin_amount is divided by amount, expected a fraction of "
    "it: correct the money in both columns, or map a fraction as margin"
)


@dataclass(frozen=True)
class Leads:
    """Leads as their export gives them, the mapped columns read.

    Attributes
    ----------
    source : str
        What to call the export in messages.
    mapping : LeadMapping
        Reduced to the columns that are there.
    lead_id : object array of str, shape (leads,)
        The mapped id, or the hash of the content with its occurrence number.
    times : dict of datetime64[us] arrays
        Role (one of `leadml.domain.mapping.TIMES`) -> UTC moment; NaT where missing or not
        readable. Mapped roles only.
    outcome : int8 array or None
        1 won, 0 lost, -1 open; None where no outcome is mapped.
    amount, margin, points : float64 array or None
        Money in the export's currency, margin as a fraction of the amount, the CRM's points; NaN
        where missing.
    errors : dict
        Row position -> why the row cannot be used.
    findings : tuple of Finding
        What was odd about reading them.
    places : Places
        Where each lead stands in the export.
    profit : float64 array or None
        Margin in money: ``margin_amount``, or the margin times the amount; NaN where unknown or
        where the margin is more than the amount. None where neither is mapped.
    exploration : Exploration or None
        What the CRM wrote back of the hand-off policy; None where not mapped.
    probability : float64 array or None
        The probability once served, as the CRM wrote it back, in [0, 1]; NaN where missing or not
        readable. None where not mapped.
    """

    source: str
    mapping: LeadMapping
    lead_id: NDArray[np.object_]
    times: dict[str, NDArray[np.datetime64]]
    outcome: NDArray[np.int8] | None
    amount: NDArray[np.float64] | None
    margin: NDArray[np.float64] | None
    points: NDArray[np.float64] | None
    errors: dict[int, str]
    findings: tuple[Finding, ...]
    places: Places
    _export: Columns = field(repr=False, compare=False)
    _rows: NDArray[np.intp] | None = field(default=None, repr=False, compare=False)
    profit: NDArray[np.float64] | None = None
    exploration: Exploration | None = None
    probability: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        """Return the number of leads."""
        return len(self.lead_id)

    def raw(self, column: str) -> RawColumn:
        """Return one column of the export as its distinct values and which row holds which."""
        raw = self._export.raw(column)
        return raw if self._rows is None else raw.take(self._rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the export's columns, in its order."""
        return self._export.names

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Every column of the export, rows numbered from 0; made anew where leads were taken."""
        whole = self._export.frame
        return whole if self._rows is None else whole.take(self._rows).reset_index(drop=True)

    def texts(self, role: str) -> NDArray[np.object_] | None:
        """Return what a key of ``[leads]`` names (such as source) as texts; None where not mapped.

        Each distinct value is read once; None where missing.
        """
        column = getattr(self.mapping, role)
        if column is None:
            return None
        missing = missing_texts(self.mapping.missing)
        raw = self.raw(column)
        texts, _ = raw.texts(lambda value: to_text(value, missing))
        return np.array([*texts, None], object)[raw.codes]

    def latest_time(self, until: np.datetime64 | None = None) -> np.datetime64 | None:
        """Return the latest mapped time at which something happened, None where there is none.

        Parameters
        ----------
        until : datetime64, optional
            UTC; times after it do not count.

        The closing time of a lead that is still open is a hope, not an event: it does not count,
        nor does the time at which an outcome was written down.
        """
        moments = []
        for role, times in self.times.items():
            happened = ~np.isnat(times) & (role != "outcome_recorded_at")
            if role == "closed_at" and self.outcome is not None:
                happened &= self.outcome >= 0
            if until is not None:
                happened &= times <= until
            if happened.any():
                moments.append(times[happened].max())
        return max(moments) if moments else None

    def take(self, rows: NDArray[np.intp]) -> "Leads":
        """Return the leads at these row positions, in this order; findings stay with the whole."""
        rows = np.asarray(rows, np.intp)

        def of(values: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
            return None if values is None else values[rows]

        return Leads(
            source=self.source,
            mapping=self.mapping,
            lead_id=self.lead_id[rows],
            times={role: times[rows] for role, times in self.times.items()},
            outcome=None if self.outcome is None else self.outcome[rows],
            amount=of(self.amount),
            margin=of(self.margin),
            points=of(self.points),
            errors=_errors_at(self.errors, rows),
            findings=(),
            places=self.places.take(rows),
            _export=self._export,
            _rows=rows if self._rows is None else self._rows[rows],
            profit=of(self.profit),
            exploration=None if self.exploration is None else self.exploration.take(rows),
            probability=of(self.probability),
        )


def _errors_at(errors: dict[int, str], rows: NDArray[np.intp]) -> dict[int, str]:
    if not errors:
        return {}
    hit = np.flatnonzero(np.isin(rows, list(errors)))
    return {int(row): errors[int(rows[row])] for row in hit}


def read_leads(table: Table, mapping: LeadMapping, *, required: Collection[str]) -> Leads:
    """Read a table in leadml's terms.

    Parameters
    ----------
    table : Table
        The export.
    mapping : LeadMapping
        Which column holds what.
    required : collection of str
        Keys of ``[leads]`` whose mapped columns must be there; others may be absent and then count
        as not mapped. ``won`` among them: at least one lead must be won.

    Raises
    ------
    DataError
        If a required column is absent, most values of a required time column cannot be read, or
        the outcome is required and its values do not say who was won and who lost.
    """
    reader = _Reader(table, _mapping_of(table, mapping, required), frozenset(required))
    times = reader.times()
    outcome = reader.outcome()
    numbers = {role: reader.number(role) for role in NUMBERS}
    margin = reader.margin(numbers)
    probability = reader.probability(numbers["probability"])
    lead_id = reader.ids()
    exploration = reader.exploration()
    return Leads(
        source=table.source,
        mapping=reader.mapping,
        lead_id=lead_id,
        times=times,
        outcome=outcome,
        amount=numbers["amount"],
        margin=margin,
        points=numbers["points"],
        errors=reader.errors,
        findings=(*table.findings, *reader.findings),
        places=table.places,
        _export=reader.export,
        profit=_profit(numbers),
        exploration=exploration,
        probability=probability,
    )


def _mapping_of(table: Table, mapping: LeadMapping, required: Collection[str]) -> LeadMapping:
    there = set(table.frame.columns)
    absent = {key: name for key, name in mapping.named_columns.items() if name not in there}
    for key, name in absent.items():
        if key in required:
            known = [str(column) for column in table.frame.columns]
            hint = near(name, known) or f"; it has {listed(known)}"
            msg = f"{table.source} has no column {name!r}, which [leads].{key} names{hint}"
            raise DataError(msg)
    for key in ("outcome",):
        if key in required and getattr(mapping, key) is None:
            msg = f"[leads].{key} is not set: name the column of {table.source} that holds it"
            raise DataError(msg)
    return replace(mapping, **dict.fromkeys(absent))  # type: ignore[arg-type]


class _Reader:
    """Reads the mapped columns of one table, gathering errors and findings."""

    def __init__(self, table: Table, mapping: LeadMapping, required: frozenset[str]) -> None:
        self.table = table
        self.mapping = mapping
        self.required = required
        self.missing = missing_texts(mapping.missing)
        self.errors = dict(table.errors)
        self.findings: list[Finding] = []
        self.export = Columns(table.frame)

    def times(self) -> dict[str, NDArray[np.datetime64]]:
        zone: tzinfo = ZoneInfo(self.mapping.timezone)
        read, naive = {}, {}
        for role, column in self.mapping.times.items():
            times = read_times(
                self.export.raw(column),
                zone=zone,
                date_format=self.mapping.date_format,
                missing=self.missing,
            )
            what = f"{self.table.source}, column {column} ([leads].{role})"
            if role in self.required:
                refuse_mostly_unreadable(times, what)
            if role in DECIDING_TIMES | self.required:
                for row, why in times.errors.items():
                    self._error(row, f"{column}: {why}")
            self.findings += time_findings(
                times, column, zone=self.mapping.timezone, places=self.table.places
            )
            naive[column] = 0 if times.aware else times.naive
            read[role] = times.at.view("datetime64[us]")
        self.findings += naive_finding(naive, self.mapping.timezone)
        return read

    def outcome(self) -> NDArray[np.int8] | None:
        if self.mapping.outcome is None:
            return None
        outcomes = read_outcomes(
            self.export.raw(self.mapping.outcome),
            self.mapping,
            self.table.source,
            self.missing,
            strict="outcome" in self.required,
            some_won="won" in self.required,
        )
        self.findings += outcomes.findings
        return outcomes.outcome

    def number(self, role: str) -> NDArray[np.float64] | None:
        column = getattr(self.mapping, role)
        if column is None:
            return None
        numbers, errors = self.export.raw(column).numbers(
            lambda value: to_number(value, self.missing, decimal=self.mapping.decimal)
        )
        if errors:
            text = f"[leads].{role} holds values that are not numbers; they count as missing"
            examples = self.table.places.examples(list(errors), errors.__getitem__)
            self.findings.append(Finding("DATA018", "warning", column, len(errors), text, examples))
        return numbers

    def exploration(self) -> Exploration | None:
        """Read what the CRM wrote back, where it is needed: a score does not need it."""
        mapping = self.mapping
        if not {"explored", "handoff_probability"} <= self.required:
            return None
        explored, chance = (
            Written(
                column=column,
                raw=self.export.raw(column),
                where=f"{self.table.source}, column {column} ([leads].{key})",
            )
            for key, column in mapping.named_columns.items()
            if key in ("explored", "handoff_probability")
        )
        found, findings = read_exploration(
            explored, chance, self.table.places, self.missing, decimal=mapping.decimal
        )
        self.findings += findings
        return found

    def margin(self, numbers: dict[str, NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
        margin = _margin(numbers)
        large = () if margin is None else np.flatnonzero(np.abs(margin) > 1)
        if margin is not None and len(large):
            divided = self.mapping.margin_amount is not None
            column = self.mapping.margin_amount if divided else self.mapping.margin
            text = _DIVIDED if divided else _LARGE
            examples = self.table.places.examples(large, lambda row: f"{margin[row]:g}")
            self.findings.append(Finding("DATA019", "warning", column, len(large), text, examples))
        return margin

    def probability(self, served: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        column = self.mapping.probability
        found, findings = served_probability(served, column, self.table.places)
        self.findings += findings
        return found

    def ids(self) -> NDArray[np.object_]:
        return self._content_ids() if self.mapping.id is None else self._mapped_ids()

    def _mapped_ids(self) -> NDArray[np.object_]:
        column = str(self.mapping.id)
        raw = self.export.raw(column)
        texts, errors = raw.texts(lambda value: to_text(value, self.missing))
        for row, why in errors.items():
            self._error(row, f"{column}: {why}")
        ids = np.array([*texts, None], object)[raw.codes]
        absent = np.flatnonzero(ids == None)  # noqa: E711 - elementwise
        for row in absent.tolist():
            self._error(row, f"{column}: no lead id")
        self._found_no_id(absent, column, "leads without an id are set aside; give each its own")
        ids[absent] = ""
        return ids

    def _content_ids(self) -> NDArray[np.object_]:
        left_out = changing_columns(self.mapping)
        totals = np.zeros(len(self.table.frame), np.uint64)
        for column in self.table.frame.columns:
            if column not in left_out:
                totals += _content_numbers(
                    column, self.export.raw(column), self.missing
                )  # modulo 2**64
        occurrence = pd.Series(totals).groupby(totals, sort=False).cumcount().tolist()
        empty = np.flatnonzero(totals == 0)
        for row in empty.tolist():
            self._error(row, "nothing is recorded that could identify the lead")
        self._found_no_id(empty, None, "rows with nothing recorded are set aside; remove them")
        pairs = zip(totals.tolist(), occurrence, strict=True)
        return np.array([content_text(total, k) if total else "" for total, k in pairs], object)

    def _found_no_id(self, rows: NDArray[np.intp], column: str | None, text: str) -> None:
        if len(rows):
            severity = severity_of_set_aside(len(rows), len(self.table.frame))
            examples = self.table.places.examples(rows)
            self.findings.append(Finding("DATA010", severity, column, len(rows), text, examples))

    def _error(self, row: int, why: str) -> None:
        self.errors[row] = f"{self.errors[row]}; {why}" if row in self.errors else why


def _content_numbers(column: str, raw: RawColumn, missing: frozenset[str]) -> NDArray[np.uint64]:
    numbers = [content_number(column, value, missing) for value in raw.values]  # noqa: PD011
    return np.array([*numbers, 0], np.uint64)[raw.codes]


def _margin(numbers: dict[str, NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    profit, amount = numbers["margin_amount"], numbers["amount"]
    if profit is None:
        return numbers["margin"]
    if amount is None:
        return np.full(len(profit), np.nan)
    margin: NDArray[np.float64] = np.divide(
        profit, amount, out=np.full(len(profit), np.nan), where=amount != 0
    )
    return margin


def _profit(numbers: dict[str, NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    """Return the margin in money; a margin above the whole amount is a slip, not a number."""
    margin, amount = numbers["margin"], numbers["amount"]
    if numbers["margin_amount"] is not None:
        return numbers["margin_amount"]
    if margin is None or amount is None:
        return None
    return np.where(margin <= 1, margin * amount, np.nan)
