"""What preparing a public data set gives, and the reading that all of them share."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from leadml.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A public data set as leads, activities and the agreement to judge them by.

    Attributes
    ----------
    leads : DataFrame
        One row a lead; cells are text as published.
    activities : DataFrame or None
        One row an activity, where the set has any.
    definition : str
        Text of the leadml.toml that goes with them.
    """

    leads: pd.DataFrame
    activities: pd.DataFrame | None = None
    definition: str


def read_published(path: Path, *, delimiter: str, columns: Collection[str]) -> pd.DataFrame:
    """Read a published file with every cell as the text it is; empty cells stay empty texts.

    Raises
    ------
    DataError
        If it cannot be read or lacks one of the columns.
    """
    try:
        frame = pd.read_csv(path, sep=delimiter, dtype=str, keep_default_na=False)
    except (OSError, EOFError, UnicodeDecodeError, ValueError) as error:
        why = " ".join(str(error).split())[:120]
        msg = f"{path} cannot be read as the published file: {why}; fetch it again"
        raise DataError(msg) from None
    absent = [column for column in columns if column not in frame]
    if absent:
        shown = ", ".join(map(str, list(frame.columns)[:6]))
        msg = f"{path} has no column {absent[0]!r} (it has {shown} …): not the published file"
        raise DataError(msg)
    return frame


def row_ids(prefix: str, rows: int) -> list[str]:
    """Return ids for the rows of a set without any: their number in the published order."""
    return [f"{prefix}{number:05d}" for number in range(1, rows + 1)]
