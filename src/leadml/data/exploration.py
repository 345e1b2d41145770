"""What the CRM wrote back of the hand-off policy: who was explored, and with which probability."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.data.places import Places
from leadml.data.presets import NO, YES
from leadml.data.raw import RawColumn
from leadml.data.values import NotUsableError, to_number, to_text
from leadml.domain.finding import Finding
from leadml.errors import DataError

FLAGS = dict.fromkeys(YES, True) | dict.fromkeys(NO, False)


@dataclass(frozen=True)
class Exploration:
    """What is recorded of the policy; arrays of shape (leads,).

    Attributes
    ----------
    explored : bool array
        Handed off at random to learn from; what is not recorded counts as no.
    probability : float array
        With which the lead was handed off, in (0, 1], of leads not explored also 0; NaN where not
        recorded.
    """

    explored: NDArray[np.bool_]
    probability: NDArray[np.float64]

    def take(self, rows: NDArray[np.intp]) -> "Exploration":
        """Return the leads at these positions."""
        return Exploration(self.explored[rows], self.probability[rows])


@dataclass(frozen=True, kw_only=True)
class Written:
    """One of the two columns.

    Attributes
    ----------
    column : str
        Its name.
    raw : RawColumn
    where : str
        What to call it in messages.
    """

    column: str
    raw: RawColumn
    where: str


def read_exploration(
    explored: Written,
    probability: Written,
    places: Places,
    missing: frozenset[str],
    *,
    decimal: str,
) -> tuple[Exploration, list[Finding]]:
    """Read both columns.

    Raises
    ------
    DataError
        If a value reads as neither yes nor no, or a probability is not above 0 and at most 1.
    """
    flags = _read(explored, places, lambda value: _flag(value, missing))
    chances = _read(probability, places, lambda value: _chance(value, missing, decimal))
    known = Exploration(flags == 1, chances)
    never = np.flatnonzero(known.explored & (chances == 0))
    if len(never):
        msg = (
            f"{probability.where}, {places.name(int(never[0]))}: expected a probability above 0 "
            "and at most 1 for an explored lead, found 0; correct it or do not map the column"
        )
        raise DataError(msg)
    unknown = np.flatnonzero(known.explored & np.isnan(chances))
    if not len(unknown):
        return known, []
    text = (
        f"explored leads without a {probability.column}: how many leads each stands for is not "
        "known, so they do not count; write back both columns of the answer"
    )
    examples = places.examples(unknown)
    found = Finding("DATA050", "warning", probability.column, len(unknown), text, examples)
    return known, [found]


def _read(written: Written, places: Places, read: Callable[[object], float]) -> NDArray[np.float64]:
    numbers, errors = written.raw.numbers(read)
    for row, why in errors.items():
        msg = f"{written.where}, {places.name(row)}: {why}; correct it or do not map the column"
        raise DataError(msg)
    return numbers


def _flag(value: object, missing: frozenset[str]) -> float:
    text = to_text(value, missing)
    if text is None:
        return 0.0
    known = FLAGS.get(text.casefold().removesuffix(".0"))
    if known is None:
        msg = f"expected yes or no (true or false, 1 or 0), found {text!r}"
        raise NotUsableError(msg)
    return float(known)


def _chance(value: object, missing: frozenset[str], decimal: str) -> float:
    number = to_number(value, missing, decimal=decimal)
    if not (np.isnan(number) or 0 <= number <= 1):
        hint = ": divide percentages by 100" if 1 < number <= 100 else ""
        msg = f"expected a probability above 0 and at most 1, found {number:g}{hint}"
        raise NotUsableError(msg)
    return number
