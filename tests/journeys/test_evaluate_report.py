"""From a trained model to the two pages, through the real command line."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import leadml
from leadml.data.simulate import simulate

LEADML = [sys.executable, "-m", "leadml"]
SCORES = ("auc", "average_precision", "log_loss", "brier", "miscalibration", "discrimination")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a champion trained on the older 60 % of a simulated CRM."""
    home = tmp_path_factory.mktemp("company")
    crm = simulate(4000, seed=5)
    crm.leads.iloc[:2400].to_csv(home / "older.csv", index=False)
    crm.leads.iloc[2400:].to_csv(home / "newer.csv", index=False)
    crm.leads.to_csv(home / "leads.csv", index=False)
    crm.activities.to_csv(home / "activities.csv", index=False)
    crm.truth.to_csv(home / "truth.csv", index=False)
    (home / "leadml.toml").write_text(crm.definition, encoding="utf-8")
    done = call(home, "train", "older.csv", "--activities", "activities.csv")
    assert done.returncode == 0, done.stderr
    return home


def call(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"COLUMNS": "100"}
    return subprocess.run(
        [*LEADML, *arguments],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture(scope="module")
def evaluation(company: Path) -> dict[str, Any]:
    done = call(company, "evaluate", "newer.csv", "--activities", "activities.csv", "--json")
    assert done.returncode == 0, done.stderr
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def test_the_evaluation_has_every_promised_key(evaluation: dict[str, Any]) -> None:
    promised = {"leads", "won", "close_rate", "agreement", "scores", "comparison", "handoff"}
    assert promised | {"verdict"} <= evaluation.keys()
    for who in ("model", "points"):
        assert list(evaluation["scores"][who]) == list(SCORES)
        for interval in evaluation["scores"][who].values():
            assert interval["low"] <= interval["value"] <= interval["high"]
        group = {"threshold", "handed_off", "won", "close_rate", "low", "high", "recall", "verdict"}
        assert group <= evaluation["handoff"][who].keys()
    assert {row["metric"] for row in evaluation["comparison"]} == set(SCORES)
    assert {"volume", "model", "points"} <= evaluation["handoff"]["same_volume"].keys()


def test_what_json_prints_is_what_the_file_holds(company: Path, evaluation: dict[str, Any]) -> None:
    folder = company / "evaluation"
    assert json.loads((folder / "evaluation.json").read_text("utf-8")) == evaluation
    assert "<svg" in (folder / "evaluation.html").read_text("utf-8")


def test_python_gives_the_same_evaluation(company: Path, evaluation: dict[str, Any]) -> None:
    result = leadml.evaluate(
        company / "newer.csv",
        activities=company / "activities.csv",
        config=company / "leadml.toml",
        output=company / "again",
    )
    assert result.to_dict() == evaluation


def test_the_model_is_worth_something_and_knows_what_it_knows(evaluation: dict[str, Any]) -> None:
    # The simulation's signal is real; its probabilities drift by nothing but chance.
    scores = evaluation["scores"]["model"]
    assert scores["auc"]["low"] > 0.55
    assert scores["miscalibration"]["value"] < 0.02
    assert sum(row["leads"] for row in evaluation["by_band"]) == evaluation["leads"]


def test_leads_learnt_from_are_left_out(company: Path, evaluation: dict[str, Any]) -> None:
    done = call(
        company,
        "evaluate",
        "leads.csv",
        "--activities",
        "activities.csv",
        "--output",
        "all",
        "--json",
    )
    values = json.loads(done.stdout)
    counts = {row["code"]: row["count"] for row in values["excluded_rows"]}
    learnt = json.loads((company / "models/versions/1/manifest.json").read_text())["leads"]
    # leads that had not matured when it was trained are new to the model
    assert 0.9 * learnt < counts["ROW009"] <= learnt
    assert values["leads"] >= evaluation["leads"]


def test_a_person_reads_the_verdict_first(company: Path) -> None:
    done = call(company, "evaluate", "newer.csv", "--activities", "activities.csv")
    first = done.stdout.splitlines()[0]
    assert "agreed close rate of 30" in first
    assert "evaluation.html" in done.stdout.splitlines()[-1]
    assert done.stdout.count("discrimination") == 1
    assert done.stdout.count("model, points, or both\n") == 1
    assert done.stdout.count("log loss, all calibrated alike") == 1


def test_model_points_and_both_are_compared_by_what_training_fitted(
    company: Path, evaluation: dict[str, Any]
) -> None:
    manifest = json.loads((company / "models/versions/1/manifest.json").read_text())
    fair = evaluation["fair_comparison"]
    fitted = {key: manifest["together"][key] for key in ("intercept", "model", "points")}
    assert fair["both"] == {"fitted_on": "training"} | fitted
    assert evaluation["winner"] in {"model", "both", "none"}  # this model is no worse than points
    assert {row["key"] for row in evaluation["slices"]} == {"source", "industry", "owner", "month"}
    for row in evaluation["slices"]:
        assert row["ratio"]["low"] <= row["ratio"]["value"] <= row["ratio"]["high"]
    for key in ("source", "industry", "owner", "month"):
        rows = [row for row in evaluation["slices"] if row["key"] == key]
        assert sum(row["leads"] for row in rows) == evaluation["leads"]


def test_the_report_holds_against_the_truth(company: Path) -> None:
    done = call(company, "report", "leads.csv", "--output", "out", "--json")
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert json.loads((company / "out" / "report.json").read_text("utf-8")) == values
    keys = {"handed_off", "matured", "followed_up", "won", "follow_up_share", "close_rate"}
    assert keys | {"target", "confidence", "verdict", "by"} <= values.keys()
    for key in ("source", "owner", "month"):
        assert all(keys | {key} <= row.keys() for row in values["by"][key])
        assert sum(row["won"] for row in values["by"][key]) == values["won"]
    page = (company / "out" / "report.html").read_text("utf-8")
    assert "valid for one look" in page


def test_the_report_reads_as_words(company: Path) -> None:
    done = call(company, "report", "leads.csv")
    assert "agreed close rate of 30" in done.stdout.splitlines()[0]
    assert "by owner" in done.stdout
    assert "valid for one look" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("evaluate", "nowhere.csv"), "nowhere.csv"),
        (("evaluate", "newer.csv", "--model", "9"), "no model '9'"),
        (("evaluate", "newer.csv", "--as-of", "soon"), "--as-of"),
        (("evaluate", "older.csv", "--as-of", "2024-08-01"), "too few leads to evaluate"),
        (("report", "activities.csv"), "has no column"),
        (("report", "leads.csv", "--output", "leads.csv/in"), "cannot be written to"),
    ],
)
def test_refusals_are_one_line_with_a_remedy(
    company: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = call(company, *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("leadml: ")]) == 1


@pytest.mark.parametrize("verb", ["evaluate", "report"])
def test_help_shows_examples(company: Path, verb: str) -> None:
    done = call(company, verb, "--help")
    assert done.returncode == 0
    assert f"leadml {verb} " in done.stdout.split("Examples:")[1]
