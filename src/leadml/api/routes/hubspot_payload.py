"""What HubSpot's workflows send, read into a lead; what a score tells them."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from leadml.workflows.score import Scorer

_ENVELOPE = frozenset(
    {"callbackId", "origin", "context", "object", "inputFields", "fields", "typedInputs"}
)
_IDS = ("objectId", "hs_object_id", "vid", "dealId", "companyId", "ticketId", "id")
"""Where payloads of workflows name their object: by kind of object, and by age of the API."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = re.compile(r"-?[0-9]{9,13}")
_MOST_REASONS = 3_000
"""Characters of the reasons: a text property of HubSpot holds 65,536, a card shows a screenful."""


class PayloadError(Exception):
    """A body that is none of HubSpot's."""


def lead_of(body: object, scorer: Scorer, columns: Mapping[str, str]) -> dict[str, Any]:
    """Return the lead that a workflow sent, with the columns that the version knows.

    Parameters
    ----------
    body : object
        Of a custom action (``object``, ``inputFields``) or of a webhook (``objectId`` and
        ``properties`` as ``{name: {"value": …}}`` or ``{name: value}``, or all of it flat).
    scorer : Scorer
        What scores.
    columns : mapping of str to str
        HubSpot's names of properties -> columns; others are columns by their own names.

    Raises
    ------
    PayloadError
        If the body is no object, or names no object of HubSpot.
    """
    if not isinstance(body, dict):
        msg = "expected a JSON object as HubSpot's workflows send it"
        raise PayloadError(msg)
    name, mapping = _object_id(body), scorer.definition.leads
    if name is None:
        msg = "expected object.objectId (a custom action) or objectId (a webhook), found neither"
        raise PayloadError(msg)
    known, times = scorer.known_columns, _times(scorer)
    lead: dict[str, Any] = {}
    for said, value in _properties(body):
        column = columns.get(said, said)
        if column in known:
            lead[column] = _time(value, scorer) if column in times else value
    if mapping.id is not None and lead.get(mapping.id) in (None, ""):
        lead[mapping.id] = name
    return lead


def output_fields(answer: Mapping[str, Any], problems: list[str]) -> dict[str, str | float]:
    """Return a score as flat texts and numbers; what is not known is left out."""
    told: dict[str, object] = {
        f"leadml_{name}": answer.get(name)
        for name in (
            "probability", "points", "band", "stage", "hand_off", "sales_ready", "priority",
            "expected_margin", "grade", "model_version", "scored_at",
        )
    }  # fmt: skip
    told["leadml_reasons"] = reasons_text(answer.get("reasons", []))
    told["leadml_recorded"] = answer.get("recorded", False)
    told["leadml_error"] = "; ".join(problems)
    told["hs_execution_state"] = "FAIL_CONTINUE" if problems else "SUCCESS"
    return {name: _flat(value) for name, value in told.items() if value not in (None, "")}


def reasons_text(reasons: list[Mapping[str, Any]]) -> str:
    """Return reasons as lines, those that speak for a win marked with a plus."""
    signs = {"up": "+", "down": "−"}
    lines = "\n".join(f"{signs[reason['direction']]} {reason['text']}" for reason in reasons)
    return lines if len(lines) <= _MOST_REASONS else f"{lines[: _MOST_REASONS - 1]}…"


def _flat(value: object) -> str | float:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, int | float) else str(value)


def _object_id(body: Mapping[str, Any]) -> str | None:
    action = body.get("object")
    for holder in (action if isinstance(action, dict) else {}, body):
        for name in _IDS:
            value = _plain(holder.get(name))
            if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
                return str(value).strip()
    return None


def _properties(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what is said of the object: input fields last, for people chose them."""
    action = body.get("object")
    held = [holder.get("properties") for holder in (action, body) if isinstance(holder, dict)]
    held.append(body.get("inputFields"))
    if not any(isinstance(each, dict) for each in held):
        held = [{name: value for name, value in body.items() if name not in _ENVELOPE}]
    for each in held:
        if isinstance(each, dict):
            yield from ((name, _plain(value)) for name, value in each.items())


def _plain(value: object) -> object:
    """Return a property's value, which webhooks wrap with its history."""
    return value.get("value") if isinstance(value, dict) else value


def _times(scorer: Scorer) -> frozenset[str]:
    features = scorer.bundle.features.features
    told = {str(feature.column) for feature in features if feature.kind == "time"}
    return frozenset(told | set(scorer.definition.leads.times.values()))


def _time(value: object, scorer: Scorer) -> object:
    """Return a time that HubSpot counts in milliseconds since 1970 as the export writes it."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _MILLISECONDS.fullmatch(text):
        return value
    moment = _EPOCH + timedelta(milliseconds=int(text))
    mapping = scorer.definition.leads
    if mapping.date_format:
        return moment.astimezone(ZoneInfo(mapping.timezone)).strftime(mapping.date_format)
    return moment.isoformat()
