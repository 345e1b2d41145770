import copy
from typing import Any

import pytest

from leadml.domain.agreement import Agreement
from leadml.pages.summary import evaluation_headline, report_headline


@pytest.fixture
def report_values() -> dict[str, Any]:
    """Return what a report said before it had a verdict in words."""
    rate = {"value": 0.36, "low": 0.3, "high": 0.42}
    return {
        "target": 0.3,
        "confidence": 0.95,
        "verdict": "meets",
        "matured": 500,
        "followed_up": 430,
        "won": 155,
        "won_after_late_follow_up": 0,
        "follow_up_share": 0.86,
        "close_rate": {"followed_up": rate, "handed_off": rate},
        "follow_up_recorded": True,
        "agreement": Agreement().to_dict(),
    }


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


@pytest.mark.parametrize(
    ("verdict", "first"),
    [
        ("meets", "Hand-offs meet the agreed close rate of 30 %."),
        ("falls_short", "Hand-offs fall short of the agreed close rate of 30 %."),
        (
            "undecided",
            "Not enough evidence yet on whether hand-offs meet the agreed close rate of 30 %.",
        ),
        (
            "not_judgeable",
            "The agreement cannot be judged: sales followed up too few of the leads it was handed.",
        ),
    ],
)
def test_the_reports_verdict(report_values: dict[str, Any], verdict: str, first: str) -> None:
    assert plain(report_headline(report_values | {"verdict": verdict}).text) == first


def values_of(report_values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    rate = {"value": 0.4, "low": 0.3012, "high": 0.5055}
    return report_values | {
        "matured": 100,
        "followed_up": 60,
        "won": 24,
        "won_after_late_follow_up": 16,
        "follow_up_share": 0.6,
        "close_rate": {"followed_up": rate, "handed_off": rate},
        **changes,
    }


def test_the_report_counts_what_the_agreement_counts(report_values: dict[str, Any]) -> None:
    worked = report_headline(values_of(report_values)).support
    assert plain(worked[0]) == (
        "Of 60 leads followed up as agreed, 24 were won: 40.0 %. The true rate is at least 30.1 % "
        "and at most 50.5 %, each with 95 % confidence."
    )
    agreement = report_values["agreement"] | {"counts": "handed_off"}
    everyone = report_headline(values_of(report_values, agreement=agreement)).support
    # 24 wins of those worked in time and 16 of the others, over all 100
    assert plain(everyone[0]).startswith(
        "Of 100 leads handed off and matured, 40 were won: 40.0 %."
    )


def test_neglect_is_named_with_what_was_agreed(report_values: dict[str, Any]) -> None:
    support = report_headline(values_of(report_values, verdict="not_judgeable")).support
    assert plain(support[-1]) == (
        "Sales worked 60.0 % of the matured hand-offs in time; the agreement asks for 80 % before "
        "it judges the leads."
    )


def test_unrecorded_follow_up_is_said(report_values: dict[str, Any]) -> None:
    support = report_headline(values_of(report_values, follow_up_recorded=False)).support
    assert support[-1] == "Follow-ups are not recorded, so every hand-off counts as followed up."


def test_nothing_matured_and_nothing_worked(report_values: dict[str, Any]) -> None:
    absent = {"value": None, "low": None, "high": None, "reason": "nobody"}
    nothing = values_of(report_values, matured=0, follow_up_share=None)
    assert report_headline(nothing).support == [
        "No handed-off lead has matured: its horizon must have passed since the hand-off."
    ]
    rates = {"followed_up": absent, "handed_off": absent}
    idle = values_of(report_values, follow_up_share=0.0, close_rate=rates)
    assert report_headline(idle).support[0] == "None of the 100 matured hand-offs was followed up."


def test_a_verdict_in_words_is_taken_as_it_is(report_values: dict[str, Any]) -> None:
    said = {"verdict_text": "Hand-offs meet it.", "headline": ["One.", "Two."]}
    headline = report_headline(report_values | said)
    assert (headline.text, headline.support) == ("Hand-offs meet it.", ["One.", "Two."])
