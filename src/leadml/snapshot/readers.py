"""How the raw values of features are read, one by one, into the numbers that models take."""

import math
from collections.abc import Callable, Sequence
from datetime import tzinfo

from leadml.data.values import (
    NotUsableError,
    is_flag,
    is_missing,
    microseconds,
    time_reader,
    to_number,
    to_text,
)
from leadml.snapshot.feature import RARE

Reader = Callable[[object], float]


def moment_reader(zone: tzinfo, date_format: str | None, missing: frozenset[str]) -> Reader:
    """Return a function from a raw time to microseconds UTC, NaN where missing."""
    read = time_reader(zone, date_format)

    def moment(value: object) -> float:
        return math.nan if is_missing(value, missing) else microseconds(read(value))

    return moment


def number_reader(missing: frozenset[str], decimal: str, *, flags: bool) -> Reader:
    """Return a function from a raw value to its number; without `flags` true and false are none."""

    def read(value: object) -> float:
        if type(value) is float and value - value == 0:  # finite: as `to_number`, without a call
            return value
        if not flags and is_flag(value):
            msg = f"expected a number, found {value!r}"
            raise NotUsableError(msg)
        return to_number(value, missing, decimal=decimal)

    return read


def level_reader(levels: Sequence[str], missing: frozenset[str]) -> Reader:
    """Return a function from a raw value to its level's code; unseen is `RARE`, else missing."""
    codes = {level: float(code) for code, level in enumerate(levels)}
    as_written = {level: code for level, code in codes.items() if to_text(level, missing) == level}
    unseen = codes.get(RARE, math.nan)

    def read(value: object) -> float:
        if type(value) is str and value in as_written:
            return as_written[value]
        text = to_text(value, missing)
        return math.nan if text is None else codes.get(text, unseen)

    return read
