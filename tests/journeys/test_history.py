"""Leads whose budget is filled in once they are won, with and without the history that tells."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from leadml.cli.main import main
from leadml.settings import load_settings
from leadml.workflows.evaluate import evaluate
from leadml.workflows.material import gather, held_points
from leadml.workflows.score import Scorer
from leadml.workflows.score_file import score
from leadml.workflows.train import Training, train

CONFIG = """
[leads]
id = "lead_id"
outcome = "stage"
won = ["won"]
lost = ["lost"]
created_at = "created_at"
closed_at = "closed_at"

[history]
lead = "LeadId"
field = "Field"
old = "OldValue"
new = "NewValue"
at = "CreatedDate"

[sales_ready]
horizon_days = 20
"""
N = 1600
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Crm:
    leads: pd.DataFrame
    history: pd.DataFrame
    config: Path

    @property
    def older(self) -> pd.DataFrame:
        return self.leads.head(1000)

    @property
    def newer(self) -> pd.DataFrame:
        return self.leads.tail(N - 1000)


def made(folder: Path) -> Crm:
    """Every second lead tells a budget when it comes in, a little more if it will be won.

    The other won ones have theirs written when they are won, from ten to fifteen days later.
    """
    random = np.random.default_rng(3)
    won = random.random(N) < 0.3
    created = pd.date_range("2024-01-01", periods=N, freq="8h", tz="UTC")
    closed = created + DAY * 1 * (10 + 5 * random.random(N))
    told = random.random(N) < 0.5
    budget = np.round(np.exp(8 + random.normal(size=N) + 0.6 * won)).astype(int).astype(str)
    late = won & ~told
    leads = pd.DataFrame(
        {
            "lead_id": [f"L{n}" for n in range(N)],
            "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "closed_at": closed.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "employees": random.integers(1, 500, N),
            "budget": pd.Series(budget, dtype=object).where(told | late),
            "stage": np.where(won, "won", "lost"),
        }
    )
    history = pd.DataFrame(
        {
            "LeadId": leads["lead_id"][late],
            "Field": "budget",
            "OldValue": pd.Series([None] * int(late.sum()), dtype=object, index=leads.index[late]),
            "NewValue": leads["budget"][late],
            "CreatedDate": leads["closed_at"][late],
        }
    )
    (folder / "leadml.toml").write_text(CONFIG)
    return Crm(leads, history, folder / "leadml.toml")


@pytest.fixture(scope="module")
def naive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Crm, Training]:
    crm = made(tmp_path_factory.mktemp("naive"))
    return crm, train(crm.older, config=crm.config)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Crm, Training]:
    crm = made(tmp_path_factory.mktemp("honest"))
    return crm, train(crm.older, history=crm.history, config=crm.config)


def on_budget(training: Training) -> set[str]:
    return {f.code for f in training.findings if f.column == "budget" and f.code.startswith("LEAK")}


def test_without_a_history_the_audit_suspects_it_and_the_model_is_too_good(
    naive: tuple[Crm, Training],
) -> None:
    _, training = naive
    assert on_budget(training) == {"LEAK009"}  # filled in 100 of 100 won, 50 of 100 lost leads
    assert max(row["auc"] for row in training.candidates) > 0.74


def test_with_a_history_the_value_of_the_moment_is_used(honest: tuple[Crm, Training]) -> None:
    # Told budgets of won leads lie .6 standard deviations higher, in every second lead:
    # AUC = (1 + Phi(.6 / sqrt 2)) / 2 in the best case for half of all pairs, so about .6.
    _, training = honest
    assert on_budget(training) == set()
    assert 0.54 < max(row["auc"] for row in training.candidates) < 0.66
    manifest = json.loads((training.bundle / "manifest.json").read_text())
    assert manifest["history"]["fields"] == ["budget"]
    assert manifest["history"]["changes"] > 200


def test_evaluation_with_the_history_is_honest_and_without_it_warns(
    honest: tuple[Crm, Training], tmp_path: Path
) -> None:
    crm, training = honest
    promised = max(row["auc"] for row in training.candidates)
    options = {"config": crm.config, "output": tmp_path}
    fair = evaluate(crm.newer, history=crm.history, **options).to_dict()  # type: ignore[arg-type]
    assert fair["scores"]["model"]["auc"]["value"] == pytest.approx(promised, abs=0.06)
    assert "EVAL004" not in {note["code"] for note in fair["notes"]}
    unfair = evaluate(crm.newer, **options).to_dict()  # type: ignore[arg-type]
    assert "EVAL004" in {note["code"] for note in unfair["notes"]}


def test_the_history_is_read_at_the_command_line(
    honest: tuple[Crm, Training], tmp_path: Path
) -> None:
    crm, _ = honest
    leads, changes = tmp_path / "leads.csv", tmp_path / "changes.csv"
    crm.older.to_csv(leads, index=False)
    crm.history.to_csv(changes, index=False)
    args = ["check", str(leads), "--history", str(changes), "--config", str(crm.config), "--json"]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["changes"] == len(crm.history)
    assert not [f for f in found["findings"] if f["column"] == "budget"]


def test_a_file_and_a_record_of_that_moment_score_alike(
    honest: tuple[Crm, Training], tmp_path: Path
) -> None:
    crm, training = honest
    late = crm.leads[crm.leads["lead_id"].isin(crm.history["LeadId"])].tail(3)
    moment = "2025-03-01" if late.empty else str(late["created_at"].iloc[-1])
    score(
        late,
        tmp_path / "scores.parquet",
        history=crm.history,
        config=crm.config,
        as_of=moment,
    )
    scored = pd.read_parquet(tmp_path / "scores.parquet")["probability"].tolist()
    columns = ["lead_id", "created_at", "employees"]
    records = late[columns].to_dict("records")
    at = datetime.fromisoformat(moment)
    # As of the last one's creation the others' wins, and their budgets, may lie ahead too.
    known = crm.history.set_index("LeadId")["CreatedDate"] < moment
    for record, budget in zip(records, late["budget"], strict=True):
        record["budget"] = budget if known[record["lead_id"]] else None
    answers = Scorer.load(training.bundle).score_records(records, as_of=[at] * len(records))
    assert scored == [answer.probability for answer in answers]


def test_points_of_the_crm_are_those_of_the_moment(tmp_path: Path) -> None:
    crm = made(tmp_path)
    crm.config.write_text(CONFIG.replace('id = "lead_id"', 'id = "lead_id"\npoints = "score"'))
    leads = crm.older.head(2).assign(score=["90", "40"])
    change = {"LeadId": "L0", "Field": "score", "OldValue": "10", "NewValue": "90"}
    history = pd.DataFrame([change | {"CreatedDate": "2024-01-05T00:00:00Z"}])
    settings = load_settings(crm.config)
    given = {"definition": settings.definition, "root": tmp_path, "labelled": False}
    material = gather(leads, history=history, **given)  # type: ignore[arg-type]
    day = np.array(["2024-01-05", "2024-01-05"], "datetime64[us]").view("i8")
    at = [held_points(material, np.arange(2), day + shift) for shift in (0, 1)]
    assert [points.tolist() for points in at if points is not None] == [[10, 40], [90, 40]]
    plain = gather(leads, **given)  # type: ignore[arg-type]
    now = held_points(plain, np.array([0]), day[:1])
    assert now is not None
    assert now.tolist() == [90]


def test_the_latest_change_counts_as_now(tmp_path: Path) -> None:
    crm = made(tmp_path)
    late = crm.history.tail(1).assign(CreatedDate="2027-01-01T00:00:00Z")
    definition = load_settings(crm.config).definition
    found = gather(crm.older, history=late, definition=definition, root=tmp_path, labelled=False)
    assert found.now == np.datetime64("2027-01-01")
