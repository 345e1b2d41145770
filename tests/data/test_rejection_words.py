"""Reasons as CRMs write them, and the closed list."""

import pytest

from leadml.data.rejection_words import RejectionWords
from leadml.domain.event import REJECTIONS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no_budget", "no_budget"),
        ("No Budget", "no_budget"),
        ("Kein Budget", "no_budget"),
        ("Wrong person!", "wrong_person"),
        ("Pas de réponse", "no_reply"),
        ("DUPLICATE LEAD", "duplicate"),
        ("not-a-company", "not_a_company"),
    ],
)
def test_case_and_punctuation_do_not_matter(text: str, reason: str) -> None:
    words = RejectionWords(REJECTIONS)
    assert words.read(text) == {"reason": reason}
    assert words.unknown == {}


def test_what_is_on_no_list_is_kept_as_a_text_and_counted() -> None:
    words = RejectionWords(REJECTIONS)
    assert words.read("Timing") == {"reason": "other", "text": "Timing"}
    assert words.read("Timing") == {"reason": "other", "text": "Timing"}
    assert words.read("Other") == {"reason": "other", "text": "Other"}
    assert words.read("x" * 600) == {"reason": "other", "text": "x" * 500}
    assert words.unknown == {"Timing": 2, "Other": 1, "x" * 600: 1}


def test_no_reason_is_no_unknown_one() -> None:
    words = RejectionWords(REJECTIONS)
    assert words.read(None) == {"reason": "other", "text": "no reason given"}
    assert words.unknown == {}


def test_a_list_of_ones_own() -> None:
    words = RejectionWords(["too-small", "no_budget"])
    assert words.read("Too small") == {"reason": "too-small"}
    assert words.read("Kein Budget") == {"reason": "no_budget"}
    with pytest.raises(ValueError, match=r"too-small, no_budget\), found 'Doublon'; add other"):
        words.read("Doublon")  # a duplicate, which this list does not know
