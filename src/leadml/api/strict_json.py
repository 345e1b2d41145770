"""Request bodies as RFC 8259 means them: no NaN, no repeated names, no endless nesting."""

import json
from collections.abc import Callable, Coroutine
from math import isfinite
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

MOST_LEVELS = 10
MOST_DIGITS = 300  # more would not fit a float


def strict_json(content: bytes) -> Any:
    """Parse a JSON text in UTF-8.

    Raises
    ------
    json.JSONDecodeError
        If it is not JSON, holds NaN or an infinite number, names one member of an object twice,
        holds half a surrogate pair or nests deeper than 10 levels.
    """
    try:
        text = content.decode("utf-8-sig")
        parsed = _decoder.decode(text)
    except RecursionError:
        _refuse(f"nested deeper than {MOST_LEVELS} levels")
    except UnicodeDecodeError:
        _refuse("the body is not UTF-8")
    if _deeper_than(parsed, MOST_LEVELS):
        _refuse(f"nested deeper than {MOST_LEVELS} levels")
    if "\\ud" in text.casefold():
        _whole_characters(parsed)
    return parsed


class StrictRequest(Request):
    """A request whose JSON body is read by `strict_json`."""

    async def json(self) -> Any:
        """Return the parsed body."""
        return strict_json(await self.body())


class StrictRoute(APIRoute):
    """A route that reads its body strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Hand the request on as a `StrictRequest`."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strictly


def _deeper_than(value: object, levels: int) -> bool:
    level = [value]
    for _ in range(levels):
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
    return any(isinstance(child, (dict, list)) for child in level)


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        _refuse("an object names one member twice")
    return members


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        _refuse("a number is too large")
    return number


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        _refuse("a number is too large")
    return int(digits)


def _constant(name: str) -> NoReturn:
    _refuse(f"{name} is not JSON; leave the field out or send null")


def _whole_characters(parsed: object) -> None:
    try:
        json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        _refuse("a text holds half a surrogate pair")


def _refuse(why: str) -> NoReturn:
    raise json.JSONDecodeError(why, "", 0) from None


_decoder = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=_finite, parse_int=_whole, parse_constant=_constant
)
