"""What is wrong with a request's build, in plain words; what was sent is never repeated."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from leadml.api.schemas import ScoreRequest

MOST_PROBLEMS = 100
"""Most problems told: a thousand leads with one mistake repeat it."""

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
    problems: Sequence[Mapping[str, Any]], body: type[BaseModel]
) -> list[dict[str, object]]:
    """Return path and message of each problem that pydantic found.

    Parameters
    ----------
    problems : sequence of mapping
        ``{"type", "loc", "msg", "input", "ctx"}``.
    body : type
        What the body was read as; its names are the ones suggested.

    Returns
    -------
    list of dict
        ``{"loc", "msg"}``, at most 100.
    """
    return [_described(problem, body) for problem in problems[:MOST_PROBLEMS]]


def _described(problem: Mapping[str, Any], body: type[BaseModel]) -> dict[str, object]:
    if problem["type"] == "json_invalid":
        return {"loc": ["body"], "msg": f"not valid JSON: {problem['ctx']['error']}"}
    path = list(problem["loc"])
    if path == ["body"]:
        return {"loc": path, "msg": "expected a JSON object sent as application/json"}
    return {"loc": path, "msg": _message(problem, path, body)}


def _message(problem: Mapping[str, Any], path: Sequence[str | int], body: type[BaseModel]) -> str:
    kind = problem["type"]
    if kind in _WANTED:
        return f"expected {_WANTED[kind]}, found {_KINDS[type(problem['input'])]}"
    if kind == "missing":
        return "this field is required, but was not sent"
    if kind == "too_long":
        most, found = problem["ctx"]["max_length"], problem["ctx"]["actual_length"]
        return f"expected at most {most:,} entries, found {found:,}"
    if kind == "extra_forbidden":
        return _unknown(str(path[-1]), body if len(path) == 2 else ScoreRequest)
    return str(problem["msg"])


def _unknown(name: str, holder: type[BaseModel]) -> str:
    known = list(holder.model_fields)
    near = difflib.get_close_matches(name.casefold(), known, 1, 0.5)
    if near:
        return f"unknown field: did you mean {near[0]}?"
    return f"unknown field: the known ones are {', '.join(known)}"
