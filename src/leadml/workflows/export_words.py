"""What each lead of an export says, ready to be held against the ledger."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from leadml.data.leads import Leads
from leadml.data.rejection_words import RejectionWords
from leadml.data.row_checks import slack_of
from leadml.domain.crm_word import SCORE, CrmWord

_STEPS = {
    "handed_off": "handed_off_at",
    "accepted": "accepted_at",
    "rejected": "rejected_at",
    "followed_up": "followed_up_at",
}
_ATTRIBUTES = ("source", "industry", "segment", "account_size")
_OUTCOMES = {1: "won", 0: "lost"}
NO_CLOSING = "LEDG001"
NO_REASON = "LEDG002"

Rows = NDArray[np.intp]
Problem = tuple[str, str]
"""A code, and what is wrong."""


class ExportWords:
    """Reads an export's leads, some rows at a time.

    Parameters
    ----------
    leads : Leads
        With their outcomes.
    reasons : RejectionWords

    Attributes
    ----------
    problems : dict
        Row position -> what of it could not be used, filled as rows are read.
    """

    def __init__(self, leads: Leads, reasons: RejectionWords) -> None:
        self.leads, self.reasons = leads, reasons
        self.problems: dict[int, Problem] = {}
        self._columns = _columns(leads)
        self._kinds = tuple(kind for kind, role in _STEPS.items() if role in leads.times)
        if "rejected" not in self._kinds and leads.mapping.rejection_reason:
            self._kinds += ("rejected",)

    def slack(self) -> Mapping[str, timedelta]:
        """Return how much later than told an event may have happened: dates name no moment."""
        zone = ZoneInfo(self.leads.mapping.timezone)
        roles = {**_STEPS, "won": "closed_at", "lost": "closed_at"}
        times = self.leads.times
        return {
            kind: timedelta(microseconds=slack_of(times[role], zone))
            for kind, role in roles.items()
            if role in times
        }

    def read(self, rows: Rows) -> list[CrmWord]:
        """Return what the leads at these positions say, in order."""
        part = {name: _plain(values[rows]) for name, values in self._columns.items()}
        told = (dict(zip(part, values, strict=True)) for values in zip(*part.values(), strict=True))
        return [self._word(row, each) for row, each in zip(rows.tolist(), told, strict=True)]

    def _word(self, row: int, told: dict[str, Any]) -> CrmWord:
        times = {kind: told.get(_STEPS[kind]) for kind in self._kinds}
        outcome, closed = _OUTCOMES.get(told["outcome"]), told.get("closed_at")
        if outcome is not None and closed is None:
            closed = self._closed(row, outcome, (told.get("created_at"), *times.values()))
        rejection = self._rejection(row, told, times, closed if outcome == "lost" else None)
        attributes = _given(told, _ATTRIBUTES)
        for name in ("created_at", "qualified_at"):
            if told.get(name) is not None:
                attributes[name] = told[name].isoformat()
        closing = _given(told, ("amount", "margin_amount"))
        if told.get("outcome_recorded_at") is not None:
            closing["recorded_at"] = told["outcome_recorded_at"].isoformat()
        return CrmWord(
            lead=told["lead"],
            account=told.get("account"),
            owner=told.get("owner"),
            attributes=attributes,
            times=times,
            exploration=_exploration(told),
            rejection=rejection,
            outcome=outcome,
            closed_at=closed,
            closing=closing,
            score=_given(told, SCORE),
            scored_at=times.get("handed_off") or told.get("created_at"),
        )

    def _closed(
        self, row: int, outcome: str, moments: Iterable[datetime | None]
    ) -> datetime | None:
        """Return when a lead was closed at the earliest, where its closing time is not told.

        To leave the outcome out would turn every such win into a lead not won.
        """
        known = [moment for moment in moments if moment is not None]
        if known:
            return max(known)
        why = f"{outcome} without a time of closing or any other: the ledger keeps when"
        self.problems[row] = (NO_CLOSING, f"{why} things happened")
        return None

    def _rejection(
        self,
        row: int,
        told: Mapping[str, Any],
        times: dict[str, datetime | None],
        lost_at: datetime | None,
    ) -> Mapping[str, str]:
        """Read why a lead was rejected; one with a reason alone was rejected when it was lost."""
        text = told.get("rejection_reason")
        if text is not None and times["rejected"] is None:
            times["rejected"] = lost_at
        if times.get("rejected") is None:
            if text is not None:
                why = "a rejection reason, but neither a time of rejection nor one of a loss"
                self.problems[row] = (NO_REASON, why)
            return {}
        try:
            return self.reasons.read(text)
        except ValueError as error:
            times["rejected"] = None
            self.problems[row] = (NO_REASON, str(error))
            return {}


def margin_in_money(leads: Leads) -> NDArray[np.float64] | None:
    """Return each margin in money, so that divided by the amount it is no less than the fraction.

    A fraction times an amount, divided by it again, may come out a last digit smaller: a win of
    exactly the agreed margin would then not be solid.
    """
    profit, amount, fraction = leads.profit, leads.amount, leads.margin
    if profit is None or amount is None or fraction is None:
        return profit
    short = (amount > 0) & (profit / np.where(amount == 0, np.nan, amount) < fraction)
    return np.where(short, np.nextafter(profit, np.inf), profit)


def _columns(leads: Leads) -> dict[str, NDArray[Any]]:
    """Return what the export says under leadml's names, each column read once."""
    columns: dict[str, NDArray[Any] | None] = {"lead": leads.lead_id, "outcome": leads.outcome}
    for role in ("account", "owner", "rejection_reason", "band", *_ATTRIBUTES):
        columns[role] = _texts(leads, role)
    columns |= leads.times
    columns |= {"amount": leads.amount, "margin_amount": margin_in_money(leads)}
    columns |= {"probability": leads.probability, "points": leads.points}
    if leads.exploration is not None:
        columns["explored"] = leads.exploration.explored
        columns["handoff_probability"] = leads.exploration.probability
    return {name: values for name, values in columns.items() if values is not None}


def _texts(leads: Leads, role: str) -> NDArray[np.object_] | None:
    found = leads.texts(role)
    if found is None:
        return None
    texts = [
        text if text is None or text.isprintable() else " ".join(text.split()) or None
        for text in found.tolist()
    ]
    return np.array([*texts, None], object)[:-1]


def _plain(values: NDArray[Any]) -> list[Any]:
    """Return Python values, times as aware UTC; None where missing."""
    if values.dtype.kind == "M":
        naive = values.astype("datetime64[us]").tolist()
        return [None if moment is None else moment.replace(tzinfo=UTC) for moment in naive]
    if values.dtype.kind == "f":
        return [None if value != value else value for value in values.tolist()]
    return list(values.tolist())


def _given(told: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    pairs = ((name, told.get(name)) for name in names)
    return {name: value for name, value in pairs if value is not None}


def _exploration(told: Mapping[str, Any]) -> Mapping[str, Any]:
    chance = told.get("handoff_probability")
    explored = told.get("explored")
    if not explored and chance is None:
        return {}
    return {"explored": explored} | ({} if chance is None else {"handoff_probability": chance})
