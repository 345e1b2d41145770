from collections.abc import Callable
from typing import Any

import pandas as pd

Report = Callable[..., dict[str, Any]]


def lead(name: str, created: str, handed: str | None = None, **more: object) -> dict[str, object]:
    return {"lead": name, "created_at": created, "handed_off_at": handed, "outcome": ""} | more


def won(day: str, margin: float | None = 40) -> dict[str, object]:
    return {"outcome": "won", "closed_at": day, "amount": 100, "margin_amount": margin}


# As of 2026-04-01, horizon 30 days, follow-up within 7. Two days from creation to each hand-off.
LEADS = [
    lead("a", "2026-01-01", "2026-01-03", followed_up_at="2026-01-03T02:00",
         accepted_at="2026-01-03", qualified_at="2026-01-02", **won("2026-01-20")),
    lead("b", "2026-01-01", "2026-01-03", followed_up_at="2026-01-05", accepted_at="2026-01-04",
         qualified_at="2026-01-02", **won("2026-01-25", 10)),  # thin margin
    lead("c", "2026-01-01", "2026-01-03", followed_up_at="2026-01-20", outcome="lost",
         closed_at="2026-01-28"),  # followed up late
    lead("d", "2026-01-01", "2026-01-03", qualified_at="2026-01-02"),  # neglected
    lead("e", "2026-02-26", "2026-02-28", followed_up_at="2026-03-01", **won("2026-03-02")),
    lead("f", "2026-03-28", "2026-03-30"),  # too young for anything
    lead("g", "2026-02-27"),  # never handed off: 30 + 2 days old on 31 March
    lead("h", "2026-03-01", qualified_at="2026-03-02"),  # 31 days old: not yet
]  # fmt: skip
MARGIN = "min_margin = 0.2\n"


def stages(values: dict[str, Any]) -> dict[str, Any]:
    return {row["stage"]: row for row in values["funnel"]["stages"]}


def test_one_cohort_of_leads_that_had_their_time(reported: Report) -> None:
    found = stages(reported(LEADS, MARGIN))
    counts = {name: (row["leads"], row["so_far"]) for name, row in found.items()}
    assert counts == {
        "leads": (6, 8),  # a b c d e, and g of those never handed off
        "qualified": (3, 4),
        "handed_off": (5, 6),
        "accepted": (2, 2),
        "followed_up": (3, 3),  # c came late
        "won": (3, 3),
        "won_with_margin": (2, 2),
    }
    assert found["handed_off"]["share_of_previous"] == 1.0  # all three qualified ones
    assert found["handed_off"]["skipped"] == 2
    assert found["followed_up"]["skipped"] == 1  # e was never accepted
    assert found["won_with_margin"]["share_of_previous"] == 2 / 3
    assert found["won"]["share_of_leads"] == 3 / 6


def test_the_funnels_hand_offs_are_the_reports(reported: Report) -> None:
    values = reported(LEADS, MARGIN)
    found = stages(values)
    assert found["handed_off"]["leads"] == values["matured"] == 5
    assert found["handed_off"]["so_far"] == values["handed_off"] == 6
    assert found["followed_up"]["leads"] == values["followed_up"] == 3
    assert values["funnel"]["followed_up_late"] == 1
    assert values["funnel"]["of"] == (
        "hand-offs at least 30 days ago, and leads never handed off that came in at least 32.0 "
        "days ago (that plus the mean time to a hand-off)"
    )


def test_the_share_handed_off_is_right_where_leads_come_in_steadily(reported: Report) -> None:
    # One lead a day from 1 June on, every other one handed off after 10 days: half of them,
    # with no allowance for the ten days it would be 48 % (72 of 149).
    created = pd.date_range("2025-06-01", periods=200)
    handed = created + pd.Timedelta(days=10)
    days, later = (list(dates.strftime("%Y-%m-%d")) for dates in (created, handed))
    rows = [lead(f"L{n}", days[n], later[n] if n % 2 else None) for n in range(200)]
    found = stages(reported(rows, as_of="2025-12-01"))
    assert found["leads"]["leads"] == 144  # created by 22 October
    assert found["handed_off"]["share_of_leads"] == 0.5


def test_neglect_is_of_those_whose_follow_up_was_due(reported: Report) -> None:
    # f was handed off two days ago: sales has time until the seventh
    values = reported(LEADS)
    expected = {"leads": 1, "of": 5, "share": 0.2, "why_null": None}
    assert values["funnel"]["neglected"] == expected
    later = reported(LEADS, as_of="2026-04-10")
    assert later["funnel"]["neglected"]["leads"] == 2
    assert later["funnel"]["neglected"]["of"] == 6


def test_hours_to_the_first_follow_up(reported: Report) -> None:
    found = reported(LEADS)["funnel"]["time_to_first_follow_up"]
    # Waits: 2 h, 48 h, 24 h, 408 h; f has waited 48 h and d since January.
    assert found["of_followed_up"]["median_hours"] == 36.0
    assert (found["leads"], found["followed_up"]) == (6, 4)
    # 5 of 6 wait after 2 h and 4 after 24 h; of those four one is followed up at 48 h: 1/2
    assert found["median_hours"] == 48.0
    assert found["p90_hours"] is None


