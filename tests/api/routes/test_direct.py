"""What is answered directly is what the routes answer; all that is unusual is handed on."""

import asyncio
import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.datastructures import State

from leadml.api.access.gate import Gate
from leadml.api.access.keyring import Keyring
from leadml.api.application import create_app
from leadml.api.recording.recorder import Recorder
from leadml.api.routes import direct
from leadml.api.routes.direct import Direct

LEAD = {"lead_id": "Zoë", "budget": "5,000", "source": "Web", "bugdet": 1}
VIEWS = [{"timestamp": "2026-03-01T10:00:00Z", "event": "page_view", "url": "/pricing"}]
OTHERS = [VIEWS[0] | {"lead_id": "L2"}]
ONE = {"lead": LEAD, "activities": VIEWS, "account_activities": OTHERS, "as_of": "2026-03-03"}
WRONG = {"lead": {"lead_id": 1, "budget": "lots"}, "as_of": "soon"}
BODIES = [
    ("/v1/score", ONE),
    ("/v1/score", WRONG),
    ("/v1/score", ONE | {"activities": VIEWS * 700}),  # worked on in a thread
    ("/v1/score/batch", {"leads": [ONE, WRONG, {"lead": {"lead_id": 7}, "as_of": "2026-03-03"}]}),
    ("/v1/score/batch", {"leads": [ONE] * 40}),
    ("/v1/score/batch", {"leads": []}),
]


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_a_direct_answer_is_that_of_the_route(service: Any, path: str, body: object) -> None:
    """A media type with a suffix is JSON too, and the routes' to answer."""
    client, content = service.client, json.dumps(body)
    told, direct_told = (
        client.post(path, content=content, headers={"Content-Type": f"application/{kind}"})
        for kind in ("crm+json", "json")
    )
    assert direct_told.status_code == told.status_code
    assert direct_told.headers["content-type"] == told.headers["content-type"]
    assert _undated(direct_told.json()) == _undated(told.json())
    assert list(direct_told.json()) == list(told.json())


def _undated(answer: dict[str, Any]) -> dict[str, Any]:
    for score in (answer, *answer.get("scores", ())):
        score.pop("scored_at", None)
    return answer


@pytest.mark.parametrize(
    ("path", "method", "kind", "body", "handed_on"),
    [
        ("/v1/score", "POST", "application/json", ONE, False),
        ("/v1/score", "POST", "application/json;charset=utf-8", ONE, False),
        ("/v1/score/batch", "POST", "application/json", {"leads": [ONE]}, False),
        ("/v1/score", "PUT", "application/json", ONE, True),
        ("/v1/scores", "POST", "application/json", ONE, True),
        ("/v1/score", "POST", "application/jsonl", ONE, True),
        ("/v1/score", "POST", "text/plain", ONE, True),
        ("/v1/score", "POST", "application/json", ONE | {"x": 1}, True),
        ("/v1/score", "POST", "application/json", ONE | {"as_of": 1}, True),
        ("/v1/score", "POST", "application/json", ONE | {"lead": []}, True),
        ("/v1/score", "POST", "application/json", {"as_of": None}, True),
        ("/v1/score", "POST", "application/json", ONE | {"activities": {}}, True),
        ("/v1/score", "POST", "application/json", ONE | {"account_activities": [1]}, True),
        ("/v1/score", "POST", "application/json", ONE | {"activities": [{}] * 10_001}, True),
        ("/v1/score", "POST", "application/json", [ONE], True),
        ("/v1/score/batch", "POST", "application/json", {"leads": [ONE, 5]}, True),
        ("/v1/score/batch", "POST", "application/json", {"leads": [ONE], "x": 1}, True),
        ("/v1/score/batch", "POST", "application/json", {"leads": {}}, True),
        ("/v1/score/batch", "POST", "application/json", {"leads": [ONE] * 1001}, True),
        ("/v1/score/batch", "POST", "application/json", [], True),
    ],
)
def test_the_unusual_is_handed_on(
    service: Any, path: str, method: str, kind: str, body: object, *, handed_on: bool
) -> None:
    status = _asked(service.app.state, path, method=method, kind=kind, body=json.dumps(body))
    assert (status == 299) is handed_on
    assert handed_on or status == 200


