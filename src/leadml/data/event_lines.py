"""Events as JSON lines: one object a line, as `leadml ledger export --events` writes them."""

import json
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from leadml.domain.event import Event
from leadml.errors import DataError

SUFFIXES = (".jsonl", ".ndjson")
MOST_CHARACTERS = 200_000
_FIELDS = tuple(field.name for field in fields(Event))
_KEPT = ("id", "recorded_at")
"""What a ledger adds: the number is given anew, the moment is kept."""
_NEEDED = ("event", "lead", "happened_at")


class BadLineError(ValueError):
    """A line that holds no event."""


def is_event_file(source: object) -> bool:
    """Tell whether a source is a file of events, by its name's ending."""
    return isinstance(source, (str, Path)) and str(source).lower().endswith(SUFFIXES)


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that hold anything, counted from 1.

    Raises
    ------
    DataError
        If the file cannot be read as UTF-8 text.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"{path} cannot be read as UTF-8 text: {reason}"
        raise DataError(msg) from None


def read_event(line: str) -> tuple[Event, datetime | None]:
    """Read one line.

    Returns
    -------
    event : Event
        Not checked yet beyond what its type needs.
    recorded_at : datetime or None
        When another ledger recorded it, aware; None where the line does not say.

    Raises
    ------
    BadLineError
        If the line is no such object.
    """
    values = _object(line)
    unknown = [name for name in values if name not in (*_FIELDS, *_KEPT)]
    if unknown:
        msg = f"expected the fields {', '.join(_FIELDS)}, found {unknown[0]!r}"
        raise BadLineError(msg)
    missing = [name for name in _NEEDED if values.get(name) is None]
    if missing:
        msg = f"expected {', '.join(_NEEDED)}, found no {missing[0]}"
        raise BadLineError(msg)
    told = {name: values[name] for name in _FIELDS if values.get(name) is not None}
    told["happened_at"] = _moment(values, "happened_at")
    recorded = _moment(values, "recorded_at") if values.get("recorded_at") is not None else None
    return Event(**told), recorded


def _object(line: str) -> dict[str, Any]:
    if len(line) > MOST_CHARACTERS:
        msg = f"expected up to {MOST_CHARACTERS:,} characters, found {len(line):,}"
        raise BadLineError(msg)
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        msg = f"expected a JSON object, found {str(error)[:80]}"
        raise BadLineError(msg) from None
    if not isinstance(values, dict):
        msg = f"expected a JSON object, found {type(values).__name__}"
        raise BadLineError(msg)
    return values


def _moment(values: dict[str, Any], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(values[name])
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        msg = f"expected {name} as ISO 8601 with its offset, found {values[name]!r}"
        raise BadLineError(msg[:200])
    return moment
