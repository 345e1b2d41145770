"""Where rows stand in their source, and how findings about rows are made."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.domain.finding import Severity

EXAMPLES = 5
TOLERATED = 0.1


@dataclass(frozen=True)
class Places:
    """The place of each row, as a person finds it.

    Attributes
    ----------
    word : str
        What is counted: ``line`` of a text file (the header is line 1), else ``row`` (from 1).
    numbers : int array, shape (rows,)
        The count.
    """

    word: str
    numbers: NDArray[np.int64]

    @classmethod
    def of_rows(cls, rows: int) -> "Places":
        """Return the places of rows counted from 1."""
        return cls("row", np.arange(1, rows + 1))

    def name(self, row: int) -> str:
        """Return e.g. ``line 7`` for a row position."""
        return f"{self.word} {self.numbers[row]}"

    def take(self, rows: NDArray[np.intp]) -> "Places":
        """Return the places of the rows at these positions."""
        return Places(self.word, self.numbers[rows])

    def examples(
        self,
        rows: Collection[int] | NDArray[np.intp],
        detail: Callable[[int], object] | None = None,
    ) -> tuple[str, ...]:
        """Name the first few of some rows, each with a detail where one is given."""
        first = [int(row) for _, row in zip(range(EXAMPLES), rows, strict=False)]
        return tuple(self.name(r) + (f": {detail(r)}" if detail else "") for r in first)


def severity_of_set_aside(count: int, total: int) -> Severity:
    """Rate rows set aside: a warning, an error from one in ten.

    A few broken rows are every export's lot and are counted; many mean the export itself is wrong.
    """
    return "error" if count > TOLERATED * total else "warning"


def near(text: str, known: Sequence[str]) -> str:
    """Return `` (did you mean 'x'?)`` where a known text is close, else the empty text."""
    import difflib

    by_folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(text.casefold(), by_folded, 1, 0.6)
    return f" (did you mean {by_folded[close[0]]!r}?)" if close else ""


def listed(texts: Sequence[str], most: int = 10) -> str:
    """List texts for a message, the first few of many."""
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more
