"""The description in the words of OpenAPI 3.0.3."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from leadml.api.described.openapi_30 import openapi_30

APEX_RESERVED = frozenset(
    """
    abstract activate and any array as asc autonomous begin bigdecimal blob boolean break
    bulk by byte case cast catch char class collect commit const continue currency date
    datetime decimal default delete desc do double else end enum exception exit export
    extends false final finally float for from global goto group having hint if implements
    import in inner insert instanceof int integer interface into join like limit list long
    loop map merge new not null nulls number object of on or outer override package
    parallel pragma private protected public retrieve return rollback select set short
    sobject sort static string super switch synchronized system testmethod then this throw
    time transaction trigger true try undelete update upsert using virtual void webservice
    when where while
    """.split()  # noqa: SIM905
)
"""Words that Apex keeps for itself: Apex Developer Guide, reserved keywords."""

OF_31 = frozenset(
    """
    $defs const contentEncoding contentMediaType dependentRequired examples if
    jsonSchemaDialect patternProperties prefixItems propertyNames then
    unevaluatedProperties webhooks
    """.split()  # noqa: SIM905
)
"""Words of JSON Schema 2020-12 and OpenAPI 3.1 that 3.0 does not know."""


def described(**schema: Any) -> dict[str, Any]:
    """Return a description of one schema, Lead."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {},
        "components": {"schemas": {"Lead": schema, "Other": {"type": "object"}}},
    }


def lead(**schema: Any) -> dict[str, Any]:
    """Return that schema in 3.0.3."""
    content = openapi_30(described(**schema))
    OpenAPIV30SpecValidator(content).validate()
    told: dict[str, Any] = content["components"]["schemas"]["Lead"]
    return told


class TestSchemas:
    def test_null_as_an_alternative_is_nullable(self) -> None:
        number = {"type": "number", "maximum": 1}
        assert lead(anyOf=[number, {"type": "null"}], title="P") == {
            "title": "P",
            "type": "number",
            "maximum": 1,
            "nullable": True,
        }

    def test_several_types_and_null(self) -> None:
        told = lead(anyOf=[{"type": "string"}, {"type": "number"}, {"type": "null"}])
        both = [{"type": "string", "nullable": True}, {"type": "number", "nullable": True}]
        assert told == {"anyOf": both}

    def test_alternatives_without_null_stay(self) -> None:
        both = [{"type": "string"}, {"type": "integer"}]
        assert lead(anyOf=both) == {"anyOf": both}

    def test_an_enumeration_that_may_be_null_is_none(self) -> None:
        """With `nullable`, an enumeration without null still refuses it (3.0.3, proposal 5.8)."""
        bands = {"type": "string", "enum": ["A", "B"]}
        assert lead(anyOf=[bands, {"type": "null"}]) == {"type": "string", "nullable": True}
        assert lead(**bands) == bands

    def test_a_reference_that_may_be_null_makes_its_schema_nullable(self) -> None:
        reference = {"$ref": "#/components/schemas/Other"}
        of_lead = {"properties": {"o": {"anyOf": [reference, {"type": "null"}]}}, "type": "object"}
        content = openapi_30(described(**of_lead))
        OpenAPIV30SpecValidator(content).validate()
        schemas = content["components"]["schemas"]
        assert schemas["Other"] == {"type": "object", "nullable": True}
        assert schemas["Lead"]["properties"]["o"] == {"allOf": [reference]}
        assert "nullable" not in schemas["Lead"]

    def test_constants_examples_and_exclusive_bounds(self) -> None:
        assert lead(const="ok", examples=["ok", "fine"]) == {"enum": ["ok"], "example": "ok"}
        assert lead(type="number", exclusiveMinimum=0, exclusiveMaximum=1) == {
            "type": "number",
            "minimum": 0,
            "exclusiveMinimum": True,
            "maximum": 1,
            "exclusiveMaximum": True,
        }

    def test_names_that_read_like_words_of_openapi_are_names(self) -> None:
        fields = {"const": {"type": "string"}, "anyOf": {"type": "number"}}
        assert lead(type="object", properties=fields)["properties"] == fields

    def test_values_are_left_alone(self) -> None:
        value = {"anyOf": [{"type": "null"}], "const": 1}
        assert lead(type="object", examples=[value], default=value) == {
            "type": "object",
            "example": value,
            "default": value,
        }

    def test_several_types_at_once_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"one type a schema, found \['string', 'null'\]"):
            openapi_30(described(type=["string", "null"]))

    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("One\n  line.", "One line."),
            ("a" * 200 + ". " + "b" * 100 + ".", "a" * 200 + "."),
            ("a" * 300, "a" * 254 + "…"),
            ("a" * 255, "a" * 255),
        ],
    )
    def test_descriptions_are_short(self, text: str, kept: str) -> None:
        assert lead(type="string", description=text)["description"] == kept


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Give every mapping inside."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict):
        yield value
    for part in inside:
        yield from parts(part)


class TestService:
    @pytest.fixture
    def newer(self, service: Any) -> dict[str, Any]:
        content: dict[str, Any] = service.client.get("/openapi.json").json()
        return content

    @pytest.fixture
    def older(self, service: Any) -> dict[str, Any]:
        content: dict[str, Any] = service.client.get("/openapi-3.0.json").json()
        return content

    def test_both_are_valid(self, newer: dict[str, Any], older: dict[str, Any]) -> None:
        assert newer["openapi"].startswith("3.1.")
        OpenAPIV31SpecValidator(newer).validate()
        assert older["openapi"] == "3.0.3"
        OpenAPIV30SpecValidator(older).validate()

    def test_they_describe_the_same_operations_and_fields(
        self, newer: dict[str, Any], older: dict[str, Any]
    ) -> None:
        assert {(p, verb) for p, verbs in newer["paths"].items() for verb in verbs} == {
            (p, verb) for p, verbs in older["paths"].items() for verb in verbs
        }
        sent = {"WebhookMessage", "ToldScore", "NewScore"}  # 3.0 has no words for webhooks
        schemas = newer["components"]["schemas"]
        assert set(schemas) - set(older["components"]["schemas"]) == sent
        assert "webhooks" not in older
        for name in set(schemas) - sent:
            schema, told = schemas[name], older["components"]["schemas"][name]
            assert list(told.get("properties", ())) == list(schema.get("properties", ()))
            assert told.get("required") == schema.get("required")

    def test_no_alternative_is_null_and_nothing_is_of_31(self, older: dict[str, Any]) -> None:
        assert '"null"' not in json.dumps(older)
        fields = {
            name
            for schema in older["components"]["schemas"].values()
            for name in schema.get("properties", ())
        }
        words = {word for part in parts(older) for word in part}
        assert words & OF_31 <= fields

    def test_operations_are_apex_identifiers(self, older: dict[str, Any]) -> None:
        operations = [one for verbs in older["paths"].values() for one in verbs.values()]
        names = [one["operationId"] for one in operations]
        assert len(set(names)) == len(names)
        for name in names:
            assert re.fullmatch(r"[A-Za-z](_?[A-Za-z0-9])*", name)
            assert len(name) <= 40
            assert name.casefold() not in APEX_RESERVED

    def test_descriptions_are_short(self, older: dict[str, Any]) -> None:
        told = [part["description"] for part in parts(older) if "description" in part]
        texts = [text for text in told if isinstance(text, str)]
        assert texts
        assert max(map(len, texts)) <= 255

    def test_no_get_takes_a_body(self, older: dict[str, Any]) -> None:
        assert not [
            path for path, verbs in older["paths"].items() if "requestBody" in verbs.get("get", {})
        ]
