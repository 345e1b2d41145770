"""A whole export scored with the points table alone."""

import csv
import json
from pathlib import Path

import pytest

from leadml.errors import ConfigError, DataError
from leadml.workflows.points import score_points

CONFIG = """
[leads]
id = "lead_id"
handed_off_at = "handed_off_at"
{more}
[points]
threshold = 50
{rules}
[points.caps]
page = 25
[points.buckets]
A = 50
B = 20
"""
RULES = """
[[points.rules]]
name = "budget"
points = 30
column = "budget"
at_least = 1000
[[points.rules]]
name = "prices"
group = "page"
points = 15
activity = "page_view"
detail = "/pricing*"
within_days = 30
per = "each"
"""
LEADS = """lead_id,budget,handed_off_at,score
a,"5,000",,80
b,10,2026-03-01T12:00:00Z,
,3,,50
c,,,49.5
"""
ACTIVITIES = """lead_id,timestamp,event,url
a,2026-03-01,page_view,https://example.com/pricing
a,2026-03-02,Page_View,/pricing/team
a,2026-01-02,page_view,/pricing
b,2026-03-01T11:59:59Z,page_view,/pricing
b,2026-03-01T12:00:00Z,page_view,/pricing
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "leads.csv").write_text(LEADS)
    (tmp_path / "activities.csv").write_text(ACTIVITIES)
    configure(tmp_path)
    return tmp_path


def configure(folder: Path, *, rules: str = RULES, more: str = "") -> None:
    (folder / "leadml.toml").write_text(CONFIG.format(rules=rules, more=more))


def run(
    folder: Path, *, with_activities: bool = True, **options: object
) -> tuple[dict, list[dict]]:
    output = folder / "points.csv"
    result = score_points(
        folder / "leads.csv",
        output=output,
        activities=folder / "activities.csv" if with_activities else None,
        config=folder / "leadml.toml",
        **options,  # type: ignore[arg-type]
    ).to_dict()
    with output.open(newline="") as file:
        return result, list(csv.DictReader(file))


def test_every_row_in_order_with_the_rules_that_made_it(folder: Path) -> None:
    # a: 30 + 2 * 15 over the page cap of 25 -> 55; the view of January is older than 30 days.
    # b: two views, 30, of which the cap leaves 25.
    # c: no budget, no activity.
    result, rows = run(folder, as_of="2026-03-03")
    assert list(rows[0]) == [
        "lead_id",
        "points",
        "points_ready",
        "bucket",
        "grade",
        "rules",
        "error",
    ]
    assert [row["lead_id"] for row in rows] == ["a", "b", "", "c"]
    assert [row["points"] for row in rows] == ["55.0", "25.0", "", "0.0"]
    assert [row["points_ready"] for row in rows] == ["true", "false", "", "false"]
    assert [row["bucket"] for row in rows] == ["A", "B", "", ""]
    # fit 30/30, page 25 of 15 attainable at once; b: 0 and 15/15
    assert [row["grade"] for row in rows] == ["A1", "D1", "", "D4"]
    assert json.loads(rows[0]["rules"]) == [
        {"rule": "budget", "group": "fit", "points": 30.0},
        {"rule": "prices", "group": "page", "points": 30.0},
        {"rule": "cap: page", "group": "page", "points": -5.0},
    ]
    assert rows[2]["error"] == "lead_id: no lead id"
    assert result | {"findings": []} == {
        "output": str(folder / "points.csv"),
        "leads": 4,
        "ready": 1,
        "failed": 1,
        "threshold": 50.0,
        "buckets": {"A": 1, "B": 1},
        "grades": {"A1": 1, "D1": 1, "D4": 1},
        "findings": [],
    }


def test_without_a_moment_given_leads_are_judged_at_their_hand_off(folder: Path) -> None:
    # b's view one second before its hand-off counts, the one at it does not; a and c are judged
    # now, when all views are older than 30 days.
    _, rows = run(folder)
    assert [row["points"] for row in rows] == ["30.0", "15.0", "", "0.0"]
    # A hand-off yet to come is not known: b is judged now too.
    leads = (folder / "leads.csv").read_text()
    (folder / "leads.csv").write_text(leads.replace("2026-03-01T12", "9026-03-01T12"))
    _, rows = run(folder)
    assert [row["points"] for row in rows] == ["30.0", "0.0", "", "0.0"]


def test_without_activities_their_rules_give_nothing_and_that_is_said(folder: Path) -> None:
    result, rows = run(folder, with_activities=False)
    assert [row["points"] for row in rows] == ["30.0", "0.0", "", "0.0"]
    said = [finding for finding in result["findings"] if finding["code"] == "POINT001"]
    assert [(finding["count"], finding["examples"]) for finding in said] == [(1, ["prices"])]


def test_points_of_the_crm_are_used_as_they_are(folder: Path) -> None:
    configure(folder, more='points = "score"')
    result, rows = run(folder, with_activities=False)
    assert [row["points"] for row in rows] == ["80.0", "", "", "49.5"]
    assert [row["points_ready"] for row in rows] == ["true", "", "", "false"]
    assert [row["bucket"] for row in rows] == ["A", "", "", "B"]
    assert {row["grade"] + row["rules"] for row in rows} == {""}
    assert (result["ready"], result["buckets"], result["grades"]) == (1, {"A": 1, "B": 1}, {})
    assert not [finding for finding in result["findings"] if finding["code"] == "POINT001"]


def test_a_score_the_crm_does_not_hold_is_refused(folder: Path) -> None:
    configure(folder, more='points = "scoore"')
    with pytest.raises(DataError, match=r"leads.csv has no column 'scoore' \(\[leads\].points\)"):
        run(folder)


def test_there_is_no_error_column_without_an_error(folder: Path) -> None:
    (folder / "leads.csv").write_text("lead_id,budget\na,5\n")
    _, rows = run(folder)
    assert "error" not in rows[0]


def test_an_unknown_column_stops_before_anything_is_written(folder: Path) -> None:
    configure(folder, rules=RULES.replace('"budget"\nat', '"budgett"\nat'))
    with pytest.raises(ConfigError, match=r"reads column 'budgett'.*did you mean 'budget'\?"):
        run(folder)
    assert not (folder / "points.csv").exists()


def test_no_points_at_all_is_refused(folder: Path) -> None:
    configure(folder, rules="")
    with pytest.raises(ConfigError, match=r"no points yet: write \[\[points.rules\]\]"):
        run(folder)


def test_a_moment_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="--as-of: expected an ISO 8601 time, found 'soon'"):
        run(folder, as_of="soon")


def test_a_place_that_cannot_be_written_is_refused_and_left_clean(folder: Path) -> None:
    (folder / "out").mkdir()
    with pytest.raises(DataError, match=r"out cannot be written: .*choose another place"):
        score_points(folder / "leads.csv", output=folder / "out", config=folder / "leadml.toml")
    assert not list(folder.glob(".*.part"))
