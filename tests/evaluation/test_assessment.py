from typing import Any

import numpy as np
import pytest

from leadml.evaluation.answers import ModelAnswers, PointsAnswers, Promise
from leadml.evaluation.assessment import assess

WON = np.array([True, False, True, False, False, True] * 5)
SAID = np.array([0.9, 0.1, 0.8, 0.3, 0.2, 0.4] * 5)
GIVEN = np.array([90.0, 20, 30, 30, 10, 80] * 5)


def model(**changes: Any) -> ModelAnswers:
    answers = {
        "probability": SAID,
        "sales_ready": SAID >= 0.35,
        "band": np.where(SAID >= 0.35, "A", "D").astype(object),
        "threshold": 0.35,
    }
    return ModelAnswers(**(answers | changes))


def points(given: np.ndarray = GIVEN, **changes: Any) -> PointsAnswers:
    with np.errstate(invalid="ignore"):
        answers = {"points": given, "ready": given >= 50, "threshold": 50.0}
    return PointsAnswers(**(answers | changes))


def test_leads_without_points_rank_below_all_others() -> None:
    given = GIVEN.copy()
    given[0] = np.nan  # a won lead
    answers = points(given)
    assert (answers.ranking[0] < np.delete(answers.ranking, 0)).all()
    assert answers.known.tolist() == [False] + [True] * 29
    found = assess(WON, model(), answers, Promise(0.3, 0.95))
    # 9 leads reach 50 points, all won; the one without points is not among them
    assert found["handoff"]["same_volume"]["points"]["won"] == 9
    assert found["by_points"][-1] == {
        "bucket": "no points",
        "leads": 1,
        "won": 1,
        "close_rate": found["by_points"][-1]["close_rate"],
    }


def test_points_become_probabilities_by_their_line() -> None:
    scored = points(calibration=(-3.0, 0.05)).scored()
    # 20 points: log-odds -3 + .05 * 20 = -2, probability 1 / (1 + e^2) = .1192
    assert scored.probability[1] == pytest.approx(1 / (1 + np.exp(2.0)))


def test_points_far_off_the_line_stay_probabilities() -> None:
    scored = points(GIVEN * 1e6, calibration=(0.0, 1.0)).scored()
    assert (scored.probability < 1).all()
    assert (scored.probability > 0).all()


def test_points_nobody_has_are_no_points() -> None:
    found = assess(WON, model(), points(np.full(30, np.nan)), Promise(0.3, 0.95))
    assert found["scores"]["points"]["auc"]["reason"] == "no lead has points"
    assert found["comparison"] == []
    assert found["compared_leads"] == 0
    assert found["reliability"]["points"] is None


def test_without_buckets_points_fall_into_ranges() -> None:
    found = assess(WON, model(), points(), Promise(0.3, 0.95))
    assert [row["bucket"] for row in found["by_points"]] == ["80 to 90", "30", "20", "10"]
    assert [row["won"] for row in found["by_points"]] == [10, 5, 0, 0]


def test_agreed_buckets_come_in_their_order_with_the_rest_below() -> None:
    bucket = np.where(GIVEN >= 80, "hot", None)
    answers = points(bucket=bucket, buckets=("hot", "warm"))
    rows = assess(WON, model(), answers, Promise(0.3, 0.95))["by_points"]
    assert [(row["bucket"], row["leads"]) for row in rows] == [
        ("hot", 10),
        ("warm", 0),
        ("below all", 20),
    ]


def test_the_verdict_is_that_of_the_models_group() -> None:
    everyone = np.ones(30, bool)
    assert assess(WON, model(), None, Promise(0.3, 0.95))["verdict"] == "meets"
    undecided = assess(WON, model(sales_ready=everyone), None, Promise(0.5, 0.95))
    assert undecided["handoff"]["model"]["close_rate"] == 0.5
    assert undecided["verdict"] == "undecided"


def test_better_is_named_by_contestant() -> None:
    backwards = assess(WON, model(probability=1 - SAID), points(), Promise(0.3, 0.95))
    assert backwards["comparison"][0]["better"] == "points"
    forwards = assess(WON, model(), points(-GIVEN), Promise(0.3, 0.95))
    assert forwards["comparison"][0]["better"] == "model"
