"""Request bodies as RFC 8259 means them: no NaN, no repeated names, no endless nesting."""

import json
from collections.abc import Callable, Coroutine
from math import isfinite
from typing import Any, NoReturn

import orjson
from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

MOST_LEVELS = 10
MOST_DIGITS = 300  # more would not fit a float
LARGE = 65_536
"""Bytes from which a body is read in a thread: others are answered meanwhile."""
_BEYOND = 2.0**63  # orjson reads whole numbers of more than 64 bits as floats
_HOLDERS = (dict, list)
_UNSURE = object()


def strict_json(content: bytes) -> Any:
    """Parse a JSON text in UTF-8.

    Raises
    ------
    json.JSONDecodeError
        If it is not JSON, holds NaN or an infinite number, names one member of an object twice,
        holds half a surrogate pair or nests deeper than 10 levels.
    """
    quick = _quickly(content)
    return _slowly(content) if quick is _UNSURE else quick


def _quickly(content: bytes) -> Any:
    """Parse what orjson surely reads as `_slowly` does; return `_UNSURE` of all else.

    orjson keeps the last of members named twice. Without a backslash every text has two quotes: if
    those of the names and texts that were kept are all that was sent, none was named twice.
    """
    if b"\\" in content:
        return _UNSURE
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError:
        return _UNSURE
    return parsed if 2 * _texts(parsed, MOST_LEVELS) == content.count(b'"') else _UNSURE


def _texts(parsed: object, levels: int) -> int:
    """Count names and texts; -1 where it nests too deep or holds a number that may be inexact."""
    level: list[Any] = [[parsed]]
    found = 0
    for _ in range(levels + 1):
        below: list[Any] = []
        for holder in level:
            if type(holder) is dict:
                found += len(holder)
                holder = holder.values()
            kinds = [*map(type, holder)]
            found += kinds.count(str)
            if float in kinds and _inexact([each for each in holder if type(each) is float]):
                return -1
            if dict in kinds or list in kinds:
                below += [child for child in holder if type(child) in _HOLDERS]
        level = below
    return -1 if level else found


def _inexact(numbers: list[float]) -> bool:
    return min(numbers) <= -_BEYOND or max(numbers) >= _BEYOND


def _slowly(content: bytes) -> Any:
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
        body = await self.body()
        if len(body) < LARGE:
            return strict_json(body)
        return await run_in_threadpool(strict_json, body)


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
