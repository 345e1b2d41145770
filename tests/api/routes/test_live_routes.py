"""A running service takes up the champion that is named, and drops no request for it."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from leadml.api.application import create_app
from leadml.api.serving.watch import Watch
from leadml.model.bundle import ALIASES, write_alias
from leadml.model.scorecard import Machine, Scorecard

OTHER = Machine(cards=((1.0, Scorecard(1.5)),), center=(0.0, 0.0, 0.0))
"""Scores every lead alike: 1 / (1 + exp(-1.5)) = 0.81757."""
LEAD = {"lead": {"lead_id": "L1", "budget": 5000}}


@pytest.fixture
def models(tmp_path: Path, make_version: Any) -> Path:
    """Return a folder with two versions, the first as champion."""
    folder = tmp_path / "models"
    make_version(folder, "2", OTHER)
    (folder / ALIASES).unlink()
    make_version(folder, "1")
    return folder


@pytest.fixture
def site(tmp_path: Path, models: Path, make_settings: Any, serve_app: Any) -> Iterator[Any]:
    app = create_app(make_settings(tmp_path))
    app.state.watch = Watch(models, app.state.champion.load, seconds=0.02)
    with serve_app(app) as server:
        yield server


def version_of(site: Any) -> str:
    version: str = site.client.get("/readyz").json()["version"]
    return version


def test_a_champion_named_elsewhere_serves_soon(site: Any, models: Path, until: Any) -> None:
    assert version_of(site) == "1"
    write_alias(models, "champion", "2")
    until(lambda: version_of(site) == "2")
    assert site.client.post("/v1/score", json=LEAD).json()["model_version"] == "2"
    write_alias(models, "champion", "1")
    until(lambda: version_of(site) == "1")


def test_a_damaged_one_is_refused_told_and_taken_up_when_it_is_restored(
    site: Any, models: Path, until: Any
) -> None:
    path = models / "versions" / "2" / "model.json"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    write_alias(models, "champion", "2")
    until(lambda: site.client.get("/readyz").json()["problem"])
    answer = site.client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "version": "1",
        "problem": "models/versions/2/model.json was changed since the bundle was sealed: restore "
        "it or train again",
        "recording": True,
    }
    assert site.client.post("/v1/score", json=LEAD).json()["model_version"] == "1"
    metrics = site.client.get("/metrics").text
    assert "leadml_model_refused 1.0" in metrics
    assert "leadml_model_load_failures_total 1.0" in metrics
    assert "<h1>Version 1 serves.</h1>" in site.client.get("/models").text
    path.write_bytes(whole)
    until(lambda: version_of(site) == "2")
    assert site.client.get("/readyz").json()["problem"] is None
    assert "leadml_model_refused 0.0" in site.client.get("/metrics").text


def test_names_that_vanish_leave_the_champion_in_its_place(
    site: Any, models: Path, until: Any
) -> None:
    (models / ALIASES).unlink()
    until(lambda: site.client.get("/readyz").json()["problem"])
    assert version_of(site) == "1"
    write_alias(models, "champion", "2")
    until(lambda: version_of(site) == "2")


def test_a_service_without_a_model_gets_one(
    tmp_path: Path, make_settings: Any, make_version: Any, serve_app: Any, until: Any
) -> None:
    app = create_app(make_settings(tmp_path))
    app.state.watch = Watch(tmp_path / "models", app.state.champion.load, seconds=0.02)
    with serve_app(app) as site:
        assert site.client.get("/readyz").status_code == 503
        make_version(tmp_path / "models", "1")
        until(lambda: site.client.get("/readyz").status_code == 200)


class TestReload:
    def test_it_takes_up_what_is_named_now(
        self, tmp_path: Path, models: Path, make_settings: Any, serve_app: Any
    ) -> None:
        app = create_app(make_settings(tmp_path))
        app.state.watch = Watch(models, app.state.champion.load, seconds=3600)
        with serve_app(app) as site:
            write_alias(models, "champion", "2")
            answer = site.client.post("/v1/model/reload")
            assert answer.status_code == 200
            assert answer.json() == {
                "version": "2",
                "previous": "1",
                "changed": True,
                "problem": None,
                "challenger": None,
                "challenger_problem": None,
            }
            again = site.client.post("/v1/model/reload").json()
            assert (again["version"], again["previous"], again["changed"]) == ("2", "2", False)
            (models / "versions" / "1" / "manifest.json").unlink()
            write_alias(models, "champion", "1")
            refused = site.client.post("/v1/model/reload").json()
            assert (refused["version"], refused["changed"]) == ("2", False)
            assert refused["problem"].startswith("models/versions/1/manifest.json is missing")

    def test_without_any_model_it_says_so(self, empty: Any) -> None:
        answer = empty.client.post("/v1/model/reload")
        assert answer.status_code == 200
        assert answer.json()["version"] is None
        assert "no model in models" in answer.json()["problem"]

    def test_it_takes_an_administrator(
        self, tmp_path: Path, models: Path, make_settings: Any, serve_app: Any
    ) -> None:
        settings = make_settings(tmp_path, keys=("plain",), admin_keys=("chief",))
        with serve_app(create_app(settings)) as site:
            statuses = [
                site.client.post("/v1/model/reload", headers={"X-API-Key": key}).status_code
                for key in ("unknown", "plain", "chief")
            ]
        assert statuses == [401, 403, 200]


def test_no_request_is_dropped_while_champions_change(site: Any, models: Path, until: Any) -> None:
    """Every answer is one version's own, and every connection is kept."""
    own = {"1": site.client.post("/v1/score", json=LEAD).json()["probability"], "2": 0.81757}
    answers: list[tuple[int, str, float]] = []
    faults: list[Exception] = []
    done = threading.Event()

    def ask() -> None:
        with httpx2.Client(base_url=site.url, timeout=30) as client:
            while not done.is_set():
                try:
                    answer = client.post("/v1/score", json=LEAD)
                    told = answer.json()
                    answers.append((answer.status_code, told["model_version"], told["probability"]))
                except Exception as fault:
                    faults.append(fault)

    clients = [threading.Thread(target=ask) for _ in range(2)]
    for client in clients:
        client.start()
    try:
        for number in range(8):
            wanted = "12"[(number + 1) % 2]
            write_alias(models, "champion", wanted)
            start = len(answers)
            until(lambda since=start, now=wanted: any(a[1] == now for a in answers[since:]))
    finally:
        done.set()
        for client in clients:
            client.join()
    assert faults == []
    assert {status for status, _, _ in answers} == {200}
    assert {version for _, version, _ in answers} == {"1", "2"}
    for _, version, probability in answers:
        assert probability == pytest.approx(own[version], abs=1e-5)
