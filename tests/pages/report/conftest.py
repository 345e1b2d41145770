"""A report in which everything is known, and one in which next to nothing is."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadml.data.simulate import simulate
from leadml.domain.agreement import Agreement
from leadml.evaluation.close_rate import close_rate
from leadml.workflows.report import report_values


def _rate(won: float, leads: int) -> dict[str, float | None]:
    return close_rate(won, leads, 0.95).to_dict()


def _slice(key: str, name: str | None, handed_off: int, share: float) -> dict[str, Any]:
    matured = handed_off * 4 // 5
    worked = matured * 9 // 10
    won, late = round(worked * share), (matured - worked) // 4
    return {
        key: name,
        "handed_off": handed_off,
        "matured": matured,
        "followed_up": worked,
        "won": won,
        "won_after_late_follow_up": late,
        "follow_up_share": worked / matured if matured else None,
        "close_rate": {"followed_up": _rate(won, worked), "handed_off": _rate(won + late, matured)},
    }


def _slices(owners: int) -> dict[str, list[dict[str, Any]]]:
    names = [f"rep {n}" for n in range(owners - 4)]
    names += ["Kim", "$x_1$ & Söns", "שרה כהן", "微信 " + "sehr" * 40][:owners]
    months = [f"{2024 + n // 12}-{n % 12 + 1:02d}" for n in range(34)]
    by = {
        "source": [
            ("webinar", 420, 0.41),
            ("<script>alert(1)</script>", 260, 0.27),
            (None, 31, 0.2),
        ],
        "owner": [(name, 40 + n % 7, 0.2 + n % 5 / 10) for n, name in enumerate(names)],
        "month": [(month, 20 + n % 5, 0.3 + n % 4 / 50) for n, month in enumerate(months)],
        "segment": [("enterprise", 130, 0.44), ("smb", 570, 0.31)],
        "band": [("A", 300, 0.45), ("B", 300, 0.28), ("C", 2, 0.0)],
        "account_size": [("1 to 49", 300, 0.3), ("50 to 249", 300, 0.35)],
    }
    sliced = {key: [_slice(key, *row) for row in rows] for key, rows in by.items()}
    for n, row in enumerate(sliced["owner"]):
        told = ("ties with the team", "closes more than the team")[n % 6 == 0]
        row |= {"shrunken": {"value": 0.31, "low": 0.25 + n / 1e5, "high": 0.38}, "told": told}
    return sliced


def _path(points: int) -> list[dict[str, Any]]:
    path = []
    for n in range(1, points + 1):
        at, units = datetime(2024, 4, 3, tzinfo=UTC) + timedelta(days=4.6 * n), 3 * n
        won, width = round(units * 0.364), 1.6 / (units + 6) ** 0.5
        value = won / units
        ends = {"low": max(0.0, value - width), "high": min(1.0, value + width)}
        path.append({"at": at.isoformat(), "units": units, "won": won, "value": value} | ends)
    return path


def _sequence(path: list[dict[str, Any]]) -> dict[str, Any]:
    last = path[-1]
    return {
        "verdict": "meets",
        "unit": "lead",
        "from": "2024-01-01T00:00:00+00:00",
        "rate": 0.3,
        "confidence": 0.95,
        "handed_off": 711,
        "matured": 640,
        "followed_up": last["units"],
        "follow_up_share": last["units"] / 640,
        "won": last["won"],
        "won_after_late_follow_up": 9,
        "value": last["value"],
        "low": last["low"],
        "high": last["high"],
        "fixed": {"low": 0.3321, "high": 0.3961},
        "won_without_follow_up": 7,
        "recorded_only": {"units": 488, "won": 172, "value": 0.3525, "low": 0.306, "high": 0.407},
        "more_needed": 0,
        "more_needed_matured": 0,
        "more_needed_why": None,
        "if_unworked_were_lost": {"value": 0.341, "low": 0.281, "high": 0.404},
        "last_12_months": {"units": 241, "won": 90, "value": 90 / 241, "low": 0.29, "high": 0.46},
        "posterior": {"at_least_rate": 0.9973, "note": "no verdict"},
        "path": path,
        "maturing": {
            "handed_off": 71,
            "followed_up": 60,
            "won_so_far": 11,
            "projected": {"value": 0.352, "low": 0.271, "high": 0.437},
            "projected_why_null": None,
            "next_matures_at": "2026-12-03T00:00:00.000000Z",
        },
        "recorded_late": 4,
        "handed_off_late": 3,
        "other_agreement": 12,
        "certify_text": "At 0.4 it takes 1.4 years.",
        "certify": [_certified(0.95, 0.3712), _certified(0.8, None)],
    }


def _certified(confidence: float, needed: float | None) -> dict[str, Any]:
    return {
        "confidence": confidence,
        "units_a_year": 291.25,
        "needed": [
            {"years": n, "units": 200 + 291 * (n - 1), "rate": needed if n > 1 else None}
            for n in (1, 2, 3)
        ],
        "rates": [
            {"true_rate": 0.35, "median_years": None, "decided": {"1": 0.02, "2": 0.21, "3": 0.34}},
            {"true_rate": 0.4, "median_years": 1.38, "decided": {"1": 0.2, "2": 0.81, "3": 0.99}},
        ],
    }


def _months() -> list[dict[str, Any]]:
    months = [
        {"month": f"{2024 + n // 12}-{n % 12 + 1:02d}", "leads": 18 + n, "won": 6 + n // 3}
        | _rate(6 + n // 3, 18 + n)
        for n in range(31)
    ]
    return [*months, {"month": "2026-08", "leads": 0, "won": 0} | _rate(0, 0)]


def _funnel() -> dict[str, Any]:
    counts = (2400, 1300, 711, 655, 600, 221, 214)
    names = (
        "leads",
        "qualified",
        "handed_off",
        "accepted",
        "followed_up",
        "won",
        "won_with_margin",
    )
    stages = [
        {
            "stage": name,
            "leads": count,
            "skipped": 12 if name == "handed_off" else 0,
            "so_far": count + 100,
            "share_of_previous": count / before if before else None,
            "share_of_leads": count / 2400,
            "why_null": None,
        }
        for name, count, before in zip(names, counts, (None, *counts), strict=False)
    ]
    speeds = (("within 1 hour", 130, 60), ("1 to 24 hours", 310, 110), ("1 to 3 days", 160, 41))
    return {
        "stages": stages,
        "of": "matured hand-offs",
        "followed_up_late": 9,
        "neglected": {"leads": 51, "of": 711, "share": 51 / 711, "why_null": None},
        "time_to_first_follow_up": {
            "median_hours": 5.25,
            "p90_hours": None,
            "leads": 711,
            "followed_up": 660,
            "of_followed_up": {"median_hours": 0.4, "p90_hours": 93.5, "leads": 660},
            "why_null": {"p90_hours": "too few were followed up"},
        },
        "by_speed_caution": "a comparison, not a cause",
        "by_speed": [
            {"speed": speed, "leads": leads, "won": won, "close_rate": _rate(won, leads)}
            for speed, leads, won in speeds
        ]
        + [{"speed": "not known", "leads": 7, "won": 7, "close_rate": _rate(0, 0)}]
        + [{"speed": "never", "leads": 60, "won": 0, "close_rate": _rate(0, 0)}],
    }


def _reliability() -> dict[str, Any]:
    edges = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)
    bins = [
        {
            "low": low,
            "high": high,
            "leads": 120,
            "predicted": (low + high) / 2.2,
            "won": round(120 * (low + high) / 2.4),
            "observed": _rate(round(120 * (low + high) / 2.4), 120),
        }
        for low, high in pairwise(edges)
    ]
    means = {"leads": 600, "won": 205, "mean_predicted": 0.3321, "mean_observed": 0.3412}
    means |= {"difference": {"value": 0.0091, "low": -0.02, "high": 0.04}, "p_level": 0.4}
    means |= {"slope": {"value": 0.93, "low": 0.8, "high": 1.1}, "p_slope": 0.3, "explored": 4}
    return means | {"bins": bins, "finding": "The probabilities held: 34.1 % won, 33.2 % said."}


def _rejections() -> dict[str, Any]:
    reasons = (("no_budget", 21), ("wrong_person", 14), ("other", 6))
    return {
        "rejected": 41,
        "of": 711,
        "share": 41 / 711,
        "reasons": [{"reason": name, "leads": n, "share": n / 41} for name, n in reasons],
        "by_source": [
            {"source": "<b>fair</b>", "rejected": 30, "of": 260, "share": 30 / 260}
            | {"top_reason": "no_budget", "more_often": True, "p": 0.0012}
            | {"reasons": [{"reason": "no_budget", "leads": 26, "share": 26 / 30}]},
            {"source": None, "rejected": 2, "of": 31, "share": 2 / 31, "top_reason": None}
            | {
                "more_often": False,
                "p": 1.0,
                "reasons": [{"reason": None, "leads": 2, "share": 1}],
            },
        ],
        "right_people": 9,
        "won_later": 3,
        "why_null": None,
        "to_marketing": ["<b>fair</b> brings most rejections: 30 of 260 for want of a budget."],
    }


def report_example(owners: int = 9, points: int = 200) -> dict[str, Any]:
    """Return values of a report in which everything is known."""
    path, agreement = _path(points), Agreement(signed_by=("Ada", "Bo"))
    counted = _slice("key", None, 711, 0.36)
    counted.pop("key")
    model, rules = _rate(64, 150), _rate(48, 150)
    return counted | {
        "target": agreement.close_rate,
        "confidence": agreement.confidence,
        "verdict": "meets",
        "verdict_text": "Hand-offs meet the agreed close rate of 30 %.",
        "headline": ["218 of 600 followed-up leads were won: 36.4 %.", "This holds at every look."],
        "window": None,
        "from": "ledger",
        "sequence": _sequence(path),
        "funnel": _funnel(),
        "over_time": {"path": path, "months": _months()},
        "agreement_text": ["Sales follows up within 14 days.", "At least 30 % are to be won."],
        "slices_told": "Slices carry no verdict.",
        "before_agreement": None,
        "by": _slices(owners),
        "explored": None,
        "equal_volume": {
            "volume": 150,
            "leads": 600,
            "model": {"won": 64, "close_rate": model},
            "points": {"won": 47.5, "close_rate": rules},
            "difference": {"value": 0.11, "low": 0.03, "high": 0.19},
            "why_null": None,
            "better": "model",
            "volume_is": "as many as reach the agreed points",
            "explored": 5,
            "restricted": {"model": False, "points": True},
            "told": ["Here the points decided who was handed off."],
        },
        "reliability": _reliability(),
        "reliability_why_null": None,
        "rejections": _rejections(),
        "baselines": [
            {"name": "sales-ready of leads handed over directly", "share": 0.135, "ours": 0.364}
            | {"cited": "a survey of 2012", "at_most": True, "of": "matured hand-offs"},
            {"name": "qualified", "share": 0.2, "ours": None, "cited": "another of 2011"}
            | {"at_most": False, "of": "leads that came in"},
        ],
        "recommendation": {
            "cut": 0.287,
            "cut_now": 0.25,
            "basis": "estimated",
            "policy": "group",
            "told": ["It rests on 600 leads."],
            "reps": [{"owner": "Kim <K>", "probability": 0.3141}],
            "model_version": "7",
            "text": "Hand off from 28.7 %.",
            "would_have": {
                "handed_off": 402,
                "won": 166,
                "close_rate": _rate(120, 300) | {"leads": 300, "won": 120},
                "missed_wins": 52,
                "of": {"handed_off": 569, "won": 218},
            },
        },
        "recommendation_why_null": None,
        "targets": [
            {"month": "2026-10", "name": "handoffs", "target": 40.0, "actual": 44.0, "share": 1.1}
            | {"on_track": True, "elapsed": 1.0, "due": 40.0, "why_null": None},
            {"month": "2026-11", "name": "margin", "target": 90_000.0, "actual": 61_234.5}
            | {"share": 0.680383, "on_track": False, "elapsed": 0.7, "due": 63_000.0}
            | {"why_null": None},
            {"month": "2026-11", "name": "wins", "target": 12.0, "actual": None, "share": None}
            | {"on_track": None, "elapsed": 0.7, "due": 8.4, "why_null": "no margin is mapped"},
        ],
        "method": ["Wins within 90 days of the hand-off."],
        "uncertain": ["Follow-up differs between leads."],
        "data": {
            "from": "2024-01-02T08:00:00Z",
            "to": "2026-11-22T00:00:00Z",
            "leads": 2400,
            "source": "ledger.db",
        },
        "agreement": agreement.to_dict() | {"hash": agreement.hash()},
        "as_of": "2026-11-22T00:00:00.000000Z",
        "closed_in_bulk": 3,
        "follow_up_recorded": True,
        "margin_checked": False,
        "excluded_rows": [{"code": "ROW005", "count": 9, "reason": "not matured"}],
        "notes": [],
        "leadml": "0.1.0",
    }


def poor_example() -> dict[str, Any]:
    """Return values of a report on hand-offs of today, from an export that records little."""
    nothing = _slice("key", None, 0, 0.0)
    nothing.pop("key")
    whole = report_example()
    sequence = whole["sequence"] | {
        "verdict": "undecided",
        "from": None,
        "handed_off": 3,
        "matured": 0,
        "followed_up": 0,
        "follow_up_share": None,
        "won": 0,
        "won_after_late_follow_up": 0,
        "value": None,
        "low": None,
        "high": None,
        "fixed": {"low": None, "high": None},
        "won_without_follow_up": 0,
        "recorded_only": None,
        "more_needed": None,
        "more_needed_matured": None,
        "more_needed_why": "no unit has entered yet",
        "if_unworked_were_lost": _rate(0, 0),
        "last_12_months": {"units": 0, "won": 0} | _rate(0, 0),
        "posterior": {"at_least_rate": None, "note": "no verdict"},
        "path": [],
        "maturing": {
            "handed_off": 3,
            "followed_up": 1,
            "won_so_far": 0,
            "projected": None,
            "projected_why_null": "fewer than 20 entered",
            "next_matures_at": "2027-02-20T00:00:00Z",
        },
        "recorded_late": 0,
        "handed_off_late": 0,
        "other_agreement": None,
        "certify_text": "",
        "certify": [],
    }
    stages = [
        row
        | {"leads": None, "skipped": None, "so_far": None, "why_null": "no such column"}
        | {"share_of_previous": None, "share_of_leads": None}
        for row in whole["funnel"]["stages"]
    ]
    return (
        whole
        | nothing
        | {
            "handed_off": 3,
            "verdict": "undecided",
            "verdict_text": "Not enough evidence yet.",
            "headline": [],
            "from": "export",
            "sequence": sequence,
            "funnel": {
                "stages": stages,
                "of": "matured hand-offs",
                "followed_up_late": None,
                "neglected": {"leads": None, "of": 0, "share": None, "why_null": "no times"},
                "time_to_first_follow_up": None,
                "by_speed": [],
                "by_speed_caution": "a comparison",
            },
            "over_time": {"path": [], "months": []},
            "by": {key: [] for key in whole["by"]},
            "equal_volume": dict.fromkeys(("volume", "model", "points", "difference", "better"))
            | {"leads": 0, "why_null": "no points are recorded", "explored": 0}
            | {"restricted": None, "told": []},
            "reliability": None,
            "reliability_why_null": "no served probability is recorded",
            "rejections": dict.fromkeys(("rejected", "share", "right_people", "won_later"))
            | {"of": 3, "reasons": [], "by_source": [], "to_marketing": []}
            | {"why_null": "rejected_at is not mapped"},
            "recommendation": None,
            "recommendation_why_null": "none has matured",
            "targets": [],
            "baselines": [row | {"ours": None} for row in whole["baselines"]],
            "data": {"from": None, "to": None, "leads": 3, "source": "leads.csv"},
            "closed_in_bulk": 0,
            "excluded_rows": [],
        }
    )


@pytest.fixture
def rich() -> dict[str, Any]:
    return report_example()


@pytest.fixture
def poor() -> dict[str, Any]:
    return poor_example()


@pytest.fixture
def large() -> dict[str, Any]:
    return report_example(owners=200)


@pytest.fixture(scope="module")
def with_folded_owners() -> dict[str, Any]:
    return report_example(owners=16)


def _simulated(folder: Path) -> dict[str, Any]:
    """Return the report on a simulated company whose CRM keeps served probabilities."""
    crm = simulate(1200, seed=3, feedback=True, explore=0.1)
    truth = crm.truth.set_index("lead_id").loc[crm.leads["lead_id"]]
    leads = crm.leads.assign(served=truth["probability"].to_numpy())
    leads["band"] = np.where(leads["served"] > 0.25, "A", "B")
    mapped = '[leads]\nprobability = "served"\nband = "band"\npoints = "lead_score"\n'
    text = crm.definition.replace("[leads]\n", mapped).replace('ignore = ["lead_score"]', "")
    text = text.replace('version = "1"', 'version = "1"\neffective_from = 2024-10-01')
    (folder / "leadml.toml").write_text(f"{text}\n[targets]\nhandoffs = 40\nmargin = 90000\n")
    return report_values(leads, config=folder / "leadml.toml")


def _handful(folder: Path) -> dict[str, Any]:
    """Return the report on three hand-offs of which an export says next to nothing."""
    (folder / "leadml.toml").write_text(HANDFUL)
    days = ["2026-01-02", "2026-01-05", ""]
    leads = pd.DataFrame({"id": ["a", "b", "c"], "stage": ["won", "open", "open"], "handed": days})
    return report_values(leads, config=folder / "leadml.toml", as_of="2026-01-09")


HANDFUL = """\
[leads]
id = "id"
outcome = "stage"
won = ["won"]
handed_off_at = "handed"
"""


@pytest.fixture(
    scope="session",
    params=["rich", "poor", "window", "accounts", "not_judgeable", "simulated", "handful"],
)
def values(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Return reports of every kind, one after the other."""
    real = {"simulated": _simulated, "handful": _handful}
    if request.param in real:
        return real[request.param](tmp_path_factory.mktemp(request.param))
    rich = report_example()
    counts = ("handed_off", "matured", "followed_up", "won", "won_after_late_follow_up")
    apart = {key: rich[key] for key in counts}
    apart |= {"close_rate": rich["close_rate"]}
    accounts = rich["sequence"] | {"unit": "account", "verdict": "falls_short"}
    neglected = rich["sequence"] | {
        "verdict": "not_judgeable",
        "more_needed": None,
        "more_needed_matured": None,
        "more_needed_why": "the close rate is not judged while sales works too few hand-offs",
    }
    window = {"since": "2026-01-01T00:00:00Z", "until": "2026-04-01T00:00:00Z"}
    return {
        "rich": rich,
        "poor": poor_example(),
        "window": rich
        | {"sequence": None, "verdict": None, "verdict_text": "No verdict.", "window": window}
        | {"over_time": {"path": [], "months": rich["over_time"]["months"]}},
        "accounts": rich
        | {"sequence": accounts, "verdict": "falls_short", "explored": apart}
        | {"before_agreement": apart, "from": "export"},
        "not_judgeable": rich | {"sequence": neglected, "verdict": "not_judgeable"},
    }[request.param]
