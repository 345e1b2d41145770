"""The challenger in the shadow: scores the same leads of the same moment, and disturbs nobody."""

import logging
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.api.application import create_app
from leadml.api.monitoring.metrics import Metrics
from leadml.api.serving.champion import Champion
from leadml.api.serving.shadow import MOST_WAITING, Shadow, is_chosen
from leadml.domain.event import Event
from leadml.model.bundle import write_alias
from leadml.model.scorecard import Machine, Scorecard
from leadml.settings import ServeSettings

OTHER = Machine(cards=((1.0, Scorecard(1.5)),), center=(0.0, 0.0, 0.0))
"""Scores every lead alike: 1 / (1 + exp(-1.5)) = 0.81757."""


class TestChoice:
    @given(st.text(max_size=20), st.floats(0, 1), st.floats(0, 1))
    def test_raising_the_share_adds_leads_and_loses_none(
        self, lead: str, one: float, other: float
    ) -> None:
        low, high = sorted((one, other))
        assert is_chosen(lead, high) or not is_chosen(lead, low)
        assert is_chosen(lead, 1.0)
        assert not is_chosen(lead, 0.0)

    def test_the_share_is_that_of_the_leads(self) -> None:
        # 10,000 leads at 0.1: 1,000 within 4 standard deviations of sqrt(10,000 * 0.09) = 30.
        chosen = sum(is_chosen(f"lead {number}", 0.1) for number in range(10_000))
        assert abs(chosen - 1_000) < 120


@pytest.fixture
def models(tmp_path: Path, make_version: Any) -> Path:
    """Return a folder with version 1 as champion and version 2 as challenger."""
    folder = tmp_path / "models"
    make_version(folder, "2", OTHER)
    make_version(folder, "1")
    write_alias(folder, "challenger", "2")
    return folder


@pytest.fixture
def site(tmp_path: Path, models: Path, make_settings: Any, serve_app: Any) -> Iterator[Any]:
    """Return a server with a ledger and every lead in the shadow."""
    settings = replace(make_settings(tmp_path), serve=ServeSettings(shadow=1.0))
    with serve_app(create_app(settings)) as server:
        yield server


