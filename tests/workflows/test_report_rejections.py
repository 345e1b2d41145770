from collections.abc import Callable
from typing import Any

Report = Callable[..., dict[str, Any]]


def handed(name: str, **more: object) -> dict[str, object]:
    return {"lead": name, "handed_off_at": "2026-01-10", "outcome": "", "source": "web"} | more


ROWS = [
    handed("a", rejected_at="2026-01-11", rejection_reason="wrong_person", right_person="Ms Right"),
    handed("b", rejected_at="2026-01-11", rejection_reason="no_need", source="fair"),
    handed("c", rejected_at="2026-01-11"),
    handed("d", rejection_reason="no_need"),  # a reason without a time
    handed("e", rejected_at="2026-01-11", accepted_at="2026-01-12"),  # taken after all
    handed("f", rejected_at="2026-05-11"),  # not yet, on 1 April
    handed("g"),
    {"lead": "h", "created_at": "2026-01-10", "rejected_at": "2026-01-11"},  # never handed off
]


def test_counts_by_hand(reported: Report) -> None:
    found = reported(ROWS)["rejections"]
    assert (found["rejected"], found["of"], found["why_null"]) == (4, 7, None)
    assert {row["reason"]: row["leads"] for row in found["reasons"]} == {
        "no_need": 2,
        "wrong_person": 1,
        None: 1,
    }
    assert {row["source"]: (row["rejected"], row["of"]) for row in found["by_source"]} == {
        "web": (3, 6),
        "fair": (1, 1),
    }
    assert found["right_people"] == 1


def test_a_rejected_lead_that_was_won_is_told(reported: Report) -> None:
    won = {"outcome": "won", "closed_at": "2026-02-01"}
    found = reported([ROWS[0] | won, ROWS[6]])["rejections"]
    assert found["won_later"] == 1


def test_where_nothing_is_recorded_nothing_is_zero(reported: Report) -> None:
    bare = reported([handed("a"), handed("b")], without=("rejection_reason",))["rejections"]
    assert (bare["rejected"], bare["of"], bare["share"]) == (None, 2, None)
    assert bare["why_null"] == (
        "no lead has a value in rejected_at ([leads].rejected_at); [leads].rejection_reason is not "
        "mapped"
    )
    assert bare["to_marketing"] == []


def test_an_exports_words_are_those_of_the_list_where_they_mean_the_same(reported: Report) -> None:
    words = ["Kein Budget", "no budget", "No_Budget", "Timing"]
    rows = [
        handed(f"x{n}", rejected_at="2026-01-11", rejection_reason=w) for n, w in enumerate(words)
    ]
    found = reported(rows)["rejections"]["reasons"]
    assert [(row["reason"], row["leads"]) for row in found] == [("no_budget", 3), ("Timing", 1)]
