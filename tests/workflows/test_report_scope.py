from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from leadml.data.values import NO_TIME
from leadml.errors import ConfigError
from leadml.workflows.report_scope import Window, window_of

Report = Callable[..., dict[str, Any]]
DAY = 86_400_000_000


def handed(name: str, day: str, **more: object) -> dict[str, object]:
    lost = {"outcome": "lost", "followed_up_at": day, "closed_at": "2026-02-20"}
    return {"lead": name, "created_at": "2025-12-01", "handed_off_at": day} | lost | more


ROWS = [
    handed("december", "2025-12-31T23:30"),
    handed("january", "2026-01-15", outcome="won", closed_at="2026-02-01"),
    handed("february", "2026-02-01", explored=1, handoff_probability=0.1),
    handed("march", "2026-02-10"),
]


def test_a_window_holds_its_start_and_not_its_end() -> None:
    moments = np.array([NO_TIME, 9, 10, 19, 20])
    assert Window(10, 20).holds(moments).tolist() == [False, False, True, True, False]
    assert Window(None, 20).holds(moments).tolist() == [False, True, True, True, False]
    assert Window(10, None).holds(moments).tolist() == [False, False, True, True, True]


def test_dates_are_midnights_in_the_zone() -> None:
    window = window_of("2026-01-01", "2026-07-01", "Europe/Berlin")
    assert window is not None
    assert window.to_dict() == {
        "since": "2025-12-31T23:00:00.000000Z",
        "until": "2026-06-30T22:00:00.000000Z",
    }
    assert window_of(None, None, "UTC") is None


@pytest.mark.parametrize(
    ("since", "until", "match"),
    [
        ("yesterday", None, r"^--since: .*write it like 2026-01-31"),
        (None, "31.01.2026", r"^--until: "),
        ("2026-02-01", "2026-02-01", r"--since 2026-02-01 does not lie before --until 2026-02-01"),
    ],
)
def test_windows_that_are_none(since: str | None, until: str | None, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        window_of(since, until, "UTC")


def test_a_window_counts_hand_offs_and_judges_none(reported: Report) -> None:
    values = reported(ROWS, since="2026-01-01", until="2026-02-10")
    assert (values["handed_off"], values["explored"]["handed_off"]) == (1, 1)
    assert values["verdict"] is None
    assert values["sequence"] is None
    assert values["over_time"]["path"] == []
    assert values["verdict_text"].startswith("No verdict: hand-offs from 2026-01-01 to 2026-02-10")
    excluded = {row["code"]: row["count"] for row in values["excluded_rows"]}
    assert excluded == {"ROW015": 1, "ROW016": 2}
    assert [row["month"] for row in values["by"]["month"]] == ["2026-01"]


def test_windows_that_meet_share_no_lead(reported: Report) -> None:
    first = reported(ROWS, until="2026-01-15")
    second = reported(ROWS, since="2026-01-15")
    assert (first["handed_off"], second["handed_off"]) == (1, 2)


def test_what_came_before_the_agreement_stands_apart(reported: Report) -> None:
    values = reported(ROWS, "effective_from = 2026-02-01")
    assert (values["handed_off"], values["matured"]) == (1, 1)
    assert values["before_agreement"]["handed_off"] == 2
    assert values["before_agreement"]["won"] == 1
    assert values["sequence"]["from"] == "2026-02-01T00:00:00.000000Z"
    assert values["headline"][-1] == (
        "2 leads were handed off before the agreement took effect and count in no verdict."
    )


def test_a_window_reaches_back_before_the_agreement_and_says_so(reported: Report) -> None:
    values = reported(ROWS, "effective_from = 2026-02-01", since="2026-01-01")
    assert values["handed_off"] == 2
    assert values["before_agreement"] is None
    told = "1 lead handed off before the agreement took effect: described by it all the same."
    assert told in values["uncertain"]


def test_explored_leads_stand_apart(reported: Report) -> None:
    values = reported(ROWS)
    assert values["handed_off"] == 3
    assert values["explored"]["handed_off"] == 1
    assert values["sequence"]["handed_off"] == 3


def test_days_of_grace_keep_a_lead_from_counting(reported: Report) -> None:
    # Of 10 February the horizon ends on 12 March, three weeks of grace on 2 April.
    assert reported(ROWS)["matured"] == 3
    values = reported(ROWS, "grace_days = 21")
    assert values["matured"] == values["sequence"]["matured"] == 2


def test_months_and_windows_are_those_of_the_zone(reported: Report) -> None:
    berlin = 'timezone = "Europe/Berlin"'
    utc = [ROWS[0] | {"handed_off_at": "2025-12-31T23:30Z"}]
    values = reported(utc, leads=berlin, since="2026-01-01")
    assert [row["month"] for row in values["by"]["month"]] == ["2026-01"]
    assert reported(utc, since="2026-01-01")["handed_off"] == 0
