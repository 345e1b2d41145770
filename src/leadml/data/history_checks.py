"""Checks on an attribute history against the leads it belongs to."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from leadml.data.history import History
from leadml.data.leads import Leads
from leadml.domain.finding import Finding, Severity
from leadml.domain.mapping import DECIDING_TIMES, LeadMapping

_PUNCTUATION = re.compile(r"[\W_]+")


def columns_of(history: History, columns: Sequence[str]) -> dict[str, int]:
    """Return the columns of an export that a history tells of: column -> number of its field.

    A field is found by its name, else by its name without case, blanks and punctuation where that
    is clear: CRMs write ``LeadSource`` in the history and ``Lead Source`` in the export.
    """
    fields = {name: number for number, name in enumerate(history.fields)}
    found = {column: fields[column] for column in columns if column in fields}
    plain_fields = _plainly([name for name in fields if name not in found])
    for plain, names in _plainly([column for column in columns if column not in found]).items():
        if len(names) == 1 and len(plain_fields.get(plain, ())) == 1:
            found[names[0]] = fields[plain_fields[plain][0]]
    return found


def _plainly(names: Sequence[str]) -> dict[str, list[str]]:
    plain: dict[str, list[str]] = {}
    for name in names:
        plain.setdefault(_PUNCTUATION.sub("", name).casefold(), []).append(name)
    return plain


def facts_of(mapping: LeadMapping) -> frozenset[str]:
    """Return the columns that are facts of the lead, as they are whenever it is looked at."""
    keys = ("id", "outcome", "owner", "amount", "margin", "margin_amount", *mapping.times)
    keys += ("explored", "handoff_probability", "rejection_reason", "probability", "band")
    return frozenset(name for key, name in mapping.named_columns.items() if key in keys)


def history_findings(leads: Leads, history: History) -> Iterator[Finding]:
    """Yield changes that belong to no lead or column, and columns that cannot be rolled back."""
    if not len(history):
        return
    yield from _unmatched(leads, history)
    columns = columns_of(history, leads.columns)
    yield from _no_column(history, set(columns.values()))
    if not set(leads.times) & DECIDING_TIMES:
        text = (
            "columns are not rolled back: no created_at or handed_off_at is mapped, so the moment "
            "each lead is judged is not known"
        )
        yield Finding("DATA046", "warning", None, len(history), text)
        return
    for column, field in columns.items():
        if not history.told[field] and column not in facts_of(leads.mapping):
            text = (
                f"the changes of {column} hold neither old nor new values (as those of long texts "
                "do), so it is not rolled back: list it under ignore if it is changed after the "
                "hand-off"
            )
            count = int(history.starts[field + 1] - history.starts[field])
            yield Finding("DATA045", "warning", column, count, text)


def _unmatched(leads: Leads, history: History) -> Iterator[Finding]:
    known = set(leads.lead_id.tolist())
    strangers = [number for name, number in history.ids.items() if name not in known]
    count = int(np.bincount(history.lead, minlength=len(history.ids))[strangers].sum())
    if count:
        none = count == len(history)
        text = "changes whose lead is not among the leads are not used" + (
            ": not one has a lead; are lead ids written alike in both files?" if none else ""
        )
        examples = tuple(name for name in history.ids if name not in known)[:5]
        severity: Severity = "error" if none else "warning"
        yield Finding("DATA043", severity, None, count, text, examples)


def _no_column(history: History, used: set[int]) -> Iterator[Finding]:
    sizes = np.diff(history.starts)
    others = [field for field in range(len(history.fields)) if field not in used]
    if others:
        none = not used
        text = "changes of fields that are no column of the export are not used" + (
            ": not one field is; are they called alike in both files?" if none else ""
        )
        examples = tuple(history.fields[field] for field in others[:5])
        severity: Severity = "warning" if none else "info"
        yield Finding("DATA044", severity, None, int(sizes[others].sum()), text, examples)
