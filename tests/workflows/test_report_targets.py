from collections.abc import Callable
from typing import Any

import pytest

Report = Callable[..., dict[str, Any]]

TARGETS = "[targets]\nhandoffs = 2\nwins = 1\nmargin = 100\n"


def lead(
    name: str, handed: str, closed: str = "", margin: float | None = None
) -> dict[str, object]:
    won = {"outcome": "won", "closed_at": closed, "amount": 100, "margin_amount": margin}
    return {"lead": name, "handed_off_at": handed, "outcome": ""} | (won if closed else {})


ROWS = [
    lead("a", "2026-02-03", "2026-03-10", 70),
    lead("b", "2026-02-05", "2026-03-12", 40),  # won after its horizon: a win all the same
    lead("c", "2026-03-09"),
    lead("d", "2026-03-10", "2026-03-11"),  # its margin is not known
    lead("e", "2026-03-30") | {"explored": 1, "handoff_probability": 0.1},
]


def told(values: dict[str, Any]) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {
        (row["month"], row["name"]): (row["actual"], row["on_track"]) for row in values["targets"]
    }


def test_months_by_hand(reported: Report) -> None:
    assert told(reported(ROWS, TARGETS)) == {
        ("2026-02", "handoffs"): (2.0, True),
        ("2026-02", "wins"): (0.0, False),
        ("2026-02", "margin"): (0.0, False),
        ("2026-03", "handoffs"): (3.0, True),  # the explored one too
        ("2026-03", "wins"): (3.0, True),
        ("2026-03", "margin"): (110.0, True),
    }


def test_the_present_month_is_judged_pro_rata(reported: Report) -> None:
    # Half of March has passed at noon on the 16th in UTC: one hand-off of two is due.
    values = reported(ROWS, TARGETS, as_of="2026-03-16T12:00")
    row = next(
        row for row in values["targets"] if row["name"] == "handoffs" and row["month"] == "2026-03"
    )
    assert (row["elapsed"], row["due"], row["actual"]) == (0.5, 1.0, 2.0)
    assert row["on_track"] is True
    assert row["share"] == 1.0


def test_only_what_is_set_is_told(reported: Report) -> None:
    assert reported(ROWS)["targets"] == []
    assert {row["name"] for row in reported(ROWS, "[targets]\nwins = 1")["targets"]} == {"wins"}


def test_money_that_is_not_recorded_is_null(reported: Report) -> None:
    rows = reported(ROWS, TARGETS, without=("margin_amount",))["targets"]
    (margin,) = [row for row in rows if row["name"] == "margin" and row["month"] == "2026-03"]
    assert (margin["actual"], margin["on_track"]) == (None, None)
    assert margin["why_null"] == "no margin and amount, or margin_amount, is mapped"


def test_a_thin_margin_is_no_win(reported: Report) -> None:
    values = reported(ROWS, "min_margin = 0.5\n" + TARGETS)
    assert told(values)["2026-03", "wins"] == (1.0, True)


@pytest.mark.parametrize(
    ("since", "months"), [("2026-03-01", ["2026-03"]), ("2026-02-04", ["2026-02", "2026-03"])]
)
def test_a_window_shows_its_months(reported: Report, since: str, months: list[str]) -> None:
    values = reported(ROWS, TARGETS, since=since)
    assert sorted({row["month"] for row in values["targets"]}) == months
    # and all that came in them
    assert told(values)["2026-03", "wins"][0] == 3.0


def test_a_month_ends_before_the_first_instant_of_the_next(reported: Report) -> None:
    rows = [*ROWS, lead("f", "2026-03-01"), lead("g", "2026-02-28")]
    months = told(reported(rows, TARGETS, until="2026-03-01"))
    assert months["2026-02", "handoffs"] == (3.0, True)
    assert told(reported(rows, TARGETS))["2026-03", "handoffs"] == (4.0, True)


def test_wins_whose_margin_nobody_knows_are_told(reported: Report) -> None:
    values = reported(ROWS, TARGETS)
    sentence = "1 win without a recorded margin: nothing of it counts towards the monthly margin."
    assert sentence in values["uncertain"]
    assert sentence not in reported(ROWS, "[targets]\nwins = 1")["uncertain"]


def test_the_newest_two_years_are_shown(reported: Report) -> None:
    values = reported([lead("old", "2020-01-05"), *ROWS], "[targets]\nhandoffs = 2")
    months = [row["month"] for row in values["targets"]]
    assert len(months) == 24
    assert (months[0], months[-1]) == ("2024-04", "2026-03")


def test_a_window_ends_with_the_month_before_its_end(reported: Report) -> None:
    values = reported(ROWS, TARGETS, until="2026-03-01")
    assert {row["month"] for row in values["targets"]} == {"2026-02"}
    later = reported(ROWS, TARGETS, until="2026-09-01")
    assert {row["month"] for row in later["targets"]} == {"2026-02", "2026-03"}


def test_wins_that_sales_was_never_handed_do_not_count(reported: Report) -> None:
    alone = lead("alone", "", "2026-03-15", 40) | {"created_at": "2026-03-01"}
    before = lead("closed before", "2026-03-20", "2026-03-02", 40)
    values = reported([*ROWS, alone, before], TARGETS)
    assert told(values)["2026-03", "wins"] == (3.0, True)
    assert told(values)["2026-03", "handoffs"] == (3.0, True)
