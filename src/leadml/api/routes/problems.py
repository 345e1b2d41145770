"""What is wrong with a request's build, in plain words; what was sent is never repeated."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from leadml.api.routes.schemas import MOST_PROBLEMS, ScoreRequest

_WANTED = {
    "dict_type": "an object of names and values",
    "list_type": "a list",
    "string_type": "a text",
    "model_attributes_type": "an object with the field lead",
    "model_type": "an object with the field lead",
}
_KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def described(
    problems: Sequence[Mapping[str, Any]],
    body: type[BaseModel],
    item: type[BaseModel] = ScoreRequest,
) -> list[dict[str, object]]:
    """Return path and message of each problem that pydantic found.

    Parameters
    ----------
    problems : sequence of mapping
        ``{"type", "loc", "msg", "input", "ctx"}``.
    body : type
        What the body was read as; its names are the ones suggested.
    item : type
        What the entries of its list were read as.

    Returns
    -------
    list of dict
        ``{"loc", "msg"}``, at most 100.
    """
    return [_described(problem, body, item) for problem in problems[:MOST_PROBLEMS]]


def kind_of(value: object) -> str:
    """Say what kind of JSON value this is, without telling it."""
    return _KINDS.get(type(value), "no JSON")


def unknown_name(name: str, known: Iterable[str], *, what: str = "field") -> str:
    """Say that a name is not known, and which one may be meant."""
    names = list(known)
    near = difflib.get_close_matches(name.casefold(), names, 1, 0.5)
    if near:
        return f"unknown {what}: did you mean {near[0]}?"
    return f"unknown {what}: the known ones are {', '.join(names) or 'none'}"


def _described(
    problem: Mapping[str, Any], body: type[BaseModel], item: type[BaseModel]
) -> dict[str, object]:
    if problem["type"] == "json_invalid":
        return {"loc": ["body"], "msg": f"not valid JSON: {problem['ctx']['error']}"}
    path = list(problem["loc"])
    if path == ["body"]:
        return {"loc": path, "msg": "expected a JSON object sent as application/json"}
    return {"loc": path, "msg": _message(problem, body if len(path) == 2 else item)}


def _message(problem: Mapping[str, Any], holder: type[BaseModel]) -> str:
    kind = problem["type"]
    if kind in _WANTED:
        return f"expected {_WANTED[kind]}, found {kind_of(problem['input'])}"
    if kind == "missing":
        return "this field is required, but was not sent"
    if kind == "too_long":
        most, found = problem["ctx"]["max_length"], problem["ctx"]["actual_length"]
        return f"expected at most {most:,} entries, found {found:,}"
    if kind == "extra_forbidden":
        return unknown_name(str(problem["loc"][-1]), holder.model_fields)
    if kind == "literal_error":
        return _no_choice(problem)
    return str(problem["msg"])


def _no_choice(problem: Mapping[str, Any]) -> str:
    """Say which words are expected, and which one may be meant."""
    choices = re.findall(r"'(\w+)'", problem["ctx"]["expected"])
    wanted = f"expected one of {', '.join(choices)}"
    if not isinstance(problem["input"], str):
        return f"{wanted}; found {kind_of(problem['input'])}"
    near = difflib.get_close_matches(problem["input"].casefold(), choices, 1, 0.5)
    return f"{wanted}; did you mean {near[0]}?" if near else wanted
