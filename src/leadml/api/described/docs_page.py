"""The description of the service as one page that needs neither network nor script."""

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem }}
pre {{ background: #f4f4f4; padding: .8rem; overflow-x: auto }}
table {{ border-collapse: collapse }}
td, th {{ border-bottom: 1px solid #ccc; padding: .2rem .8rem .2rem 0; text-align: left;
  vertical-align: top }}
</style>
<h1>{title}</h1>
<p>{description} The same as data: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1) and, for
Salesforce and others that read no 3.1, <a href="openapi-3.0.json">openapi-3.0.json</a>.</p>
{operations}
</html>
"""


def docs_page(described: Mapping[str, Any]) -> str:
    """Return the HTML page of an OpenAPI description."""
    info = described["info"]
    operations = (
        _operation(described, verb, path, operation)
        for path, verbs in described["paths"].items()
        for verb, operation in verbs.items()
    )
    return _PAGE.format(
        title=escape(f"{info['title']} {info['version']}"),
        description=escape(info["description"]),
        operations="\n".join(operations),
    )


def _operation(
    described: Mapping[str, Any], verb: str, path: str, operation: Mapping[str, Any]
) -> str:
    parts = [
        f"<h2>{verb.upper()} {escape(path)}</h2>",
        f"<p>{escape(operation['description'])}</p>",
    ]
    if operation.get("parameters"):
        parts += ["<h3>Parameters</h3>", _parameters(operation["parameters"])]
    body = operation.get("requestBody")
    if body is not None:
        parts.append("<h3>Request</h3>")
        for schema in _schemas(described, body["content"]["application/json"]["schema"]):
            signed = "crm" in operation.get("tags", ())  # nobody signs by hand
            parts += [_fields(described, schema), _example(path, schema, alone=signed)]
    parts.append("<h3>Answers</h3>")
    for status, answer in operation["responses"].items():
        parts.append(f"<p>{status}: {escape(answer['description'])}</p>")
        told = answer.get("content", {}).get("application/json") if status == "200" else None
        if told is not None:
            parts.append(_fields(described, _schema(described, told["schema"])))
    return "\n".join(parts)


def _parameters(parameters: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code><td>{escape(each['in'])}"
        f"<td>{escape(each.get('description', ''))}"
        for each in parameters
    )
    return f"<table><tr><th>name<th>where<th>meaning{rows}</table>"


def _schemas(described: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the one schema, or each of those a body may be of."""
    return [_schema(described, each) for each in schema.get("anyOf", [schema])]


def _schema(described: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema["$ref"].rpartition("/")[2]
    found: Mapping[str, Any] = described["components"]["schemas"][name]
    return found


def _fields(described: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{escape(_kind(field))}"
        f"<td>{escape(' '.join(_words(described, field)))}"
        for name, field in schema["properties"].items()
    )
    return f"<table><tr><th>field<th>kind<th>meaning{rows}</table>"


def _kind(field: Mapping[str, Any]) -> str:
    kinds = [field, *field.get("anyOf", ())]
    named = [kind["type"] for kind in kinds if "type" in kind]
    return " or ".join(dict.fromkeys(named)) or "object"


def _words(described: Mapping[str, Any], field: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is said of a field, and the fields of the objects in its list."""
    if "description" in field:
        yield field["description"]
    items = field.get("items", {})
    if "$ref" in items:
        inner = _schema(described, items)
        yield f"Each: {', '.join(inner['properties'])}."


def _example(path: str, schema: Mapping[str, Any], *, alone: bool) -> str:
    """Return what to type to send a body; the body alone where that would not be answered."""
    body = json.dumps(schema["examples"][0], indent=1)
    if alone:
        return f"<h3>Example</h3><pre>{escape(body)}</pre>"
    body = body.replace("'", "'\\''")
    command = (
        f"curl -s http://127.0.0.1:8000{path} -H 'Content-Type: application/json' \\\n"
        f"  -H \"X-API-Key: $KEY\" -d '{body}'"
    )
    return f"<h3>Example</h3><pre>{escape(command)}</pre>"
