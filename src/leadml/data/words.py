"""Words of free texts: which ones are worth a feature, and which texts mention them.

A message or a job title is no property with levels, but its words are: each frequent word, and
each frequent pair of neighbours, becomes a feature of its own that a person can read. Which words
is settled by how many leads use them, never by the outcome.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from leadml.data.raw import RawColumn
from leadml.data.values import NotUsableError, to_text

MOST_CHARACTERS = 2000
"""Characters of a text that are read: what comes later in a long message is seldom read at all."""
WORDS_OF_PROSE = 4.0
"""Mean words from which texts are sentences; names of people and firms have fewer."""
MOST_WORDS = 100
"""Most words and pairs of one column that become features."""
FEWEST_MENTIONS = 20
"""Fewest texts that must mention a word, and the smallest share of all texts."""
SMALLEST_SHARE = 0.01
LARGEST_SHARE = 0.6
"""Largest share of texts that may mention a word: one that nearly all use tells nothing."""
SAME = 0.8
"""Share of a word's texts from which a pair is hardly more than the word itself."""

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def words_of(text: str) -> list[str]:
    """Return the words of a text in order, without regard to case and typography; no numbers."""
    plain = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).casefold()
    return _WORD.findall(plain)


def terms_of(text: str) -> frozenset[str]:
    """Return the distinct words of a text, and its distinct pairs of neighbours.

    >>> sorted(terms_of("Pricing, please! 2 users"))
    ['please', 'please users', 'pricing', 'pricing please', 'users']
    """
    words = words_of(text)
    pairs = (f"{first} {second}" for first, second in pairwise(words))
    return frozenset((*words, *pairs))


def mean_words(counts: Mapping[str, int]) -> float:
    """Return how many words between spaces a text has on average; an address of mail is one word.

    Parameters
    ----------
    counts : mapping of str to int
        How many leads have each text.
    """
    rows = sum(counts.values())
    return sum(n * _length(text) for text, n in counts.items()) / max(rows, 1)


def _length(text: str) -> int:
    return sum(_WORD.search(part) is not None for part in text[:MOST_CHARACTERS].split())


def is_prose(counts: Mapping[str, int]) -> bool:
    """Tell whether texts are sentences rather than names, ids or levels."""
    return mean_words(counts) >= WORDS_OF_PROSE


def frequent_terms(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return the words and pairs worth a feature, the most frequent first.

    Parameters
    ----------
    counts : mapping of str to int
        How many leads have each text.
    """
    rows = sum(counts.values())
    mentions: Counter[str] = Counter()
    for text, count in counts.items():
        for term in terms_of(text):
            mentions[term] += count
    fewest = max(FEWEST_MENTIONS, SMALLEST_SHARE * rows)
    usual = {t: n for t, n in mentions.items() if fewest <= n <= LARGEST_SHARE * rows}
    telling = [t for t, n in usual.items() if len(t) > 1 and not _repeats(t, n, mentions)]
    return tuple(sorted(telling, key=lambda term: (-usual[term], term))[:MOST_WORDS])


def _repeats(term: str, count: int, mentions: Mapping[str, int]) -> bool:
    """Tell whether a pair says hardly more than one of its words."""
    words = term.split(" ")
    return len(words) > 1 and any(count >= SAME * mentions[word] for word in words)


def mentions(
    column: RawColumn, words: Sequence[str], missing: frozenset[str]
) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Tell which words each lead's text mentions.

    Returns
    -------
    mentioned : float array, shape (leads, words)
        1 where mentioned, 0 where not, NaN where there is no text.
    errors : dict
        Row position -> why its value is not usable.
    """
    read = mention_reader(words, missing)
    found = np.zeros((len(column.values) + 1, len(words)))
    found[-1] = np.nan
    bad: dict[int, str] = {}
    for position, value in enumerate(column.values):
        try:
            places = read(value)
        except NotUsableError as error:
            bad[position], places = str(error), None
        if places is None:
            found[position] = np.nan
        else:
            found[position, places] = 1.0
    return found[column.codes], column.rows_of(bad)


def mention_reader(
    words: Sequence[str], missing: frozenset[str]
) -> Callable[[object], list[int] | None]:
    """Return a function from a raw value to which of the words it mentions; None without a text."""
    places = {word: place for place, word in enumerate(words)}

    def read(value: object) -> list[int] | None:
        text = to_text(value, missing)
        return None if text is None else [places[t] for t in terms_of(text) & places.keys()]

    return read
