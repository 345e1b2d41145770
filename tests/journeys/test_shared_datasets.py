"""Each public data set end to end: prepare, train, evaluate on newer leads, score."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

COLUMNS = [
    "lead_id", "probability", "sales_ready", "basis", "band", "points", "points_ready",
    "reasons", "model_version", "scored_at", "probability_eventually", "stage", "reasons_sum",
    "expected_margin", "expected_margin_low", "expected_margin_high", "priority", "hand_off",
    "explored", "handoff_probability", "must_follow_up", "cut",
]  # fmt: skip


def leadml(*arguments: object) -> dict[str, Any]:
    """Run a command with --json in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "leadml", *map(str, arguments), "--json"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    values: dict[str, Any] = json.loads(done.stdout)
    return values


@dataclass(frozen=True)
class Outcome:
    """What the way through one data set came to."""

    prepared: dict[str, Any]
    training: dict[str, Any]
    evaluation: dict[str, Any]
    scores: pd.DataFrame
    newer: pd.DataFrame

    @property
    def auc(self) -> float:
        return float(self.evaluation["scores"]["model"]["auc"]["value"])


Halves = tuple[pd.DataFrame, pd.DataFrame]


def journey(
    name: str, source: Path, home: Path, halve: Callable[[pd.DataFrame], Halves]
) -> Outcome:
    """Prepare a set, train on its older part, evaluate and score its newer part."""
    prepared = leadml("datasets", "prepare", name, source, home)
    leads = pd.read_csv(home / "leads.csv", dtype=str, keep_default_na=False)
    older, newer = halve(leads)
    older.to_csv(home / "older.csv", index=False)
    newer.to_csv(home / "newer.csv", index=False)
    config = ("--config", home / "leadml.toml")
    if prepared["activities"]:
        config += ("--activities", home / "activities.csv")
    training = leadml("train", home / "older.csv", *config)
    evaluation = leadml("evaluate", home / "newer.csv", *config)
    leadml("score", home / "newer.csv", "--output", home / "scores.csv", *config)
    scores = pd.read_csv(home / "scores.csv", dtype={"lead_id": str})
    assert list(scores.columns) == COLUMNS
    assert scores["probability"].between(0, 1).all()
    assert scores["points"].notna().all()
    assert (home / "evaluation" / "evaluation.html").is_file()
    return Outcome(prepared, training, evaluation, scores, newer)


def in_time(*, every: int, older: float) -> Callable[[pd.DataFrame], Halves]:
    """Return a split of one lead in so many, in time order: the first share, and the rest."""

    def halve(leads: pd.DataFrame) -> Halves:
        kept = leads.iloc[::every]
        first = round(older * len(kept))
        return kept.iloc[:first], kept.iloc[first:]

    return halve


def at_random(outcome: str) -> Callable[[pd.DataFrame], Halves]:
    """Return the stratified 70/30 split with seed 0."""

    def halve(leads: pd.DataFrame) -> Halves:
        older, newer = train_test_split(
            leads, test_size=0.3, stratify=leads[outcome], random_state=0
        )
        return older, newer

    return halve


def test_online_shoppers(datasets: Path, tmp_path: Path) -> None:
    found = journey("shoppers", datasets, tmp_path, at_random("Revenue"))
    excluded = {row["column"]: row["code"] for row in found.training["excluded"]}
    assert excluded["PageValues"] == "LEAK001"
    won = (found.newer["Revenue"] == "1").to_numpy()
    assert (found.evaluation["leads"], found.evaluation["won"]) == (3699, int(won.sum()))
    # A sound model without PageValues reaches .3589 (AutoGluon, 120 s) and .3588 (boosted trees).
    assert log_loss(won, found.scores["probability"]) <= 0.361
    assert roc_auc_score(won, found.scores["probability"]) >= 0.775
    assert found.scores["lead_id"].tolist() == found.newer["lead_id"].tolist()
    better = {row["metric"]: row["better"] for row in found.evaluation["comparison"]}
    assert (better["log_loss"], better["auc"]) == ("model", "model")


def test_bank_marketing(datasets: Path, tmp_path: Path) -> None:
    # One call in four, in time order: 8,752 to learn from, the newest 1,545 to measure. In the
    # crisis customers buy ever more often: 5.6 % in the first 70 %, 24.6 % in the last 30 %. From
    # one time to the next hardly anything but the order of leads carries over.
    found = journey("bank", datasets, tmp_path, in_time(every=4, older=0.85))
    excluded = {row["column"]: row["code"] for row in found.training["excluded"]}
    assert excluded["duration"] == "LEAK001"
    assert found.training["won"] / found.training["leads"] == pytest.approx(0.07, abs=0.02)
    newer_rate = (found.newer["y"] == "yes").mean()
    assert found.evaluation["close_rate"] == pytest.approx(newer_rate)
    assert newer_rate > 0.35
    assert found.auc > 0.6


def test_bpi2012(datasets: Path, tmp_path: Path) -> None:
    # Every second application, judged one hour after registration; those decided within it are no
    # leads any more, those of the last 45 days not matured.
    found = journey("bpi2012", datasets, tmp_path, in_time(every=2, older=0.7))
    assert found.prepared["activities"]["rows"] == 262_200
    codes = {row["code"]: row["count"] for row in found.training["excluded_rows"]}
    assert codes["ROW004"] > 1000
    # Of leads still open after an hour 28 % are won within 45 days.
    assert found.training["won"] / found.training["leads"] == pytest.approx(0.28, abs=0.03)
    assert found.auc > 0.63
    # The features end at the snapshot: of the outcome's own events no kind may be among them.
    shown = " ".join(found.scores["reasons"])
    for kind in ("A_ACTIVATED", "A_APPROVED", "A_REGISTERED", "A_DECLINED", "A_CANCELLED"):
        assert kind not in shown


def test_salvirt_b2b(datasets: Path, tmp_path: Path) -> None:
    found = journey("salvirt", datasets, tmp_path, at_random("Status"))
    findings = {row["code"]: row["count"] for row in found.training["findings"]}
    assert findings["DATA012"] > 20  # 83 rows of the whole set repeat another exactly
    # Ids are made of the content: rows alike in both parts are alike by chance, and stay.
    assert found.evaluation["leads"] == len(found.newer) == 135
    assert found.scores["lead_id"].is_unique
    assert found.auc > 0.65
    assert np.mean(found.scores["probability"]) == pytest.approx(0.5, abs=0.1)
