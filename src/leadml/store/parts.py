"""Long lists in parts: a statement holds so many values and no more."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

_AT_ONCE = 500
"""Values asked for in one statement."""


def in_parts(values: Iterable[T], size: int = _AT_ONCE) -> Iterator[list[T]]:
    """Yield values in lists of bounded length."""
    whole = list(values)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
