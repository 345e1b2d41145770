"""Values that know where they stand in the JSON file, so that the page can say so.

A number of the page carries its place as a JSON pointer (RFC 6901): ``data-json="/funnel/won"``.
"""

from typing import Any

from markupsafe import Markup


class Whole(int):
    """An int with its place."""

    path: str


class Real(float):
    """A float with its place."""

    path: str


class Words(str):
    """A text with its place."""

    path: str


def traced(value: Any, path: str = "") -> Any:
    """Return JSON values with every number and text knowing its place; null and booleans as are.

    Examples
    --------
    >>> rows = traced({"by": [{"won": 3}]})["by"]
    >>> rows[0]["won"] + 1, rows[0]["won"].path
    (4, '/by/0/won')
    """
    if isinstance(value, dict):
        return {key: traced(inner, f"{path}/{_escaped(key)}") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [traced(inner, f"{path}/{n}") for n, inner in enumerate(value)]
    for plain, kind in ((bool, None), (int, Whole), (float, Real), (str, Words)):
        if isinstance(value, plain):
            return value if kind is None else _placed(kind(value), path)
    return value


def _placed(value: Any, path: str) -> Any:
    value.path = path
    return value


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def where(value: object) -> Markup:
    """Return the attribute that says where a value stands; nothing for one that does not know."""
    path = getattr(value, "path", None)
    return Markup("") if path is None else Markup(' data-json="{}"').format(path)