def test_close_rates_by_speed(reported: Report) -> None:
    # the same, everything eight hours later: at midnight hand-offs would be dates
    eight = {"handed_off_at": "T08:00", "followed_up_at": "T08:00"}
    timed = [
        row | {k: f"{row[k]}{v}" for k, v in eight.items() if row.get(k) and "T" not in str(row[k])}
        for row in LEADS
    ]
    timed[0]["followed_up_at"] = "2026-01-03T10:00"
    rows = reported(timed, MARGIN)["funnel"]["by_speed"]
    assert [(row["speed"], row["leads"], row["won"]) for row in rows] == [
        ("1 to 24 hours", 2, 2),
        ("1 to 3 days", 1, 0),  # its margin is thin
        ("after 14 days", 1, 0),
        ("never", 1, 0),
    ]
    assert rows[-1]["close_rate"]["value"] is None


def test_dates_have_no_hours(reported: Report) -> None:
    dates = [row | {"followed_up_at": str(row.get("followed_up_at") or "")[:10]} for row in LEADS]
    values = reported(dates)
    assert values["funnel"]["by_speed"][0]["speed"] == "on the day"
    assert any("times are dates" in sentence for sentence in values["uncertain"])


def test_what_is_not_recorded_is_null_and_never_zero(reported: Report) -> None:
    bare = reported(
        [row | {"accepted_at": None} for row in LEADS],
        without=("followed_up_at", "qualified_at", "margin_amount", "amount"),
    )
    found = stages(bare)
    assert {name: row["why_null"] for name, row in found.items() if row["leads"] is None} == {
        "qualified": "[leads].qualified_at is not mapped",
        "accepted": "no lead has a value in accepted_at ([leads].accepted_at)",
        "followed_up": "follow-ups are not recorded, so every hand-off counts as followed up",
        "won_with_margin": "the agreement asks for no margin ([sales_ready].min_margin is 0)",
    }
    assert bare["funnel"]["neglected"]["leads"] is None
    assert bare["funnel"]["time_to_first_follow_up"] is None
    assert bare["funnel"]["by_speed"] == []
    assert bare["funnel"]["follow_up_why_null"].startswith("follow-ups are not recorded")
    assert reported(LEADS)["funnel"]["follow_up_why_null"] is None
    no_margin = stages(reported(LEADS, MARGIN, without=("margin_amount",)))["won_with_margin"]
    assert no_margin["why_null"] == "no margin is mapped, so every win counts as solid"


def test_without_creation_times_the_funnel_begins_at_the_hand_off(reported: Report) -> None:
    found = stages(reported(LEADS, without=("created_at",)))
    assert found["leads"]["why_null"] == "[leads].created_at is not mapped"
    assert found["handed_off"]["leads"] == 5
    assert found["handed_off"]["share_of_leads"] is None


def test_a_follow_up_before_the_hand_off_waited_no_time(reported: Report) -> None:
    rows = [lead("a", "2026-01-01", "2026-01-03T10:00", followed_up_at="2026-01-02T09:00")]
    found = reported(rows)["funnel"]["time_to_first_follow_up"]
    assert found["median_hours"] == 0.0


def test_a_win_without_a_recorded_follow_up_waited_an_unknown_time(reported: Report) -> None:
    rows = [
        lead("a", "2026-01-01", "2026-01-03", **won("2026-01-09")),
        lead("b", "2026-01-01", "2026-01-03", followed_up_at="2026-01-03T06:00"),
    ]
    values = reported(rows)
    assert values["followed_up"] == 2
    found = values["funnel"]["time_to_first_follow_up"]
    assert (found["leads"], found["median_hours"]) == (1, 6.0)
    rows = values["funnel"]["by_speed"]
    assert [(row["speed"], row["leads"], row["won"]) for row in rows] == [
        ("on the day", 1, 0),
        ("not known", 1, 1),
    ]
    assert rows[-1]["close_rate"]["reason"].startswith("that they were won is all that shows")


def test_the_wins_of_all_speeds_are_those_of_the_report(reported: Report) -> None:
    rows = [
        lead("a", "2026-01-01", "2026-01-03", **won("2026-01-09")),
        lead("b", "2026-01-01", "2026-01-03", followed_up_at="2026-01-03T06:00"),
        lead("c", "2026-01-01", "2026-01-03", followed_up_at="2026-01-04", **won("2026-01-09")),
        lead("d", "2026-01-01", "2026-01-03", followed_up_at="2026-01-25", **won("2026-01-29")),
        lead("e", "2026-01-01", "2026-01-03"),
        lead("f", "2026-03-20", "2026-03-21", **won("2026-03-22")),  # maturing
    ]
    values = reported(rows)
    told = values["funnel"]["by_speed"]
    assert sum(row["leads"] for row in told) == values["matured"] == 5
    assert sum(row["won"] for row in told) == 3
    assert values["won"] + values["won_after_late_follow_up"] == 3
