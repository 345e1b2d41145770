"""Payloads as the workflows make them, from simulated arrays."""

from typing import Any

import numpy as np
import pytest

from leadml.domain.agreement import Agreement
from leadml.evaluation.answers import ModelAnswers, PointsAnswers, Promise, Together
from leadml.evaluation.assessment import assess
from leadml.evaluation.fair import Circumstances
from leadml.evaluation.people import people_of


def _evaluation(agreement: Agreement, *, points: bool = True, skill: float = 1.0) -> dict[str, Any]:
    random = np.random.default_rng(11)
    logits = random.normal(-1.0, 1.1, 500)
    won = random.random(500) < 1 / (1 + np.exp(-logits))
    said = 1 / (1 + np.exp(-(skill * logits - (1 - skill))))
    given = np.round(60 + 20 * (logits + random.normal(0, 1.2, 500)))
    model = ModelAnswers(
        probability=said,
        sales_ready=said >= 0.28,
        band=np.array(["D", "C", "B", "A"], object)[np.searchsorted([0.08, 0.15, 0.3], said)],
        threshold=0.28,
    )
    rules = PointsAnswers(
        points=given,
        ready=given >= 60,
        threshold=60,
        bucket=np.where(given >= 80, "A", np.where(given >= 60, "B", None)),
        buckets=("A", "B"),
        calibration=(-3.5, 0.04),
    )
    assessed = assess(
        won,
        model,
        rules if points else None,
        Promise(agreement.close_rate, agreement.confidence),
        circumstances=Circumstances(
            together=Together(-3.5, 0.0, 0.04) if skill < 0 else None,
            margin=np.where(random.random(500) < 0.9, random.gamma(2.0, 4000.0, 500), np.nan),
            cost=150.0,
            slices={
                "source": random.choice(np.array(["<b>fair</b>", "web", None], object), 500),
                "owner": np.array([f"rep {n % 40}" for n in range(500)], object),
            },
        ),
    )
    return {
        "leads": 500,
        "won": int(won.sum()),
        "close_rate": float(won.mean()),
        "agreement": agreement.to_dict() | {"hash": agreement.hash()},
        "agreement_changed": False,
        "model": {
            "version": "3",
            "basis": "estimated",
            "chosen": "additive",
            "data_window": {},
            "cannot_tell": [
                {"topic": "causes", "text": "Reasons say which, not why", "remedy": "an experiment"}
            ],
        },
        **assessed,
        "people": _people(cut=None),
        "excluded_rows": [
            {
                "code": "ROW005",
                "count": 71,
                "reason": "not matured: its horizon has not passed",
            },
            {"code": "ROW009", "count": 12, "reason": "learnt from when the model was trained"},
        ],
        "notes": [],
        "as_of": "2026-03-01T00:00:00.000000Z",
        "by_account": False,
        "buckets_agreed": True,
        "margin_checked": True,
        "leadml": "0.1.0",
    }


def _people(*, cut: float | None) -> dict[str, Any]:
    """Return three representatives of 500 leads, one of whom closes few."""
    random = np.random.default_rng(3)
    owner = random.choice(np.array(["Kim", "<i>Söns</i>", "Lee"], object), 500)
    log_odds = random.normal(-1.0, 0.8, 500)
    chance = 1 / (1 + np.exp(-log_odds + 2.0 * (owner == "Lee")))
    found = people_of(log_odds, random.random(500) < chance, owner, confidence=0.95).to_dict()
    for rep in found["reps"]:
        rep["cut"] = cut
    return found | {"same_as_owner": [], "per_rep": cut is not None}


@pytest.fixture(scope="session")
def evaluation() -> dict[str, Any]:
    return _evaluation(Agreement(min_margin=0.15, signed_by=("Ada", "Bo")))


@pytest.fixture(scope="session")
def evaluation_without_points() -> dict[str, Any]:
    return _evaluation(Agreement(), points=False)


@pytest.fixture(scope="session")
def evaluation_where_points_win() -> dict[str, Any]:
    return _evaluation(Agreement(min_margin=0.15), skill=-0.5)