def score(site: Any, lead: str, **fields: Any) -> dict[str, Any]:
    answer = site.client.post("/v1/score", json={"lead": {"lead_id": lead, **fields}})
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def shadowed(site: Any, lead: str, until: Any, number: int = 1) -> list[dict[str, Any]]:
    """Return the scores of a lead in the shadow, once there are so many."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        answer = site.client.get(f"/v1/leads/{lead}")
        found[:] = answer.json()["shadow_scores"] if answer.status_code == 200 else []
        return len(found) >= number

    until(there)
    return found


class TestService:
    def test_both_scores_are_recorded_of_the_same_moment(self, site: Any, until: Any) -> None:
        told = score(site, "L1", budget=5000)
        assert (told["model_version"], told["recorded"]) == ("1", True)
        (made,) = shadowed(site, "L1", until)
        assert (made["model_version"], made["shadow"]) == ("2", True)
        assert made["probability"] == pytest.approx(0.81757, abs=1e-5)
        assert made["as_of"] == told["as_of"]
        history = site.client.get("/v1/leads/L1").json()
        (given,) = history["scores"]
        assert (given["model_version"], given["happened_at"]) == ("1", made["happened_at"])
        assert history["state"]["score"]["model_version"] == "1"
        assert history["state"]["score"]["probability"] == told["probability"]
        assert history["state"]["events"] == 1
        assert "reasons" not in made
        assert "reasons" in given
        counts = site.app.state.ledger.open().counts()
        assert (counts["by_kind"]["scored"], counts["shadow_scores"]) == (1, 1)
        metrics = site.client.get("/metrics").text
        assert 'leadml_scores_total{band="A",model_version="2",role="shadow"} 1.0' in metrics

    def test_people_see_it_apart(self, site: Any, until: Any) -> None:
        score(site, "L1")
        shadowed(site, "L1", until)
        page = site.client.get("/leads/L1").text
        assert re.search(r'<details id="shadow"><summary>.*>1</data> score in the shadow<', page)
        assert "in the shadow, by a challenger" in page
        assert "scores in the shadow" in site.client.get("/").text
        models = site.client.get("/models").text
        assert "Version 2 scores 100 % of the leads in the shadow; the command" in models

    def test_the_same_request_again_is_the_same_score(self, site: Any, until: Any) -> None:
        for _ in range(3):
            score(site, "L1")
        score(site, "L2")
        shadowed(site, "L2", until)
        assert len(shadowed(site, "L1", until)) == 1

    def test_a_batch_too(self, site: Any, until: Any) -> None:
        leads = [{"lead": {"lead_id": name}} for name in ("L1", "L2")]
        leads.append({"lead": {"lead_id": "L3"}, "as_of": "soon"})
        assert site.client.post("/v1/score/batch", json={"leads": leads}).json()["failed"] == 1
        for name in ("L1", "L2"):
            shadowed(site, name, until)
        assert site.client.get("/v1/leads/L3").status_code == 404

    def test_a_version_promoted_out_of_the_shadow_has_its_score_recorded(
        self, site: Any, models: Path, until: Any
    ) -> None:
        score(site, "L1")
        shadowed(site, "L1", until)
        write_alias(models, "champion", "2")
        site.client.post("/v1/model/reload")
        told = score(site, "L1")
        assert (told["model_version"], told["recorded"]) == ("2", True)
        until(lambda: len(site.client.get("/v1/leads/L1").json()["scores"]) == 2)
        assert site.app.state.champion.challenger is None

    def test_a_damaged_challenger_touches_nobody(
        self, site: Any, models: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (models / "versions" / "2" / "model.json").write_text("{}")
        for _ in range(2):
            answer = site.client.post("/v1/model/reload").json()
        assert (answer["version"], answer["problem"]) == ("1", None)
        assert answer["challenger"] is None
        assert answer["challenger_problem"].startswith("models/versions/2/model.json was changed")
        assert site.client.get("/readyz").json()["problem"] is None
        assert score(site, "L1")["recorded"]
        told = "no version scores in the shadow, the challenger is refused"
        assert sum(told in record.getMessage() for record in caplog.records) == 1
        page = site.client.get("/models").text
        assert "No version scores in the shadow: models/versions/2/model.json was changed" in page


def test_without_a_share_no_challenger_is_loaded(
    tmp_path: Path, models: Path, make_settings: Any, serve_app: Any
) -> None:
    with serve_app(create_app(make_settings(tmp_path))) as site:
        assert score(site, "L1")["recorded"]
        assert site.app.state.champion.challenger is None
        assert site.client.post("/v1/model/reload").json()["challenger"] is None
        assert "in the shadow" not in site.client.get("/models").text


class Kept:
    """Takes scores as the recorder does."""

    def __init__(self, *, takes: bool = True) -> None:
        self.full = False
        self.events: list[Event] = []
        self.takes = takes
        self.offered = threading.Event()

    def offer(self, scored: Any) -> bool:
        self.events.append(scored)
        self.offered.set()
        return self.takes


ANSWER = {
    "lead_id": "L1",
    "recorded": True,
    "as_of": "2026-03-01T10:00:00.000000Z",
    "scored_at": "2026-03-02T10:00:00+00:00",
}


def missed(metrics: Metrics) -> list[str]:
    return [line for line in metrics.text().decode().splitlines() if "shadow_missed_total{" in line]


@pytest.fixture
def champion(models: Path) -> Champion:
    found = Champion(models, shadow=True)
    found.load()
    assert found.challenger is not None
    return found


class TestBounds:
    def test_too_many_are_passed_over_and_counted(self, champion: Champion) -> None:
        metrics, kept = Metrics(), Kept()
        shadow = Shadow(champion, kept, metrics, share=1.0)  # type: ignore[arg-type]
        half = [{}] * (MOST_WAITING // 2)
        for _ in range(3):
            shadow.offer(ANSWER, {"lead_id": "L1"}, half, None)
        assert missed(metrics) == ['leadml_shadow_missed_total{why="busy"} 2.0']

    def test_what_is_not_recorded_has_nothing_to_be_compared_with(self, champion: Champion) -> None:
        kept = Kept()
        shadow = Shadow(champion, kept, Metrics(), share=1.0)  # type: ignore[arg-type]
        shadow.offer(ANSWER | {"recorded": False}, {"lead_id": "L1"}, None, None)
        shadow._empty()
        assert kept.events == []

    @pytest.mark.parametrize(
        ("lead", "takes", "full", "why"),
        [
            ({"lead_id": "L2"}, True, False, "failed"),  # another lead than was answered
            ({"lead_id": "L1"}, False, False, "unrecorded"),
            ({"lead_id": "L1"}, True, True, "busy"),
        ],
    )
    def test_what_cannot_be_is_counted(
        self, champion: Champion, lead: dict[str, str], takes: bool, full: bool, why: str
    ) -> None:
        metrics, kept = Metrics(), Kept(takes=takes)
        kept.full = full
        shadow = Shadow(champion, kept, metrics, share=1.0)  # type: ignore[arg-type]
        shadow.offer(ANSWER, lead, None, None)
        shadow._empty()
        assert missed(metrics) == [f'leadml_shadow_missed_total{{why="{why}"}} 1.0']

    def test_a_challenger_that_fails_is_told_once(
        self, champion: Champion, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.ERROR, "leadml.api")
        challenger = champion.challenger
        assert challenger is not None
        broken = replace(challenger.bundle, machine=replace(OTHER, center=(0.0,) * 9))
        champion.challenger = type(challenger)(broken)
        metrics, kept = Metrics(), Kept()
        shadow = Shadow(champion, kept, metrics, share=1.0)  # type: ignore[arg-type]
        for _ in range(2):
            shadow.offer(ANSWER, {"lead_id": "L1"}, None, None)
        shadow._empty()
        assert missed(metrics) == ['leadml_shadow_missed_total{why="failed"} 2.0']
        assert [r.getMessage() for r in caplog.records] == [
            "version 2 cannot score a lead in the shadow: ValueError"
        ]
        assert kept.events == []
