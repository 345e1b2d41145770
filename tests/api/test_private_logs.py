"""Nothing that was sent reaches a log: every route, asked rightly and wrongly, by everybody."""

import json
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from leadml.api.access.hubspot_signature import signature
from leadml.api.application import create_app
from leadml.api.pages.website import ROUTERS

MARK = "zxqjane"
PERSON = f"{MARK}@example.com"
SECRET = f"{MARK}-secret"
LEAD = {"lead_id": PERSON, "budget": 5000, "source": MARK, "note": PERSON, MARK: PERSON}
TOUCH = {"timestamp": "2026-03-01", "event": MARK, "url": f"/{PERSON}"}
BODIES: list[Any] = [
    {"lead": LEAD, "activities": [TOUCH]},
    {"lead": LEAD | {"budget": PERSON}, "activities": [TOUCH | {"timestamp": PERSON}]},
    {"lead": PERSON, MARK: PERSON, "as_of": PERSON},
    {"leads": [{"lead": LEAD}, {"lead": {"lead_id": [PERSON]}}]},
    {"event": "won", "lead": PERSON, "happened_at": "2026-03-02", "detail": {MARK: PERSON}},
    {"events": [{"event": "won", "lead": PERSON, "happened_at": "2026-03-02", "owner": MARK}]},
    {"event": MARK, "lead": PERSON, "happened_at": PERSON, "idempotency_key": PERSON},
    {"objectId": PERSON, "properties": {"budget": PERSON, "source": {"value": MARK}}},
    [PERSON],
    PERSON,
]
RAW = [
    f'{{"{MARK}": NaN}}'.encode(),
    f"{MARK}=".encode(),
    MARK.encode() * 800_000,
    b"\xff" + MARK.encode(),
]


@pytest.fixture
def server(tmp_path: Path, make_version: Any, make_app: Any, make_key: Any) -> Iterator[Any]:
    make_version(tmp_path / "models")
    make_key(tmp_path, "reader", "read")
    keys = {"api_keys": (f"{MARK}-plain",), "admin_keys": (f"{MARK}-boss",)}
    with make_app(tmp_path, **keys, hubspot_secret=SECRET) as server:
        yield server


def routes(app: Any) -> list[tuple[str, str]]:
    """Return every method and path, parameters filled with what is nobody's business."""
    described = {
        (verb.upper(), path) for path, verbs in app.openapi()["paths"].items() for verb in verbs
    }
    pages = {
        (verb, route.path.replace(":path", ""))
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for verb in route.methods
    }
    found = (
        described
        | pages
        | {(verb, path) for verb in ("GET", "PUT") for path in ("/nowhere", "/v1/score")}
    )
    return sorted((verb, path.replace("{", MARK).replace("}", PERSON)) for verb, path in found)


def told_of(caplog: pytest.LogCaptureFixture) -> str:
    """Return what our own loggers and uvicorn's would write."""
    ours = [r for r in caplog.records if r.name.startswith(("leadml", "uvicorn.error"))]
    return "\n".join(f"{record.getMessage()} {record.exc_text or ''}" for record in ours)


def ask_everything(server: Any) -> set[int]:
    seen: set[int] = set()
    headers = {
        "User-Agent": MARK,
        "Cookie": f"leadml_session={MARK}",
        "Referer": f"http://{PERSON}/",
        "X-Forwarded-For": MARK,
        "X-Request-ID": "known",
    }
    bodies = [json.dumps(body).encode() for body in BODIES] + RAW
    for key in ({}, *({"X-API-Key": f"{MARK}-{who}"} for who in ("guess", "plain", "boss"))):
        for verb, path in routes(server.app):
            sent = bodies if verb == "POST" and (key or "/v1" in path) else [b""]
            for body in sent if key.get("X-API-Key", "").endswith("boss") else sent[:2]:
                content = {"Content-Type": "application/json", "Origin": server.url}
                answer = server.client.request(
                    verb,
                    f"{path}?{MARK}={PERSON}",
                    content=body,
                    headers=headers | key | content,
                )
                seen.add(answer.status_code)
    return seen


def ask_hubspot(server: Any) -> None:
    path = "/v1/crm/hubspot"
    for body in (json.dumps(each).encode() for each in BODIES):
        stamp = str(int(time.time() * 1000)).encode()
        given = signature(SECRET, "POST", f"{server.url}{path}", body, stamp)
        for shown in (given, MARK.encode()):
            signed = {"X-HubSpot-Signature-v3": shown, "X-HubSpot-Request-Timestamp": stamp}
            server.client.post(path, content=body, headers=signed)


def sign_in(server: Any) -> None:
    """Try keys at the page that takes them: a wrong one, one that may not read, a right one."""
    for key in (f"{MARK}-guess", f"{MARK}-plain", f"{MARK}-boss"):
        page = server.client.get(f"/login?next=/{MARK}").text
        token = re.findall(r'name="token" value="([^"]+)"', page)[0]
        form = {"token": token, "key": key, "next": f"/leads/{PERSON}"}
        server.client.post("/login", data=form, headers={"Origin": server.url})
    assert server.client.get(f"/leads/{PERSON}").status_code == 200


def test_no_log_holds_anything_that_was_sent(
    server: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG, "leadml"):
        seen = ask_everything(server)
        ask_hubspot(server)
        sign_in(server)
        server.app.state.recorder.flush()
    # Right and wrong, known and unknown: all of it was asked.
    assert {200, 303, 401, 403, 404, 405, 413, 422} <= seen
    told = told_of(caplog)
    assert "POST /v1/score" in told
    assert "was not HubSpot's" in told
    assert "an unknown key was tried" in told
    assert "admin key 1 signed in" in told
    assert MARK not in told
    assert MARK not in "".join(capfd.readouterr())


def test_nor_where_all_goes_wrong(
    server: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise RuntimeError(PERSON)

    scorer = type(server.app.state.champion.scorer)
    monkeypatch.setattr(scorer, "score_records", fail)
    monkeypatch.setattr(server.app.state.ledger, "open", fail)
    with caplog.at_level(logging.DEBUG, "leadml"):
        assert 500 in ask_everything(server)
    told = told_of(caplog)
    assert "RuntimeError at" in told
    assert MARK not in told


def test_a_service_without_keys_is_no_different(
    tmp_path: Path, make_version: Any, make_settings: Any, serve_app: Any, caplog: Any
) -> None:
    make_version(tmp_path / "models")
    with (
        serve_app(create_app(make_settings(tmp_path))) as server,
        caplog.at_level(logging.DEBUG, "leadml"),
    ):
        for body in BODIES:
            for path in ("/v1/score", "/v1/score/batch", "/v1/events"):
                server.client.post(path, json=body)
        for path in (f"/leads/{PERSON}", f"/leads?lead={PERSON}", f"/v1/leads/{PERSON}"):
            assert server.client.get(path).status_code in {200, 404}
        server.client.get("/healthz", headers={"Host": f"{MARK}.example"})
    assert MARK not in told_of(caplog)
