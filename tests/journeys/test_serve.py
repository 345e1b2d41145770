"""The same leads through `leadml score`, a real server and Python: one number everywhere."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

import leadml
from leadml.data.simulate import simulate
from leadml.domain.event import KINDS
from leadml.store.ledger import Ledger

AS_OF = "2025-06-01"
TRAIN_AS_OF = "2025-12-01"
LEADML = [sys.executable, "-m", "leadml"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a company's folder with a trained champion and the scores of `leadml score`."""
    home = tmp_path_factory.mktemp("company")
    crm = simulate(1500, seed=3)
    crm.leads.to_csv(home / "leads.csv", index=False)
    crm.activities.to_csv(home / "activities.csv", index=False)
    (home / "leadml.toml").write_text(crm.definition, encoding="utf-8")
    run(home, "train", "leads.csv", "--activities", "activities.csv", "--as-of", TRAIN_AS_OF)
    given = ("--activities", "activities.csv", "--as-of", AS_OF)
    run(home, "score", "leads.csv", "--output", "scores.csv", *given)
    run(home, "points", "score", "leads.csv", "--output", "points.csv", *given)
    return home


def run(home: Path, *arguments: str) -> None:
    done = subprocess.run(
        [*LEADML, *arguments], cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def serving(
    home: Path, config: str = "leadml.toml", end: signal.Signals = signal.SIGINT
) -> Iterator[httpx2.Client]:
    words = [*LEADML, "serve", "--port", "0", "--config", config]
    process = subprocess.Popen(words, cwd=home, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = iter(process.stderr.readline, "")
        address = next(filter(None, (re.search(r"http://[^ ]+", line) for line in said)), None)
        assert address
        with httpx2.Client(base_url=address[0], timeout=60) as client:
            yield client
    finally:
        process.send_signal(end)
        process.communicate(timeout=20)


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[httpx2.Client]:
    with serving(folder) as client:
        yield client


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def requests_of(home: Path) -> list[dict[str, Any]]:
    """Return every lead of the export as a request, its cells as the texts they are."""
    touches: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in read(home / "activities.csv"):
        touches[row["lead_id"]].append(row)
    return [
        {"lead": lead, "activities": touches[lead["lead_id"]], "as_of": AS_OF}
        for lead in read(home / "leads.csv")
    ]


def assert_same(answer: dict[str, Any], row: dict[str, str]) -> None:
    """Compare an answer with the row that `leadml score` wrote for the same lead."""
    if row.get("error"):
        assert answer["error"]
        return
    assert answer["probability"] == pytest.approx(float(row["probability"]), abs=1e-9)
    assert answer["handoff_probability"] == float(row["handoff_probability"])
    assert answer["points"] == pytest.approx(float(row["points"]), abs=1e-9)
    for name in ("sales_ready", "points_ready", "hand_off", "explored", "must_follow_up"):
        assert answer[name] is (row[name] == "true")
    for name in ("lead_id", "basis", "band", "model_version"):
        assert answer[name] == row[name]
    written = json.loads(row["reasons"])
    assert [reason["feature"] for reason in answer["reasons"]] == [r["feature"] for r in written]
    for reason, other in zip(answer["reasons"], written, strict=True):
        for name in ("value", "direction", "text", "peers"):
            assert reason[name] == other[name]
        assert reason["peers"]["leads"] > 0 or reason["peers"]["close_rate"] is None
        assert reason["effect"] == pytest.approx(other["effect"], abs=1e-9)
    whole = json.loads(row["reasons_sum"])
    assert {key: answer["reasons_sum"][key] for key in ("kind", "note")} == {
        key: whole[key] for key in ("kind", "note")
    }
    for name in ("base", "shown", "rest", "total"):
        assert answer["reasons_sum"][name] == pytest.approx(whole[name], abs=1e-9)


def test_every_lead_has_the_same_score_in_batches_as_in_the_file(
    folder: Path, service: httpx2.Client
) -> None:
    items, rows = requests_of(folder), read(folder / "scores.csv")
    assert len(items) == len(rows) == 1500
    scored = 0
    for start in range(0, len(items), 500):
        answer = service.post("/v1/score/batch", json={"leads": items[start : start + 500]})
        assert answer.status_code == 200
        scored += answer.json()["scored"]
        for got, row in zip(answer.json()["scores"], rows[start : start + 500], strict=True):
            assert_same(got, row)
    assert 500 < scored < 1500  # leads created after the moment are refused on both ways


def test_one_lead_at_a_time_and_through_python(folder: Path, service: httpx2.Client) -> None:
    items, rows = requests_of(folder), read(folder / "scores.csv")
    scorer = leadml.Scorer.load(folder / "models" / "versions" / rows[0]["model_version"])
    for item, row in list(zip(items, rows, strict=True))[:200:10]:
        answer = service.post("/v1/score", json=item).json()
        assert_same(answer, row)
        assert answer["warnings"] == []
    (alone,) = scorer.score_records(
        [items[5]["lead"]],
        activities=[items[5]["activities"]],
        as_of=[datetime(2025, 6, 1, tzinfo=UTC)],
    )
    assert_same(alone.to_dict(), rows[5])


def test_where_no_moment_is_given_the_hand_off_is_the_moment(
    folder: Path, service: httpx2.Client
) -> None:
    run(folder, "score", "leads.csv", "--output", "now.csv", "--activities", "activities.csv")
    pairs = zip(requests_of(folder), read(folder / "now.csv"), strict=True)
    handed_off = [(item, row) for item, row in pairs if item["lead"]["handed_off_at"]][:200]
    leads = [{"lead": item["lead"], "activities": item["activities"]} for item, _ in handed_off]
    answer = service.post("/v1/score/batch", json={"leads": leads}).json()
    assert (answer["scored"], answer["failed"]) == (200, 0)
    for got, (_, row) in zip(answer["scores"], handed_off, strict=True):
        assert_same(got, row)


def test_numbers_may_come_as_numbers(folder: Path, service: httpx2.Client) -> None:
    item = next(i for i in requests_of(folder) if i["lead"]["budget"])
    as_text = service.post("/v1/score", json=item).json()
    lead = item["lead"] | {"budget": float(item["lead"]["budget"])}
    lead = {name: value or None for name, value in lead.items()}
    as_number = service.post("/v1/score", json=item | {"lead": lead}).json()
    assert as_number["probability"] == as_text["probability"]
    assert as_number["points_rules"] == as_text["points_rules"]


def test_points_are_those_of_points_score(folder: Path, service: httpx2.Client) -> None:
    rows = read(folder / "points.csv")
    items = requests_of(folder)
    for item, row in list(zip(items, rows, strict=True))[:300:15]:
        answer = service.post("/v1/score", json=item).json()
        assert answer["points_rules"] == json.loads(row["rules"])
        assert (answer["grade"], answer["points_bucket"] or "") == (row["grade"], row["bucket"])


def test_the_card_tells_what_serves(folder: Path, service: httpx2.Client) -> None:
    card = service.get("/v1/model").json()
    settings = leadml.load_settings(folder / "leadml.toml")
    assert card["agreement_hash"] == settings.definition.agreement.hash()
    assert card["threshold"]["basis"] in {"guaranteed", "estimated", "points", "none"}
    assert set(card["bands"]) == {"A", "B", "C"}
    assert 0 < card["metrics"]["log_loss"] < 1
    assert card["trained_on"]["as_of"].startswith(TRAIN_AS_OF)


def test_what_the_service_took_is_in_the_ledger_when_it_ends(folder: Path) -> None:
    """Post events twice, score 200 leads one by one and stop the service after the last answer."""
    definition = (folder / "leadml.toml").read_text("utf-8")
    ledger_lies = '\n[store]\nurl = "sqlite:///stopped.db"\n'
    (folder / "company.toml").write_text(definition + ledger_lies, "utf-8")
    pairs = zip(requests_of(folder), read(folder / "scores.csv"), strict=True)
    asked = [(item, row) for item, row in pairs if not row.get("error")][:200]
    happened = {"event": "handed_off", "happened_at": "2025-06-02"}
    events = {"events": [happened | {"lead": row["lead_id"]} for _, row in asked]}
    with serving(folder, "company.toml", signal.SIGTERM) as client:
        first = client.post("/v1/events", json=events).json()
        again = client.post("/v1/events", json=events).json()
        taken = [client.post("/v1/score", json=item).json()["recorded"] for item, _ in asked]
    assert (first["recorded"], again["duplicates"], len(taken)) == (200, 200, 200)
    assert [r["id"] for r in first["results"]] == [r["id"] for r in again["results"]]
    assert all(taken)
    with Ledger.open(f"sqlite:///{folder / 'stopped.db'}", create=False) as ledger:
        by_kind = ledger.counts()["by_kind"]
        kept = {row["lead_id"]: ledger.history(row["lead_id"]) for _, row in asked[::40]}
    assert by_kind == dict.fromkeys(KINDS, 0) | {"scored": 200, "handed_off": 200}
    for item, row in asked[::40]:
        (score,) = [s.event for s in kept[row["lead_id"]] if s.event.event == "scored"]
        assert score.detail["probability"] == pytest.approx(float(row["probability"]), abs=1e-9)
        assert score.detail["attributes"]["source"] == item["lead"]["lead_source"]


def test_a_service_without_a_model_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "leadml.toml").write_text("")
    with serving(tmp_path) as client:
        assert client.get("/healthz").status_code == 200
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "leadml train" in answer.json()["detail"]


def test_other_machines_need_a_key(tmp_path: Path) -> None:
    (tmp_path / "leadml.toml").write_text("")
    environment = {k: v for k, v in os.environ.items() if k != "LEADML_API_KEYS"}
    done = subprocess.run(
        [*LEADML, "serve", "--host", "0.0.0.0"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "set LEADML_API_KEYS" in done.stderr
