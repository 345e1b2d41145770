"""A simulated CRM whose level falls and whose truth is known: told, refreshed, and better."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadml.data.simulate import SimulatedCrm, simulate

LEADML = [sys.executable, "-m", "leadml"]
TRAINED = datetime(2025, 5, 27, tzinfo=UTC)  # 330 of 540 days
BOTH = ("leads.csv", "--activities", "activities.csv")


def call(home: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [*LEADML, *arguments, "--json"], cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def write(home: Path, crm: SimulatedCrm) -> None:
    crm.leads.to_csv(home / "leads.csv", index=False)
    crm.activities.to_csv(home / "activities.csv", index=False)


@pytest.fixture(scope="module")
def crm() -> SimulatedCrm:
    return simulate(3000, seed=1, drift=-1.5)  # log-odds a year


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, crm: SimulatedCrm) -> Path:
    """Return a folder with a champion trained on day 330, and the exports of day 540."""
    home = tmp_path_factory.mktemp("company")
    (home / "leadml.toml").write_text(crm.definition, encoding="utf-8")
    write(home, crm.as_of(TRAINED))
    call(home, "train", *BOTH)
    write(home, crm)
    return home


def test_a_falling_level_asks_to_recalibrate_and_recalibrating_brings_it_nearer_the_truth(
    company: Path, crm: SimulatedCrm
) -> None:
    found = call(company, "drift", *BOTH)
    assert found["asks_for"] == "recalibrate"
    assert "DRIFT009" in {finding["code"] for finding in found["findings"]}
    assert found["calibration"]["high"] < 0
    done = call(company, "recalibrate", *BOTH)
    assert (done["recalibrated_from"], done["version"], done["alias"]) == ("1", "2", "champion")
    assert done["shift"] < 0
    listed = {v["version"]: v["alias"] for v in call(company, "models")["models"]}
    assert listed == {"2": "champion", "1": None}
    before, after = (off(company, crm, version) for version in ("1", "2"))
    assert before > 0.05
    assert abs(after) < 0.65 * before  # the level went on falling after the leads it learnt from


def off(home: Path, crm: SimulatedCrm, version: str) -> float:
    """Return mean probability minus truth over hand-offs of the newest leads, none learnt from."""
    call(home, "score", *BOTH, "--model", version, "--output", "scores.csv")
    said = pd.read_csv(home / "scores.csv")["probability"].to_numpy()
    newest = crm.truth["handed_off"].to_numpy() & (np.arange(len(said)) >= 2600)
    newest &= crm.leads["handed_off_at"].notna().to_numpy()
    return float((said - crm.truth["probability"].to_numpy())[newest].mean())
