"""One lead's page: what is known of it, and nothing that is not."""

from typing import Any

import pytest

from leadml.pages.lead_page import clock, facts, lead_page, look_up_page, told
from leadml.pages.site import Frame

FRAME = Frame("/leads")
STATE = dict.fromkeys(
    (
        "account", "owner", "created_at", "qualified_at", "handed_off_at", "accepted_at",
        "rejected_at", "rejection_reason", "right_person", "followed_up_at", "closed_at",
        "outcome", "amount", "margin_amount", "model_version", "agreement_hash",
    )
) | {"attributes": {}, "state": "handed_off"}  # fmt: skip


def score(hour: int, **more: Any) -> dict[str, Any]:
    at = f"2026-03-01T{hour:02}:00:00+00:00"
    return {"happened_at": at, "recorded_at": at, "model_version": "3", "owner": None, **more}


def history(scores: list[dict[str, Any]], **state: Any) -> dict[str, Any]:
    events = [{**row, "event": "scored", "detail": {}} for row in scores]
    lists = {"scores": scores, "hand_offs": [], "outcomes": [], "events": events}
    counts = {name: len(rows) for name, rows in lists.items()}
    return {"lead": "L1", "state": STATE | state, "counts": counts, **lists}


def test_times_are_told_in_the_zone_to_the_minute() -> None:
    berlin = clock("Europe/Berlin")
    assert berlin("2026-03-01T23:30:59+00:00") == "2026-03-02 00:30"
    assert berlin("2026-07-01T23:30:00Z") == "2026-07-02 01:30"


def test_only_what_is_known_is_told() -> None:
    assert facts(STATE) == []
    known = STATE | {"owner": "", "amount": 0.0, "attributes": {"account_size": "50-99"}}
    assert facts(known) == [("account size", "text", "50-99"), ("amount", "money", 0.0)]


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ({}, ""),
        ({"reason": "no_budget"}, "reason: no budget"),
        ({"reason": "other", "text": "moved away"}, "reason: other; said: moved away"),
        (
            {"reason": "wrong_person", "right_person": "Jo"},
            "reason: wrong person; right person: Jo",
        ),
        ({"amount": 12_000.0, "margin_amount": 2_500.5}, "amount: 12,000; margin: 2,500.5"),
        ({"explored": True}, "at random, to learn from"),
        ({"explored": False}, ""),
        ({"corrects": "key-1", "void": True}, "corrects: key-1; void"),
    ],
)
def test_what_an_event_tells_in_words(detail: dict[str, Any], words: str) -> None:
    assert told({"detail": detail}) == words
    assert told(detail) == words  # entries of histories hold their details side by side


def test_many_scores_are_folded_and_those_left_out_are_counted() -> None:
    rows = [score(hour, probability=hour / 100) for hour in range(7, 0, -1)]
    told = history(rows)
    told["counts"]["scores"] = 900
    page = lead_page(told, FRAME, zone="UTC")
    assert "<summary>2 earlier scores</summary>" in page
    assert 'The newest <data value="7">7</data> of <data value="900">900</data>.' in page
    few = lead_page(history(rows[:5]), FRAME, zone="UTC")
    assert "<summary>" not in few
    assert "The newest" not in few


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sales_ready": True}, ">yes<"),
        ({"sales_ready": False}, ">no<"),
        ({"sales_ready": False, "explored": True}, ">at random<"),
        ({}, ">–<"),
    ],
)
def test_what_a_score_says_of_the_hand_off(given: dict[str, Any], words: str) -> None:
    page = lead_page(history([score(9, **given)]), FRAME, zone="UTC")
    assert f'data-label="to be handed off"{words}' in page


def test_reasons_say_which_way_they_point() -> None:
    reasons = [
        {"feature": "budget", "direction": "up", "text": "budget: ≥ 10: 41 % closed"},
        {"feature": "<title>", "direction": "down"},
    ]
    page = lead_page(history([score(9, reasons=reasons)]), FRAME, zone="UTC")
    assert '<span class="small">for:</span> budget: ≥ 10: 41 % closed</li>' in page
    assert '<span class="small">against:</span> &lt;title&gt;</li>' in page


def test_a_moment_judged_apart_from_the_answer_is_told() -> None:
    page = lead_page(history([score(9, as_of="2026-02-01T00:00:00Z")]), FRAME, zone="UTC")
    assert "as of 2026-02-01 00:00" in page
    page = lead_page(history([score(9, as_of="2026-03-01T09:00:12Z")]), FRAME, zone="UTC")
    assert "as of" not in page


def test_a_lead_of_which_little_is_known_says_so() -> None:
    page = lead_page(history([], state="followed_up"), FRAME, zone="UTC")
    for words in ("Followed up by sales.", "gave it no score yet", "not handed off to sales"):
        assert words in page


def test_the_form_and_the_lead_that_is_not_there() -> None:
    assert 'aria-invalid="true" aria' not in look_up_page(FRAME)
    page = look_up_page(FRAME, asked='"><b>', found=False)
    assert 'aria-invalid="true" aria-describedby="problem"' in page
    assert "&#34;&gt;&lt;b&gt;" in page
    assert "<b>" not in page
