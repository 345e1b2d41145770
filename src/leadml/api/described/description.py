"""The description of the service as it stands: the fields of its leads, and whether it wants keys.

FastAPI describes what all services have in common. Which fields a lead has depends on the champion,
and programs that make forms or classes of a description need them by name. Names and levels are the
company's own: whoever shows no key is told what all services have in common.
"""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

from fastapi import FastAPI

from leadml.api.described.openapi_30 import openapi_30
from leadml.api.routes.schemas import MOMENT
from leadml.domain.definition import Definition
from leadml.domain.event_detail import ATTRIBUTES
from leadml.domain.mapping import DECIDING_TIMES
from leadml.snapshot.feature import Feature
from leadml.workflows.score import Scorer

Schema = dict[str, Any]

_NULL = {"type": "null"}
_TEXT, _NUMBER, _FLAG = {"type": "string"}, {"type": "number"}, {"type": "boolean"}
_OF_TEXT: list[Schema] = [_TEXT, _NUMBER, _FLAG, _NULL]
_OF_ID: list[Schema] = [{"type": "string", "pattern": r"\S"}, _NUMBER]
"""What a field takes; first what a client that wants one type should send."""
_DIGITS = r"^\s*([+-]?[0-9]{1,15}([.][0-9]{1,15})?)?\s*$"
"""Of numbers written as text (see `leadml.data.values.to_number`) those that nobody misreads."""
_SHOWN_LEVELS = 20
_TIME = "An ISO 8601 time, or a date; without an offset in {zone}."
_EXAMPLE_TIME = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


class Description:
    """Describes an application, anew whenever what it describes has changed.

    Parameters
    ----------
    app : FastAPI
        With all its routes.
    serving : callable
        Returns the scorer that serves now, or None.
    secured : callable
        Tells whether any key is configured now.
    """

    def __init__(
        self, app: FastAPI, serving: Callable[[], Scorer | None], secured: Callable[[], bool]
    ) -> None:
        self._app, self._serving, self._secured = app, serving, secured
        self._newest = lru_cache(maxsize=4)(lambda *now: described(self._usual, *now))
        self._older = lru_cache(maxsize=4)(lambda *now: openapi_30(self._newest(*now)))

    @cached_property
    def _usual(self) -> Schema:
        """What FastAPI writes; made when it is first asked for, it takes as long as a start."""
        return deepcopy(self._app.openapi())

    def openapi(self, *, fields: bool) -> Schema:
        """Return it as OpenAPI 3.1; `fields` says whether the caller may know those of leads."""
        return self._newest(*self._now(fields))

    def openapi_30(self, *, fields: bool) -> Schema:
        """Return it as OpenAPI 3.0.3."""
        return self._older(*self._now(fields))

    def _now(self, fields: bool) -> tuple[Scorer | None, bool]:
        return self._serving() if fields else None, self._secured()


def described(usual: Schema, scorer: Scorer | None, secured: bool) -> Schema:
    """Return a description with the fields of a version's leads, and without keys where none is.

    Parameters
    ----------
    usual : dict
        What FastAPI writes; it is not changed.
    scorer : Scorer or None
        The version whose leads to describe.
    secured : bool
        Whether keys are wanted.
    """
    content = deepcopy(usual)
    if not secured:
        content["components"].pop("securitySchemes", None)
        for verbs in content["paths"].values():
            for operation in verbs.values():
                operation.pop("security", None)
    if scorer is not None:
        _describe_leads(content["components"]["schemas"], scorer)
    return content


def _describe_leads(schemas: Schema, scorer: Scorer) -> None:
    """Describe the leads; one of a batch that is not so is answered, too, with its problems."""
    request, example = schemas["ScoreRequest"], example_of(scorer)
    schemas["LeadOfBatch"] = deepcopy(request) | {"title": "LeadOfBatch"}
    schemas["LeadOfBatch"]["properties"]["as_of"]["anyOf"] = [_TEXT, _NULL]
    leads = schemas["BatchRequest"]["properties"]["leads"]
    leads["items"] = {"anyOf": [leads["items"], {"$ref": "#/components/schemas/LeadOfBatch"}]}
    request["examples"] = [example]
    schemas["BatchRequest"]["examples"] = [{"leads": [example]}]
    request["properties"]["lead"] |= lead_schema(scorer)
    names = scorer.definition.activities
    own: Schema = {names.at: _time(scorer.definition), names.kind: {"anyOf": _OF_TEXT}}
    if names.detail:
        own[names.detail] = {"anyOf": _OF_TEXT}
    touch = {"type": "object", "additionalProperties": True, "required": [names.at]}
    of_account = {names.lead: {"anyOf": _OF_ID}, **own}
    _items(request, "activities", touch | {"properties": own})
    both = [names.lead, names.at]
    _items(request, "account_activities", touch | {"properties": of_account, "required": both})


