"""What an evaluation knows beside outcomes and scores, through `leadml.evaluate`."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import leadml
from leadml.data.values import missing_texts
from leadml.model.bundle import write_alias, write_bundle
from leadml.model.scorecard import Line, Machine, Scorecard
from leadml.settings import load_settings
from leadml.snapshot.features import Feature, FeatureSet

TOML = """\
[leads]
id = "id"
outcome = "stage"
won = ["won"]
lost = ["lost"]
created_at = "created"
handed_off_at = "handed"
closed_at = "closed"
source = "source"
industry = "branch"
owner = "rep"
amount = "amount"
margin = "margin"
points = "score"

[sales_ready]
horizon_days = 30
min_margin = 0.1

[handoff]
cost = 50.0

[points]
threshold = 60
"""
MANIFEST: dict[str, Any] = {
    "threshold": {"probability": 0.4, "basis": "estimated"},
    "bands": {"A": 0.3, "B": 0.15, "C": 0.075},
    "columns": ["id", "stage", "x"],
    "chosen": "logistic",
    "data_window": {"from": None, "to": None, "as_of": None},
    "points_calibration": {"intercept": -4.0, "slope": 0.05},
}
LEADS = 900


def install(folder: Path, **changes: Any) -> None:
    (folder / "leadml.toml").write_text(TOML)
    definition = load_settings(folder / "leadml.toml").definition
    version = folder / "models" / "versions" / "1"
    version.mkdir(parents=True)
    write_bundle(
        version,
        manifest=MANIFEST | {"agreement_hash": definition.agreement.hash()} | changes,
        definition=definition,
        features=FeatureSet(
            (Feature(name="x", kind="number", column="x"),), missing_texts(definition.leads.missing)
        ),
        machine=Machine(
            cards=((1.0, Scorecard(0.0, (Line(0, (-9.0, 9.0), (-9.0, 9.0), 0.0),))),),
            center=(0.0,),
        ),
        trained_on=[],
    )
    write_alias(folder / "models", "champion", "1")


def leads(*, chosen_from: float | None = None) -> pd.DataFrame:
    """Return leads of three months; from `chosen_from` points only those from there are handed."""
    random = np.random.default_rng(4)
    x = np.round(random.normal(-1.0, 1.2, LEADS), 3)
    won = random.random(LEADS) < 1 / (1 + np.exp(-x))
    score = np.clip(np.round(60 + 15 * x + random.normal(0, 20, LEADS)), 0, 120)
    created = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(LEADS) // 10, "D")
    handed = pd.Series(created + pd.Timedelta(days=2))
    there = np.ones(LEADS, bool) if chosen_from is None else score >= chosen_from
    there |= np.arange(LEADS) % 40 == 0
    return pd.DataFrame(
        {
            "id": [f"L{number}" for number in range(LEADS)],
            "stage": np.where(there, np.where(won, "won", "lost"), "new"),
            "created": created.astype(str),
            "handed": handed.dt.strftime("%Y-%m-%d").where(there),
            "closed": (handed + pd.Timedelta(days=9)).dt.strftime("%Y-%m-%d").where(there),
            "source": random.choice(["web", "fair"], LEADS),
            "branch": random.choice(["steel", "food", None], LEADS),
            "rep": random.choice(["Kim", "Lee"], LEADS),
            "amount": np.where(won, 1000.0, np.nan),
            "margin": np.where(won, 0.25, np.nan),
            "score": score,
            "x": x,
        }
    )


def run(folder: Path, frame: pd.DataFrame) -> dict[str, Any]:
    return leadml.evaluate(
        frame, config=folder / "leadml.toml", as_of="2026-08-01", output=folder / "out"
    ).to_dict()


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("plain")
    together = {"intercept": -1.0, "model": 0.9, "points": 0.02, "leads": 500, "won": 150}
    install(folder, together=together)
    return run(folder, leads())


def test_slices_by_source_industry_owner_and_month(values: dict[str, Any]) -> None:
    frame = leads()
    rows = {(row["key"], row["name"]): row for row in values["slices"]}
    assert {key for key, _ in rows} == {"source", "industry", "owner", "month"}
    steel = frame["branch"] == "steel"
    assert rows["industry", "steel"]["leads"] == steel.sum()
    assert rows["industry", "steel"]["won"] == (frame["stage"] == "won")[steel].sum()
    assert rows["industry", None]["leads"] == frame["branch"].isna().sum()
    assert rows["industry", "steel"]["expected"] == pytest.approx(
        (1 / (1 + np.exp(-frame["x"][steel]))).sum()
    )
    # the month of the hand-off: two days after the creation, ten leads a day
    months = [name for key, name in rows if key == "month"]
    assert months == ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert rows["month", "2026-01"]["leads"] == 290


def test_the_fit_of_training_is_used(values: dict[str, Any]) -> None:
    assert values["fair_comparison"]["both"] == {
        "fitted_on": "training",
        "intercept": -1.0,
        "model": 0.9,
        "points": 0.02,
    }
    assert values["handoff"]["same_volume"]["both"]["won"] > 0


def test_profit_is_margin_in_money_less_the_cost(values: dict[str, Any]) -> None:
    rows = {row["of"]: row for row in values["fair_comparison"]["profit"]}
    frame = leads()
    best = frame.sort_values("x", ascending=False).head(90)
    wins = (best["stage"] == "won").sum()
    assert rows["0.1"]["model"]["value"] == pytest.approx(250 * wins - 90 * 50)


def test_all_worked_is_not_restricted(values: dict[str, Any]) -> None:
    assert values["range_restricted"]["restricted"] is False
    assert values["range_restricted"]["leads"] == LEADS
    assert values["winner"] in {"model", "both"}


def test_leads_never_handed_off_show_that_the_points_chose(tmp_path: Path) -> None:
    install(tmp_path)
    frame = leads(chosen_from=60)
    values = run(tmp_path, frame)
    told = values["range_restricted"]
    assert (values["winner"], told["restricted"], told["weighted"]) == (None, True, False)
    assert told["leads"] == LEADS
    assert told["worked"] == values["leads"]
    below = frame["score"] < 60
    assert told["worked_share_above"] == 1.0
    assert told["worked_share_below"] == pytest.approx(
        (frame["stage"][below] != "new").sum() / below.sum()
    )
    page = (tmp_path / "out" / "evaluation.html").read_text("utf-8")
    assert "No winner is named: the points decided which leads were worked" in page


def test_who_was_chosen_by_the_model_is_seen_too(tmp_path: Path) -> None:
    install(tmp_path)
    frame = leads()
    worked = (frame["x"] > frame["x"].quantile(0.25)) | (np.arange(LEADS) % 50 == 0)
    frame = frame.assign(
        stage=frame["stage"].where(worked, "new"),
        handed=frame["handed"].where(worked),
        closed=frame["closed"].where(worked),
    )
    told = run(tmp_path, frame)["range_restricted"]
    assert told["model"]["restricted"] is True
    assert told["model"]["auc"]["value"] > 0.95
    assert told["restricted"] is False  # points and model go together, not that closely


def test_leads_too_young_to_have_been_handed_off_say_nothing(tmp_path: Path) -> None:
    install(tmp_path)
    values = leadml.evaluate(
        leads(chosen_from=60),
        config=tmp_path / "leadml.toml",
        as_of="2026-02-20",
        output=tmp_path / "out",
    ).to_dict()
    # matured by then: created by 21 January, or handed off (two days later) by then
    assert values["range_restricted"]["leads"] <= 220
    assert values["range_restricted"]["worked"] == values["leads"]


def test_explored_leads_stand_for_those_like_them(tmp_path: Path) -> None:
    install(tmp_path)
    toml = (tmp_path / "leadml.toml").read_text()
    mapped = 'points = "score"\nexplored = "explored"\nhandoff_probability = "chance"\n'
    (tmp_path / "leadml.toml").write_text(toml.replace('points = "score"\n', mapped))
    whole, frame = leads(), leads(chosen_from=60)
    random = np.random.default_rng(6)
    below = (frame["score"] < 60).to_numpy()
    explored = below & (random.random(LEADS) < 0.2)
    worked = ~below | explored
    frame = whole.assign(
        stage=whole["stage"].where(worked, "new"),
        handed=whole["handed"].where(worked),
        closed=whole["closed"].where(worked),
        explored=np.where(explored, "yes", "no"),
        chance=np.where(explored, 0.2, 1.0),
    )
    values = run(tmp_path, frame)
    assert values["winner"] is not None
    weights = values["fair_comparison"]["weights"]
    most, chosen = weights["largest"], int((~below).sum())
    assert 1 < most <= 5
    size = (chosen + most * explored.sum()) ** 2 / (chosen + most**2 * explored.sum())
    assert weights["effective_leads"] == pytest.approx(size)
    page = (tmp_path / "out" / "evaluation.html").read_text("utf-8")
    assert "each counts one over its chance of having been handed off" in page
    area = next(r for r in values["fair_comparison"]["measures"] if r["metric"] == "auc")
    assert area["method"] == "bootstrap"
    weight = np.where(explored, most, 1.0)[worked]
    won = (whole["stage"] == "won")[worked]
    expected = roc_auc_score(won, whole["x"][worked], sample_weight=weight)
    assert area["model"]["value"] == pytest.approx(expected)
