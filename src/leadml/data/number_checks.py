"""Check that a column of numbers written as text keeps to one decimal sign."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from leadml.data.places import Places
from leadml.data.raw import RawColumn
from leadml.data.values import decimal_sign
from leadml.domain.finding import Finding

UNCLEAR = "?"


def convention_findings(
    column: str, raw: RawColumn, decimal: str, places: Places, *, used: NDArray[np.bool_]
) -> Iterator[Finding]:
    """Yield an error where values of both conventions stand beside some that either could mean.

    ``2.835`` is 2.835 with a decimal point and 2835 with a decimal comma: beside ``12,5`` nobody
    can tell. Numbers that came as numbers are never unclear.

    Parameters
    ----------
    column : str
        Its name.
    raw : RawColumn
        The column.
    decimal : str
        The decimal sign configured.
    places : Places
        Where each row stands.
    used : bool array, shape (distinct values,)
        Which distinct values are looked at.
    """
    other = "." if decimal == "," else ","
    signs = [decimal_sign(v) if u else None for v, u in zip(raw.values, used, strict=True)]
    if other not in signs or UNCLEAR not in signs:
        return
    unclear, against = _first_rows(raw, signs, UNCLEAR), _first_rows(raw, signs, other)
    first, second = (raw.values[raw.codes[rows[0]]] for rows in (against, unclear))
    sign = "comma" if other == "," else "point"
    text = (
        f"expected one number convention, found both ({first!r} beside {second!r}): set "
        f'decimal = "{other}" under [leads] if the {sign} is the decimal sign, else correct them'
    )
    examples = (
        *places.examples(against[:2], lambda row: raw.values[raw.codes[row]]),
        *places.examples(unclear[:3], lambda row: raw.values[raw.codes[row]]),
    )
    yield Finding("DATA013", "error", column, len(unclear), text, examples)


def _first_rows(raw: RawColumn, signs: list[str | None], sign: str) -> NDArray[np.intp]:
    positions = [position for position, found in enumerate(signs) if found == sign]
    return np.flatnonzero(np.isin(raw.codes, positions))
