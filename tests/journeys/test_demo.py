"""The demo: one command shows the whole product, and its numbers are near the known truth."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from leadml.cli.main import main
from leadml.data.simulate import simulate
from leadml.pages.summary import evaluation_headline, report_headline
from leadml.workflows.demo import BASE_RATE, DAYS, LEADS, START

Run = subprocess.CompletedProcess[str]


def run_demo(folder: Path, *arguments: str) -> Run:
    return subprocess.run(
        [sys.executable, "-m", "leadml", "demo", "--output", str(folder), *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "new"


@pytest.fixture(scope="module")
def first(folder: Path) -> Run:
    done = run_demo(folder)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def evaluation(first: Run, folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "evaluation" / "evaluation.json").read_text())
    return values


def test_everything_is_where_the_demo_says(first: Run, folder: Path) -> None:
    for name in (
        "leads.csv", "activities.csv", "newer.csv", "newer_activities.csv", "leadml.toml",
        "scores.csv", "leadml.db", "models/aliases.json", "models/mlflow.db",
    ):  # fmt: skip
        assert (folder / name).is_file(), name
    for page in ("evaluation/evaluation.html", "report/report.html"):
        assert (folder / page).is_file()
        assert str(folder / page) in first.stdout
    assert str(folder / "scores.csv") in first.stdout
    assert f"leadml serve --config {folder / 'leadml.toml'}" in first.stdout
    assert "version 1" in first.stdout
    assert first.stderr == ""


def test_the_verdicts_are_told(first: Run, folder: Path, evaluation: dict[str, Any]) -> None:
    report = json.loads((folder / "report" / "report.json").read_text())
    for headline in (evaluation_headline(evaluation), report_headline(report)):
        for sentence in (headline.text, *headline.support):
            assert sentence in first.stdout
    # From the ledger, which knows every score as well: nothing of the report is left empty.
    assert report["from"] == "ledger"
    assert [stage["stage"] for stage in report["funnel"]["stages"] if stage["leads"] is None] == []
    assert report["equal_volume"]["volume"] > 100
    assert report["reliability"]["leads"] > 1000
    assert all(len(rows) > 3 for rows in report["by"].values())
    assert len(report["rejections"]["reasons"]) == 8
    # 24 % of the followed-up hand-offs are sales-ready by construction; 30 % are agreed.
    assert report["verdict"] == "falls_short"
    assert evaluation["handoff"]["model"]["verdict"] in {"meets", "undecided"}
    better = {row["metric"]: row["better"] for row in evaluation["comparison"]}
    assert better["auc"] == better["log_loss"] == "model"


def test_the_scores_are_near_the_truth(first: Run, folder: Path) -> None:
    # The truth is known: a perfect model would give each lead its probability. Learnt from some
    # 2,900 leads, the log-odds follow it closely and the mean lies within two points of it.
    scores = pd.read_csv(folder / "scores.csv", dtype={"lead_id": str})
    crm = simulate(LEADS, start=START, days=DAYS, base_rate=BASE_RATE)
    truth = crm.truth.set_index("lead_id")["probability"].reindex(scores["lead_id"]).to_numpy()
    given = scores["probability"].to_numpy()
    assert np.corrcoef(log_odds(given), log_odds(truth))[0, 1] > 0.8
    assert given.mean() == pytest.approx(truth.mean(), abs=0.03)
    newer = pd.read_csv(folder / "newer.csv", dtype={"lead_id": str})
    assert scores["lead_id"].tolist() == newer["lead_id"].tolist()


def log_odds(probability: "np.ndarray[Any, np.dtype[np.float64]]") -> Any:
    return np.log(probability / (1 - probability))


def test_past_leads_are_as_they_were_on_the_day_of_the_export(first: Run, folder: Path) -> None:
    past, newer = (pd.read_csv(folder / name) for name in ("leads.csv", "newer.csv"))
    times = [c for c in past.columns if c.endswith("_at")]
    last_known = max(past[column].dropna().max() for column in times)
    assert last_known < newer["created_at"].min()
    activities = pd.read_csv(folder / "activities.csv")
    assert activities["timestamp"].max() < newer["created_at"].min()
    assert not set(past["lead_id"]) & set(newer["lead_id"])


def test_a_second_run_says_what_it_writes_over(
    first: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    monkeypatch.setattr("leadml.workflows.demo.LEADS", 1000)  # the same in less time
    done = CliRunner().invoke(main, ["demo", "--output", str(again), "--json"])
    assert done.exit_code == 0, done.stderr
    assert f"writing over the last demo in {again}: leads.csv, activities.csv" in done.stderr
    said = json.loads(done.stdout)
    assert said["train"]["version"] == "2"
    assert said["score"]["model_version"] == "2"
    assert said["import"]["corrected"] == said["import"]["refused"] == 0  # a new ledger
    assert said["import"]["by_event"]["handed_off"] > 200
    assert said["config"] == str(again / "leadml.toml")
    assert len(pd.read_csv(again / "leads.csv")) < 1000 < len(pd.read_csv(folder / "leads.csv"))


def test_files_that_are_not_the_demos_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("mine")
    done = run_demo(tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        f"leadml: {tmp_path} holds a leads.csv that is not the demo's: name an empty or new "
        "folder with --output\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["leads.csv"]
