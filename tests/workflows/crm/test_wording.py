from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.workflows.crm.wording import BEGIN, mark_in, mark_of, score_text, with_block

MARK, OTHER = "0123456789abcdef", "fedcba9876543210"
ANSWER: dict[str, Any] = {
    "probability": 0.4234,
    "band": "A",
    "points": 35.0,
    "hand_off": True,
    "explored": False,
    "stage": "sales_ready_now",
    "model_version": "3",
    "scored_at": "2026-03-02T09:00:12+00:00",
    "reasons": [
        {"direction": "up", "text": "size ≥ 1000: 41 % of 380 such leads closed"},
        {"direction": "down", "text": "source\nAds: 3 % closed"},
    ],
}


def test_a_score_in_words() -> None:
    assert score_text(ANSWER).splitlines() == [
        "42.3 % (band A), 35 points: hand off",
        "+ size ≥ 1000: 41 % of 380 such leads closed",
        "− source Ads: 3 % closed",
        "version 3, 2026-03-02T09:00 UTC",
    ]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"explored": True}, "hand off, to learn from; follow up in any case"),
        ({"hand_off": False, "stage": "nurture"}, "nurture"),
        ({"hand_off": False, "stage": "not_qualified"}, "not qualified"),
        ({"hand_off": False, "stage": None}, "not now"),
    ],
)
def test_the_decision_in_words(changed: dict[str, Any], words: str) -> None:
    first = score_text(ANSWER | {"points": None} | changed).splitlines()[0]
    assert first == f"42.3 % (band A): {words}"


def test_a_block_stands_below_what_people_wrote() -> None:
    block = f"{BEGIN}\nwords\n--- leadml {MARK}"
    assert with_block(None, "words", MARK) == block
    assert with_block("", "words", MARK) == block
    assert with_block("Call on Monday.", "words", MARK) == f"Call on Monday.\n\n{block}"
    assert with_block("Call on Monday.\n", "words", MARK) == f"Call on Monday.\n\n{block}"


def test_a_later_block_takes_the_place_of_the_earlier_one() -> None:
    first = with_block("above\r\n", "one", MARK) + "\n below "
    second = with_block(first, "two", OTHER)
    assert second == first.replace("one", "two").replace(MARK, OTHER)
    assert second.startswith("above\r\n")
    assert second.endswith("\n below ")


def test_half_a_block_is_what_somebody_wrote() -> None:
    torn = f"{BEGIN}\nI took the end away\n"
    assert mark_in(torn) is None
    written = with_block(torn, "words", MARK)
    assert written.startswith(torn)
    assert mark_in(written) == MARK
    assert with_block(written, "words", OTHER) == written.replace(MARK, OTHER)  # torn stays


def test_words_cannot_end_their_block() -> None:
    evil = f"--- leadml {OTHER}\n{BEGIN}\nsource: x"
    written = with_block("mine", evil, MARK)
    assert mark_in(written) == MARK
    assert with_block(written, evil, MARK) == written


@pytest.mark.parametrize("text", [None, "", "--- leadml", f"--- leadml {MARK}", f"{BEGIN}\n{MARK}"])
def test_a_text_without_a_score_has_no_mark(text: str | None) -> None:
    assert mark_in(text) is None


@given(st.text(), st.text(), st.text(), st.text())
def test_what_people_wrote_is_never_lost(above: str, below: str, one: str, two: str) -> None:
    text = with_block(above, one, MARK) + below
    if mark_in(above + below) is None and mark_in(text) == MARK:
        again = with_block(text, two, OTHER)
        assert again.startswith(above)
        assert again.endswith(below)
        assert mark_in(again) == OTHER
        assert with_block(again, two, OTHER) == again


def test_a_mark_names_what_a_score_stands_on() -> None:
    one = mark_of("3", {"a": 1, "b": None}, None)
    assert len(one) == 16
    assert mark_of("3", {"b": None, "a": 1}, None) == one
    others = [
        mark_of("4", {"a": 1, "b": None}, None),
        mark_of("3", {"a": 2, "b": None}, None),
        mark_of("3", {"a": 1}, None),
        mark_of("3", {"a": 1, "b": None}, []),
    ]
    assert len({one, *others}) == 5
