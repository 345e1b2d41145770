"""The service as a whole: what it describes, and what it says without a model."""

import html
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from leadml.api.application import API_PATHS, create_app
from leadml.workflows.doctor_service import service_check


class TestDescription:
    @pytest.fixture
    def described(self, service: Any) -> dict[str, Any]:
        description: dict[str, Any] = service.client.get("/openapi.json").json()
        return description

    def test_operations_have_names_that_last(self, described: dict[str, Any]) -> None:
        names = {
            (verb, path): operation["operationId"]
            for path, verbs in described["paths"].items()
            for verb, operation in verbs.items()
        }
        assert names == {
            ("get", "/healthz"): "health",
            ("get", "/readyz"): "readiness",
            ("post", "/v1/score"): "score_lead",
            ("post", "/v1/score/batch"): "score_leads",
            ("get", "/v1/model"): "model",
            ("post", "/v1/model/reload"): "reload_model",
            ("post", "/v1/events"): "record_events",
            ("get", "/v1/leads/{lead}"): "lead_history",
            ("get", "/metrics"): "metrics",
            ("post", "/v1/crm/hubspot"): "score_hubspot",
        }

    def test_the_gate_knows_every_path(self, described: dict[str, Any]) -> None:
        assert set(described["paths"]) == API_PATHS | {"/healthz", "/readyz"}

    def test_refusals_are_described(self, guarded: Any) -> None:
        described = guarded.client.get("/openapi.json").json()
        for path in ("/v1/score", "/v1/score/batch", "/v1/events"):
            operation = described["paths"][path]["post"]
            assert set(operation["responses"]) >= {"200", "401", "403", "413", "422", "503"}
            assert operation["security"] == [{"Bearer": []}, {"ApiKey": []}]
        assert "security" not in described["paths"]["/healthz"]["get"]
        assert set(described["components"]["securitySchemes"]) == {
            "Bearer",
            "ApiKey",
            "HubSpotSignature",
        }

    def test_answers_have_the_fields_described(
        self, described: dict[str, Any], service: Any
    ) -> None:
        schemas = described["components"]["schemas"]
        answer = service.client.post("/v1/score", json={"lead": {"lead_id": 1}}).json()
        assert list(answer) == list(schemas["ScoreAnswer"]["properties"])
        batch = {"leads": [{"lead": {"lead_id": 1}}]}
        answer = service.client.post("/v1/score/batch", json=batch).json()
        assert list(answer) == list(schemas["BatchAnswer"]["properties"])
        assert list(answer["scores"][0]) == list(schemas["BatchResult"]["properties"])
        assert list(service.client.get("/v1/model").json()) == list(
            schemas["ModelCard"]["properties"]
        )

    def test_names_of_schemes_may_be_used_as_names(self, described: dict[str, Any]) -> None:
        for kind in described["components"].values():
            assert all(re.fullmatch(r"[\w.-]+", name) for name in kind)


class TestPage:
    def test_it_tells_every_operation_and_needs_no_network(self, service: Any) -> None:
        answer = service.client.get("/docs")
        page = answer.text
        assert answer.headers["Content-Type"].startswith("text/html")
        for heading in ("GET /healthz", "POST /v1/score", "POST /v1/score/batch", "GET /v1/model"):
            assert f"<h2>{heading}</h2>" in page
        assert "<script" not in page
        assert re.findall(r"(?:src|href)=\"([^\"]*)\"", page) == [
            "openapi.json",
            "openapi-3.0.json",
        ]

    def test_it_tells_fields_answers_and_examples(self, service: Any) -> None:
        page = service.client.get("/docs").text
        assert "<tr><td><code>as_of</code><td>string or null<td>The moment the lead is" in page
        told = "Each: feature, value, effect, direction, text, peers."
        assert re.search(rf"<code>reasons</code><td>array<td>The five strongest.*{told}", page)
        assert "<p>413: The body has more than 5 MB</p>" in page
        example = html.unescape(page).partition("v1/score -H")[2]
        sent = json.loads(example.partition("-d '")[2].partition("'")[0])
        assert sent["lead"] == {"lead_id": "L-1042", "budget": 12, "source": "Ads"}


