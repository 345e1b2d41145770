"""Points against model: what was measured where, and what was not."""

from typing import Any

import pytest

from leadml.pages.comparison_page import Compared, comparison_page, measures
from leadml.pages.site import Frame

FRAME = Frame("/comparison")
NOTHING = Compared(version=None, evaluation=None, equal_volume=None, out_of_time=None)
VOLUME = {
    "volume": 40,
    "leads": 120,
    "model": {"won": 15, "close_rate": {"value": 0.375, "low": 0.25, "high": 0.5}},
    "points": {"won": 12, "close_rate": {"value": 0.3, "low": 0.18, "high": 0.44}},
    "difference": {"value": 0.075, "low": -0.1, "high": 0.2},
    "why_null": None,
}


def test_where_nothing_was_measured_the_way_to_it_is_told() -> None:
    page = comparison_page(NOTHING, FRAME)
    for words in (
        "were not compared on labelled leads yet",
        "<code>leadml evaluate NEWER.csv</code>",
        '<a href="/report">report</a>',
        "No version serves.",
    ):
        assert words in page


def test_the_evaluation_is_told_with_intervals_and_its_winner(evaluation: dict[str, Any]) -> None:
    known = Compared(
        version="3",
        evaluation=evaluation,
        equal_volume=None,
        out_of_time={"log_loss": 0.5, "auc": 0.7},
    )
    page = comparison_page(known, FRAME)
    assert evaluation["model"]["version"] == "3"
    assert "This was measured with version" not in page
    for row in evaluation["comparison"]:
        for number in (row["model"], row["points"], row["difference"], row["low"], row["high"]):
            assert f'<data value="{number}">' in page
    assert 'log loss <data value="0.5">0.5000</data>' in page
    assert 'href="/comparison/evaluation"' in page


@pytest.mark.parametrize(
    ("winner", "words"),
    [
        ("model", "The model tells good leads better than the points."),
        ("points", "The points tell good leads better than the model."),
        ("both", "Model and points together tell good leads best."),
        ("none", "Neither points nor model is shown to be better."),
        (None, "What the evaluation says."),
    ],
)
def test_the_winner_is_the_headline(
    evaluation: dict[str, Any], winner: str | None, words: str
) -> None:
    told = evaluation | {"winner": winner, "winner_text": "What the evaluation says."}
    page = comparison_page(Compared("3", told, None, None), FRAME)
    assert f"<h1>{words}</h1>" in page
    assert page.count("What the evaluation says.") == 1


def test_another_version_than_the_one_measured_is_said(evaluation: dict[str, Any]) -> None:
    page = comparison_page(Compared("4", evaluation, None, None), FRAME)
    assert "This was measured with version 3; version 4 serves." in page
    page = comparison_page(Compared(None, evaluation, None, None), FRAME)
    assert "This was measured with version 3; no version serves." in page


def test_measures_without_points_are_left_out(evaluation: dict[str, Any]) -> None:
    row = evaluation["comparison"][0] | {"difference": None}
    assert measures(evaluation | {"comparison": [row]}) == []
    page = comparison_page(Compared("3", evaluation | {"comparison": [row]}, None, None), FRAME)
    assert "These leads had no points to compare with." in page


def test_equal_volume_of_the_report() -> None:
    page = comparison_page(Compared("3", None, VOLUME, None), FRAME)
    for number, words in (
        ("15", "15"),
        ("12", "12"),
        ("0.375", "37.5\u202f%"),
        ("0.3", "30.0\u202f%"),
    ):
        assert f'<data value="{number}">{words}</data>' in page
    page = comparison_page(Compared("3", None, VOLUME | {"why_null": "no points"}, None), FRAME)
    assert "Not known: no points." in page
