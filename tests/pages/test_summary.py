import copy
from typing import Any

import pytest

from leadml.pages.summary import evaluation_headline, report_headline


def plain(text: str) -> str:
    return text.replace("\u202f", " ")


def handoff(verdict: str) -> dict[str, Any]:
    return {
        "threshold": 0.3,
        "handed_off": 200,
        "won": 80,
        "close_rate": 0.4,
        "low": 0.3425,
        "high": 0.4602,
        "recall": 0.8,
        "verdict": verdict,
    }


@pytest.mark.parametrize(
    ("verdict", "first", "second"),
    [
        (
            "meets",
            "The model’s hand-offs meet the agreed close rate of 30 %.",
            "Of the 200 leads it would hand off, 80 were won: 40.0 %; with 95 % confidence the "
            "true rate is at least 34.2 %.",
        ),
        (
            "falls_short",
            "The model’s hand-offs fall short of the agreed close rate of 30 %.",
            "Of the 200 leads it would hand off, 80 were won: 40.0 %; with 95 % confidence the "
            "true rate is at most 46.0 %.",
        ),
        (
            "undecided",
            "Not enough evidence yet on whether the model’s hand-offs meet the agreed close rate "
            "of 30 %.",
            "Of the 200 leads it would hand off, 80 were won: 40.0 %; the true rate may be as low "
            "as 34.2 % or as high as 46.0 % (each bound holds with 95 % confidence).",
        ),
    ],
)
def test_the_verdict_comes_first_in_plain_words(
    evaluation: dict[str, Any], verdict: str, first: str, second: str
) -> None:
    values = copy.deepcopy(evaluation)
    values["handoff"]["model"] = handoff(verdict)
    headline = evaluation_headline(values)
    assert plain(headline.text) == first
    assert plain(headline.support[0]) == second


def test_nobody_handed_off(evaluation: dict[str, Any]) -> None:
    values = copy.deepcopy(evaluation)
    values["handoff"]["model"] |= {"handed_off": 0, "close_rate": None, "low": None, "high": None}
    headline = evaluation_headline(values)
    assert headline.text.startswith("The model would hand off none of these leads")
    assert headline.support[0] == values["winner_text"]


def test_a_model_that_tells_no_lead_from_another_says_so(evaluation: dict[str, Any]) -> None:
    assert not any("tell" in sentence for sentence in evaluation_headline(evaluation).support)
    values = copy.deepcopy(evaluation)
    values["scores"]["model"]["auc"] |= {"value": 0.52, "low": 0.46, "high": 0.58}
    assert evaluation_headline(values).support[1] == (
        "These leads do not show that the model tells the won from the others at all (AUC 0.520, "
        "may be 0.460 to 0.580; 0.5 is a coin)."
    )
    values["model"]["chosen"] = "base_rate"
    assert evaluation_headline(values).support[1].startswith("The model gives every lead the same")


def test_when_the_points_win_it_is_said(evaluation_where_points_win: dict[str, Any]) -> None:
    values = evaluation_where_points_win
    assert values["winner"] == "points"
    row = next(r for r in values["fair_comparison"]["measures"] if r["metric"] == "log_loss_equal")
    assert any(
        sentence.startswith(
            "The points win: they predict these leads better than the model does (log loss "
            f"{row['points']['value']:.4f} against {row['model']['value']:.4f}, both calibrated "
            "alike). The model adds nothing to the points that these leads can show."
        )
        for sentence in evaluation_headline(values).support
    )


def test_same_volume_is_said_in_wins(evaluation: dict[str, Any]) -> None:
    values = copy.deepcopy(evaluation)
    values["handoff"]["same_volume"] = {
        "volume": 1200,
        "model": {"won": 85.5},
        "points": {"won": 71.0},
    }
    assert evaluation_headline(values).support[-1] == (
        "Handing off as many leads as the points do (1,200), the model would have found 85.5 wins, "
        "the points 71."
    )


def test_the_reports_verdict_is_the_jsons() -> None:
    said = {"verdict_text": "Hand-offs meet it.", "headline": ["One.", "Two."]}
    headline = report_headline(said)
    assert (headline.text, headline.support) == ("Hand-offs meet it.", ["One.", "Two."])