class TestHealth:
    def test_alive_and_ready(self, service: Any) -> None:
        assert service.client.get("/healthz").json() == {"status": "ok"}
        assert service.client.get("/readyz").json() == {
            "status": "ready",
            "version": "3",
            "problem": None,
            "recording": True,
        }

    def test_without_a_champion_alive_but_not_ready(self, empty: Any) -> None:
        assert empty.client.get("/healthz").status_code == 200
        for answer in (
            empty.client.get("/readyz"),
            empty.client.get("/v1/model"),
            empty.client.post("/v1/score", json={"lead": {}}),
        ):
            assert answer.status_code == 503
            assert answer.json()["detail"].startswith("no model in models: train one with `leadml")

    def test_what_is_not_there_is_json_too(self, service: Any) -> None:
        assert service.client.get("/v2").json() == {"detail": "Not Found"}
        assert service.client.get("/v1/score").status_code == 405


def test_a_service_that_does_not_record_says_so_and_the_doctor_hears_it(
    tmp_path: Any, make_version: Any, make_settings: Any, serve_app: Any
) -> None:
    make_version(tmp_path / "models")
    (tmp_path / "ledger.db").write_text("this is no database: " * 50)
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with serve_app(create_app(replace(make_settings(tmp_path), store_url=url))) as server:
        assert server.client.get("/readyz").json()["recording"] is False
        check = service_check(server.url, "3")
        assert (check.status, check.code) == ("problem", "DOC021")
        assert check.found == f'{server.url} answers with version 3, and "recorded": false'
        assert service_check(server.url, "3", records=False).status == "ok"  # no ledger is wanted
        page = server.client.get("/").text
        assert "The ledger cannot be used now; the log of the service says why." in page
        assert "Scores are not recorded; the service’s log says why." in page


def test_paths_of_the_server_are_logged_and_not_answered(
    tmp_path: Any,
    make_version: Any,
    make_settings: Any,
    serve_app: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    manifest = make_version(tmp_path / "models") / "manifest.json"
    manifest.unlink()
    with serve_app(create_app(make_settings(tmp_path))) as server:
        answer = server.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "detail": "models/versions/3/manifest.json is missing: train a model with `leadml train`, "
        "or restore the file"
    }
    assert f"no champion to serve: {manifest} is missing" in caplog.text


def test_a_damaged_champion_is_told_and_not_served(
    tmp_path: Any, make_version: Any, make_settings: Any
) -> None:
    folder = make_version(tmp_path / "models")
    (folder / "model.json").write_text("{}")
    champion = create_app(make_settings(tmp_path)).state.champion
    assert champion.scorer is None
    assert "was changed since the bundle was sealed" in champion.problem


class TestModelCard:
    def test_what_serves(self, service: Any) -> None:
        card = service.client.get("/v1/model").json()
        agreement = card.pop("agreement")
        assert (agreement["close_rate"], agreement["signed_by"]) == (0.3, ["Marketing", "Sales"])
        assert re.fullmatch("[0-9a-f]{64}", card.pop("agreement_hash"))
        assert card == {
            "version": "3",
            "trained_at": "2026-01-01T00:00:00+00:00",
            "trained_on": {
                "leads": 900,
                "won": 210,
                "from": "2024-07-01T00:00:00Z",
                "to": "2025-06-30T00:00:00Z",
                "as_of": None,
            },
            "chosen": "additive boosting",
            "threshold": {"probability": 0.5, "basis": "guaranteed", "low": 0.31},
            "bands": {"A": 0.6, "B": 0.3, "C": 0.1},
            "features": ["budget", "source", "page_view, 7 days"],
            "points": {
                "threshold": 40,
                "column": None,
                "rules": 2,
                "buckets": {"A": 40, "B": 20},
            },
            "eventually": None,
            "accounts": None,
            "value": {"basis": "mean", "won_with_margin": 40},
            "metrics": {"log_loss": 0.41, "auc": 0.7},
            "looks_at": None,  # a version without peers
        }