@pytest.mark.parametrize("body", ['{"lead": {}, "lead": {}}', '{"lead": {"a": NaN}}', "{", ""])
def test_what_is_not_strictly_json_is_handed_on(service: Any, body: str) -> None:
    assert _asked(service.app.state, "/v1/score", body=body) == 299


def test_who_may_not_score_is_handed_on(service: Any) -> None:
    body = json.dumps(ONE)
    assert _asked(service.app.state, "/v1/score", body=body, scopes={"read", "events"}) == 299


def test_without_a_champion_all_is_handed_on(empty: Any) -> None:
    assert _asked(empty.app.state, "/v1/score", body=json.dumps(ONE)) == 299


def _asked(
    state: State,
    path: str,
    *,
    body: str,
    method: str = "POST",
    kind: str = "application/json",
    scopes: frozenset[str] | set[str] = frozenset({"score"}),
) -> int:
    """Return the status of an answer: 299 where the request was handed on."""
    sent: list[MutableMapping[str, Any]] = []

    async def beyond(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299})

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    of_gate = {"scopes": scopes, "body": body.encode(), "fields": {b"content-type": kind.encode()}}
    scope = {"type": "http", "method": method, "path": path, "state": of_gate}
    asyncio.run(Direct(beyond, state)(scope, _nothing, send))
    return int(sent[0]["status"])


async def _nothing() -> MutableMapping[str, Any]:
    raise AssertionError


class TestOverload:
    def test_with_a_full_recorder_no_score_is_given(
        self, tmp_path: Path, make_version: Any, make_settings: Any, serve_app: Any
    ) -> None:
        make_version(tmp_path / "models")
        app = create_app(make_settings(tmp_path))
        app.state.recorder = _Full(app.state.ledger, None)
        with serve_app(app) as server:
            for kind in ("json", "crm+json"):
                for path, body in BODIES[:4]:
                    headers = {"Content-Type": f"application/{kind}"}
                    answer = server.client.post(path, content=json.dumps(body), headers=headers)
                    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
                    assert answer.json() == {
                        "detail": "too many scores wait to be recorded: nothing of this request "
                        "was done; send it again"
                    }
            assert server.client.get("/healthz").status_code == 200
            assert server.client.get("/readyz").status_code == 200

    def test_large_requests_do_not_pile_up(
        self, service: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(direct, "MOST_WAITING", 0)
        client = service.client
        assert client.post("/v1/score", json=ONE).status_code == 200
        counted = _overloads(client)
        answer = client.post("/v1/score/batch", json={"leads": [ONE] * 40})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "too many large requests at a time" in answer.json()["detail"]
        assert _overloads(client) == counted + 1


def _overloads(client: Any) -> float:
    return float(client.get("/metrics").text.partition("\nleadml_overload_total ")[2].split()[0])


class _Full(Recorder):
    """A recorder whose queue is full."""

    @property
    def full(self) -> bool:
        return True


def test_a_fault_is_answered_500_and_logged_by_its_kind(
    service: Any, caplog: pytest.LogCaptureFixture, serve_app: Any
) -> None:
    app, state = FastAPI(), State()
    state.champion, state.recorder = service.app.state.champion, None  # so that offering fails
    app.add_middleware(Direct, state=state)
    app.add_middleware(Gate, keyring=Keyring(), paths=("/v1/score",))
    with serve_app(app) as server:
        assert server.client.post("/v1/score", json=ONE).status_code == 500
    (fault,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert fault.getMessage().startswith("POST /v1/score: AttributeError at ")
    assert "Zo" not in caplog.text