def _items(request: Schema, name: str, items: Schema) -> None:
    (alternative, *_) = request["properties"][name]["anyOf"]
    alternative["items"] = items


def lead_schema(scorer: Scorer) -> Schema:
    """Return the JSON Schema of the leads a version scores; fields it does not know are allowed."""
    definition, mapping = scorer.definition, scorer.definition.leads
    named = {column: role for role, column in mapping.named_columns.items()}
    fields: Schema = {column: {"anyOf": _OF_TEXT} for column in _columns(scorer)}
    for feature in scorer.bundle.features.features:
        if feature.column in fields and feature.kind != "word":
            fields[feature.column] = _of_feature(feature, definition)
    for column, role in named.items():
        if column in fields and role in DECIDING_TIMES:
            fields[column] = _or_missing(_time(definition))
    if mapping.id is not None:
        fields[mapping.id] = {"anyOf": _OF_ID, "description": "The lead's id."}
    required = [] if mapping.id is None else [mapping.id]
    return {"properties": fields, "required": required}


def _columns(scorer: Scorer) -> list[str]:
    """Return the columns that a score looks at or that the ledger keeps of it, in that order."""
    mapping = scorer.definition.leads
    roles = ("id", *sorted(DECIDING_TIMES), "account", "owner", *ATTRIBUTES, "points")
    named = [getattr(mapping, role) for role in roles]
    rules = [rule.column for rule in scorer.definition.points.rules]
    columns = [*named, *scorer.bundle.features.columns, *rules]
    return [column for column in dict.fromkeys(columns) if column]


def _of_feature(feature: Feature, definition: Definition) -> Schema:
    if feature.kind == "time":
        return _or_missing(_time(definition))
    if feature.kind == "number":
        return {"anyOf": _of_number(feature, definition.leads.decimal), "description": "A number."}
    shown = ", ".join(feature.levels[:_SHOWN_LEVELS])
    more = ", …" if len(feature.levels) > _SHOWN_LEVELS else ""
    return {"anyOf": _OF_TEXT, "description": f"Known: {shown}{more}."}


def _of_number(feature: Feature, decimal: str) -> list[Schema]:
    written = {"type": "string", "pattern": _DIGITS.replace("[.]", f"[{decimal}]")}
    return [_NUMBER, written, *([_FLAG] if feature.flags else []), _NULL]


def _time(definition: Definition) -> Schema:
    mapping = definition.leads
    if mapping.date_format:
        told = f"A time written as {mapping.date_format}, in {mapping.timezone}."
        return {"anyOf": [_TEXT], "description": told}
    return {"anyOf": MOMENT, "description": _TIME.format(zone=mapping.timezone)}


def _or_missing(schema: Schema) -> Schema:
    empty = {"type": "string", "maxLength": 0}
    return {**schema, "anyOf": [*schema["anyOf"], empty, _NULL]}


def example_of(scorer: Scorer) -> Schema:
    """Return a request of a lead that the version can score."""
    definition, mapping = scorer.definition, scorer.definition.leads
    features = [f for f in scorer.bundle.features.features if f.column and f.kind != "time"]
    lead: Schema = {
        str(f.column): f.levels[0] if f.levels else 12 for f in features if f.kind != "word"
    }
    if mapping.id is not None:
        lead = {mapping.id: "L-1042"} | lead
    names = definition.activities
    kinds = dict.fromkeys(k for f in scorer.bundle.features.features for k in f.activities)
    touches = [{names.at: _example_time(definition), names.kind: kind} for kind in [*kinds][:2]]
    return {"lead": lead, "activities": touches, "as_of": "2026-03-03"}


def _example_time(definition: Definition) -> str:
    written = definition.leads.date_format
    return _EXAMPLE_TIME.strftime(written) if written else _EXAMPLE_TIME.isoformat()
