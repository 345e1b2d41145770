"""Monthly targets and how far each month has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Month:
    """One month.

    Attributes
    ----------
    name : str
        Such as ``2026-01``.
    elapsed : float
        Share of it that has passed, in [0, 1].
    actual : mapping of str to float or None
        What it brought, by name of the target; None where that is not recorded.
    """

    name: str
    elapsed: float
    actual: Mapping[str, float | None]


def progress(
    months: Sequence[Month], targets: Mapping[str, float], why_null: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Hold months against monthly targets, the present month pro rata.

    Parameters
    ----------
    months : sequence of Month
    targets : mapping of str to float
        By name; only those that are set.
    why_null : mapping of str to str
        Why something is not recorded, by name.

    Returns
    -------
    list of dict
        JSON-ready: ``month, name, target, actual``; ``share``, actual ÷ target; ``elapsed`` share
        of the month; ``due``, the target times that; ``on_track``, whether the actual reaches what
        is due, None where nothing is due yet or nothing is recorded; ``why_null``.

    Examples
    --------
    >>> (row,) = progress([Month("2026-01", 0.5, {"wins": 6.0})], {"wins": 10.0}, {})
    >>> row["share"], row["due"], row["on_track"]
    (0.6, 5.0, True)
    """
    return [
        _row(month, name, target, why_null.get(name))
        for month in months
        for name, target in targets.items()
    ]


def _row(month: Month, name: str, target: float, why: str | None) -> dict[str, Any]:
    actual, due = month.actual[name], target * month.elapsed
    known = actual is not None
    return {
        "month": month.name,
        "name": name,
        "target": target,
        "actual": actual,
        "share": None if actual is None else actual / target,
        "elapsed": month.elapsed,
        "due": due,
        "on_track": None if actual is None or not due else actual >= due,
        "why_null": None if known else why,
    }