@pytest.fixture
def training_values(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Return what a training run leaves, its diagram and gains taken from the evaluation."""
    cut = {
        "probability": 0.215,
        "basis": "estimated",
        "expected_close_rate": 0.313,
        "low": 0.271,
        "high": 0.357,
        "volume": 300,
        "won": 94,
        "share": 0.6,
        "policy": "group",
        "weakest": 0.2154,
        "recall": 0.752,
        "handoffs_a_month": 41.3,
        "wins_a_month": 11.75,
        "margin_a_month": {"low": 90_000.0, "value": 101_234.0, "high": 120_000.0},
        "close_rate_of_all": {"value": 0.285, "low": 0.244, "high": 0.331, "leads": 345, "won": 98},
        "more_outcomes": 4321,
        "reps": [{"owner": "Ann <A>", "probability": 0.3333}],
        "why": {"something": "it was <not> recorded"},
        "told": ["Leads of at least 21.5 % <are> handed off.", "It rests on 500 leads."],
    }
    limit = {"topic": "causes", "text": "Reasons say <which>, not why", "remedy": "an experiment"}
    return {
        "version": "7",
        "alias": "champion",
        "why": "there was no champion",
        "leads": 500,
        "won": 125,
        "close_rate": 0.25,
        "candidates": [
            {"name": "base_rate", "log_loss": 0.5623, "auc": 0.5, "seconds": 0.1},
            {"name": "logistic", "log_loss": 0.5234, "auc": 0.6789, "seconds": 1.25},
        ],
        "chosen": "logistic",
        "additive_cost": {
            "candidate": "full",
            "log_loss": 0.5134,
            "difference": 0.01,
            "error": 0.0042,
        },
        "excluded": [{"column": "duration", "code": "LEAK001", "reason": "tells too much"}],
        "excluded_rows": [{"code": "ROW005", "count": 71, "reason": "not matured"}],
        "threshold": cut,
        "people": _people(cut=0.215),
        "findings": [],
        "cannot_tell": [limit],
        "level": {"chosen": "none", "candidates": [{"name": "none", "log_loss": 0.5}]},
        "half_life_days": 180.0,
        "looks_at": {
            "kind": "exact",
            "features": [
                {
                    "feature": "<visits>: times in 7 days",
                    "importance": 0.25,
                    "direction": "up",
                    "ranges": [
                        {
                            "range": "= 0",
                            "leads": 300,
                            "won": 45,
                            "close_rate": 0.15,
                            "effect": -0.2,
                        },
                        {"range": "≥ 1", "leads": 200, "won": 80, "close_rate": 0.4, "effect": 0.3},
                    ],
                }
            ],
        },
        "out_of_time_leads": 420,
        "reliability": evaluation["reliability"]["model"],
        "gains": evaluation["gains"]["model"],
        "agreement": evaluation["agreement"],
        "as_of": "2026-03-01T00:00:00.000000Z",
        "leadml": "0.1.0",
    }


@pytest.fixture
def scorecard_values() -> dict[str, Any]:
    """Return a small scorecard, as its workflow makes it."""

    def row(words: str, points: float, to: float, leads: int, won: int) -> dict[str, Any]:
        rate = won / leads if leads else None
        counted = {"leads": leads, "won": won, "close_rate": rate}
        return {"range": words, "points": points, "points_to": to} | counted

    sizes = [row(f"= {n}", 2.25 * n - 9, 2.25 * n - 9, 20 + n, n) for n in range(9)]
    visits = [row("= 0", -7.4, -7.4, 120, 11), row("1 to 4", 1.2, 8.7, 80, 33)]
    silent = [row("any value", 0.2, 0.2, 200, 44)]
    features = [
        {"feature": "<visits>", "rows": visits, "shown": [*visits, row("not known", 3, 3, 0, 0)]},
        {"feature": "size", "rows": sizes, "shown": sizes},
        {"feature": "hour created", "rows": silent, "shown": silent},
    ]
    totals = [{"points": 5.0 * n, "probability": 1 / (1 + 2 ** (-n / 4))} for n in range(-8, 9)]
    return {
        "version": "7",
        "unit": 20.0,
        "leads": 200,
        "won": 44,
        "horizon_days": 90.0,
        "base": {"points": -36.0, "log_odds": -1.25, "points_today": -35.2},
        "time": {"points_a_year": 2.4},
        "cut": {"points": -24.6, "probability": 0.299, "basis": "estimated"},
        "features": features,
        "probabilities": totals,
        "notes": ["Start with the base."],
        "leadml": "0.1.0",
    }
