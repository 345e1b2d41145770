"""The description of the service as OpenAPI 3.0.3, for readers that know no 3.1.

Salesforce External Services is one: it makes Apex classes of what it reads, so operation names are
Apex identifiers, no alternative is ``null`` and descriptions are short.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

VERSION = "3.0.3"
MOST_WORDS = 255
"""Characters of a description; External Services keeps 1,333 at most, and forms show far fewer."""

_REFERENCE = "#/components/schemas/"
_NULL = {"type": "null"}

Schema = dict[str, Any]


def openapi_30(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return an OpenAPI 3.1 description, as FastAPI writes it, in the terms of 3.0.3.

    What callers send has one type only, the first of those it may have: classes are made of it.
    ``null`` as an alternative becomes ``nullable``; a schema that is null in one place and is
    referred to may be null wherever it is, and values that may be null are not enumerated, as the
    enumeration would have to hold ``null``. ``const`` becomes an enumeration of one value, the
    first of a schema's ``examples`` its ``example``, an exclusive bound a bound and a flag. What
    the service sends by itself (``webhooks``) is left out: 3.0 has no words for it.

    Parameters
    ----------
    described : mapping
        An OpenAPI 3.1 description, JSON-ready; it is not changed.

    Returns
    -------
    dict
        JSON-ready, and valid by the schema that the OpenAPI Initiative publishes for 3.0.

    Raises
    ------
    ValueError
        If a schema has several types at once, which 3.0 cannot say.
    """
    answered = _without_webhooks(described)
    content = _mapped(_of_one_type_where_sent(answered))
    nullable = {name for schema in _schemas(answered) for name in _null_references(schema)}
    for name in nullable:
        content["components"]["schemas"][name]["nullable"] = True
    server = {"url": "/", "description": "Where this description was read."}
    return {**content, "openapi": VERSION, "servers": [server]}


def _without_webhooks(described: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the requests that the service makes, and the schemas that only they are of."""
    content = dict(described)
    sent = content.pop("webhooks", None)
    if sent is None:
        return content
    schemas = content["components"]["schemas"]
    lost = _references(sent, schemas) - _references(content["paths"], schemas)
    kept = {name: schema for name, schema in schemas.items() if name not in lost}
    return content | {"components": content["components"] | {"schemas": kept}}


def _of_one_type_where_sent(described: Mapping[str, Any]) -> dict[str, Any]:
    """Leave one alternative, beside null, to bodies and to the schemas that only they are of."""
    operations = [one for verbs in described["paths"].values() for one in verbs.values()]
    schemas = described.get("components", {}).get("schemas", {})
    bodies = [one["requestBody"] for one in operations if "requestBody" in one]
    sent = _references(bodies, schemas)
    sent -= _references([one["responses"] for one in operations], schemas)
    content = deepcopy(dict(described))
    for verbs in content["paths"].values():
        for one in verbs.values():
            if "requestBody" in one:
                one["requestBody"] = _narrowed(one["requestBody"])
    for name in sent:
        content["components"]["schemas"][name] = _narrowed(schemas[name])
    return content


def _references(value: Any, schemas: Mapping[str, Any]) -> set[str]:
    """Return the names of the schemas that a part refers to, and of those that these refer to."""
    found: set[str] = set()
    rest = [value]
    while rest:
        references = (part.get("$ref") for part in _schemas(rest.pop()))
        names = {ref.removeprefix(_REFERENCE) for ref in references if isinstance(ref, str)} - found
        found |= names
        rest += [schemas[name] for name in names]
    return found


def _narrowed(value: Any) -> Any:
    if isinstance(value, list):
        return [_narrowed(inside) for inside in value]
    if not isinstance(value, Mapping):
        return value
    inside = {key: _narrowed(part) for key, part in value.items()}
    alternatives = inside.get("anyOf")
    if isinstance(alternatives, list):
        first = next(one for one in alternatives if one != _NULL)  # what to send
        inside["anyOf"] = [first, _NULL] if _NULL in alternatives else [first]
    return inside


def _schemas(value: Any) -> Iterator[Schema]:
    """Give every mapping inside a description."""
    if isinstance(value, Mapping):
        yield dict(value)
        for inside in value.values():
            yield from _schemas(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _schemas(inside)


def _null_references(schema: Schema) -> Iterator[str]:
    alternatives = schema.get("anyOf")
    if isinstance(alternatives, list) and _NULL in alternatives and len(alternatives) == 2:
        yield from (one["$ref"].removeprefix(_REFERENCE) for one in alternatives if "$ref" in one)


def _mapped(value: Any, *, names: bool = False) -> Any:
    """Return a part of the description; `names` says that its keys are names of the service."""
    if isinstance(value, list):
        return [_mapped(inside) for inside in value]
    if not isinstance(value, Mapping):
        return value
    if names:
        return {name: _mapped(inside) for name, inside in value.items()}
    inside = {
        key: part if key in _VERBATIM else _mapped(part, names=key in _OF_NAMES)
        for key, part in value.items()
    }
    for key in [key for key in inside if key in _CHANGES]:
        inside |= _CHANGES[key](inside.pop(key))
    return inside


_OF_NAMES = frozenset({"properties", "schemas", "paths", "responses", "headers", "content"})
"""Whose keys are names, which may read like words of OpenAPI."""
_VERBATIM = frozenset({"examples", "example", "default", "enum", "const"})
"""Values of the service's own."""


def _without_null(alternatives: list[Schema]) -> Schema:
    others = [one for one in alternatives if one != _NULL]
    if len(others) == len(alternatives):
        return others[0] if len(others) == 1 else {"anyOf": others}
    if len(others) == 1 and "$ref" in others[0]:  # the component itself is made nullable
        return {"allOf": others}
    marked = [_nullable(one) for one in others]
    return marked[0] if len(marked) == 1 else {"anyOf": marked}


def _nullable(schema: Schema) -> Schema:
    return {key: part for key, part in schema.items() if key != "enum"} | {"nullable": True}


def _of_one_type(kind: object) -> Schema:
    if isinstance(kind, list):
        msg = f"OpenAPI {VERSION} knows one type a schema, found {kind}: write the types as anyOf"
        raise ValueError(msg)  # noqa: TRY004 - a description that 3.0 cannot hold
    return {"type": kind}


def _shortened(text: str) -> Schema:
    """Keep whole sentences, as many as there is room for."""
    words = " ".join(text.split())
    if len(words) > MOST_WORDS:
        end = words.rfind(". ", 0, MOST_WORDS)
        words = words[: end + 1] if end > 0 else f"{words[: MOST_WORDS - 1].rstrip()}…"
    return {"description": words}


_CHANGES: dict[str, Callable[[Any], Schema]] = {
    "anyOf": _without_null,
    "type": _of_one_type,
    "description": _shortened,
    "const": lambda value: {"enum": [value]},
    "examples": lambda examples: {"example": examples[0]},
    "exclusiveMinimum": lambda bound: {"minimum": bound, "exclusiveMinimum": True},
    "exclusiveMaximum": lambda bound: {"maximum": bound, "exclusiveMaximum": True},
}
