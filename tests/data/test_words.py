"""Words of free texts: which are found, which are worth a feature, and which leads mention them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.data.raw import RawColumn
from leadml.data.words import (
    MOST_CHARACTERS,
    MOST_WORDS,
    frequent_terms,
    is_prose,
    mean_words,
    mentions,
    terms_of,
    words_of,
)

NOTHING: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("We need PRICING, now!", ["we", "need", "pricing", "now"]),
        ("Don't e-mail the Geschäftsführer's", ["don't", "e-mail", "the", "geschäftsführer's"]),
        ("ＰＲＩＣＩＮＧ", ["pricing"]),  # full-width letters
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("12 users, 3.5 GB, order_7 x2", ["users", "gb", "order", "x"]),
        ("価格 を 教えて", ["価格", "を", "教えて"]),
        ("\ud800 \x00 \U0001f600 ---", []),
        ("", []),
    ],
)  # fmt: skip
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_terms_are_words_and_pairs_of_neighbours() -> None:
    assert terms_of("free trial, free trial") == {"free", "trial", "free trial", "trial free"}


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    assert words_of("a " * (MOST_CHARACTERS // 2) + "pricing") == ["a"] * (MOST_CHARACTERS // 2)
    assert words_of("a " * (MOST_CHARACTERS // 2 - 4) + "pricing")[-1] == "pricing"


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    for term in terms_of(text):
        assert term.casefold() == term
        assert 1 <= len(term.split(" ")) <= 2


def test_the_length_of_texts() -> None:
    # "please send a quote" has 4 words, twice; an address of mail is one, a number none: (8+1)/4
    counts = {"please send a quote": 2, "ann.o.dee@x.co.uk": 1, "42": 1}
    assert mean_words(counts) == 9 / 4
    assert not is_prose(counts)
    assert is_prose({"please send a quote": 1})
    assert not is_prose({"send a quote": 1})
    assert not is_prose({"12 Main Street Springfield": 1})
    assert mean_words({}) == 0


class TestFrequentTerms:
    def test_neither_rare_nor_in_nearly_every_text(self) -> None:
        # 100 texts: "we" in all, "ask" in 60, "demo" in 20, "rare" in 19
        counts = {"we ask": 41, "we ask rare": 19, "we demo": 20, "we": 20}
        assert frequent_terms(counts) == ("ask", "demo")

    def test_a_word_must_be_in_one_text_of_a_hundred(self) -> None:
        # of 3,000 texts 30 are one in a hundred
        assert frequent_terms({"price": 30, "": 2970}) == ("price",)
        assert frequent_terms({"price": 29, "": 2971}) == ()

    def test_a_pair_must_say_more_than_its_words(self) -> None:
        # "free trial" is in 30 of the 60 texts with either: new. "new york" never without "york".
        counts = {"free trial": 30, "free": 30, "trial": 30, "new york": 30, "new": 20, "-": 100}
        assert frequent_terms(counts) == ("free", "trial", "new", "free trial", "york")

    def test_the_most_frequent_stay(self) -> None:
        letters = "abcdefghijklmnopqrst"
        words = [first + second for first in letters for second in letters][: MOST_WORDS + 1]
        counts = {" ".join(words): 40, " ".join(words[1:]): 10, "-": 50}
        assert frequent_terms(counts) == tuple(words[1:])  # pairs say no more than their words


def test_mentions() -> None:
    column = RawColumn(
        ["Pricing please", "free TRIAL", None, "n/a", ["x"]], np.array([0, 1, 2, 3, 4, 1, -1])
    )
    found, bad = mentions(column, ["pricing", "free trial"], frozenset({"n/a"}))
    nan = np.nan
    expected = [[1, 0], [0, 1], [nan, nan], [nan, nan], [nan, nan], [0, 1], [nan, nan]]
    assert np.array_equal(found, expected, equal_nan=True)
    assert list(bad) == [4]
    assert bad[4].startswith("expected a text")
