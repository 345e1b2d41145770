import json
from collections.abc import Callable
from typing import Any

Report = Callable[..., dict[str, Any]]

KEYS = [
    "target", "confidence", "verdict", "handed_off", "matured", "followed_up", "won",
    "won_after_late_follow_up", "follow_up_share", "close_rate", "by", "explored", "agreement",
    "as_of", "closed_in_bulk", "follow_up_recorded", "margin_checked", "excluded_rows", "notes",
    "leadml",
    "verdict_text", "window", "from", "sequence", "headline", "funnel", "over_time", "slices_told",
    "before_agreement", "agreement_text", "equal_volume", "reliability", "reliability_why_null",
    "rejections", "baselines", "recommendation", "recommendation_why_null", "targets", "method",
    "uncertain", "data",
]  # fmt: skip
ROWS = [
    {"lead": "a", "created_at": "2026-01-01", "handed_off_at": "2026-01-10", "outcome": "won",
     "closed_at": "2026-01-20"},
    {"lead": "b", "created_at": "2026-01-05", "handed_off_at": "2026-01-15", "outcome": "lost",
     "followed_up_at": "2026-01-16", "closed_at": "2026-01-30"},
    {"lead": "c", "created_at": "2026-01-05", "outcome": ""},
]  # fmt: skip


def test_every_key_is_there_and_is_json(reported: Report) -> None:
    for how in ({}, {"since": "2026-01-01"}, {"as_of": "2025-01-01"}):
        values = reported(ROWS, **how)
        assert sorted(values) == sorted(KEYS)
        json.dumps(values, allow_nan=False)


def test_data_and_origin(reported: Report) -> None:
    values = reported(ROWS)
    assert values["from"] == "export"
    assert values["data"] == {
        "from": "2026-01-10T00:00:00.000000Z",
        "to": "2026-01-15T00:00:00.000000Z",
        "leads": 3,
        "source": "the data frame",
    }
    assert reported(ROWS, as_of="2025-01-01")["data"]["from"] is None


def test_our_own_number_stands_beside_each_of_the_trades(reported: Report) -> None:
    rows = {row["share"]: row["ours"] for row in reported(ROWS)["baselines"]}
    # one of two hand-offs won, one of three leads; nobody's qualification is recorded
    assert rows == {0.135: 0.5, 0.15: 1 / 3, 0.20: None}


def test_the_verdict_is_that_of_the_sequence(reported: Report) -> None:
    values = reported(ROWS)
    assert values["verdict"] == values["sequence"]["verdict"]
    assert values["over_time"]["path"] == values["sequence"]["path"]
    assert values["sequence"]["won"] == values["won"] == 1
    assert values["verdict_text"].startswith("Not enough evidence yet")
    assert values["agreement_text"][-1].split()[3].strip(":") == values["agreement"]["hash"]


def test_nothing_handed_off_is_a_report_too(reported: Report) -> None:
    values = reported(ROWS[2:])
    assert (values["handed_off"], values["verdict"]) == (0, "undecided")
    assert values["headline"][0].startswith("No handed-off lead has matured")
    assert values["funnel"]["time_to_first_follow_up"] is None
    assert values["funnel"]["follow_up_why_null"] == "nothing was handed off"
    assert values["rejections"]["of"] == 0
