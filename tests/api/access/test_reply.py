"""Headers that every answer has."""

from typing import Any

import pytest

OWN = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/score", 200),
        ("POST", "/v1/score/batch", 422),
        ("POST", "/v1/events", 422),
        ("GET", "/v1/model", 200),
        ("GET", "/v1/leads/nobody", 404),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/v1/score", 405),
        ("GET", "/v1/model/", 307),
        ("POST", "/v1/score?big", 413),
    ],
)
def test_nothing_may_load_frame_keep_or_guess_at_an_answer(
    service: Any, method: str, path: str, status: int
) -> None:
    body = {"lead": {"lead_id": "L1"}} if path == "/v1/score" else {}
    content = {"content": b" " * 5_000_001} if path.endswith("big") else {"json": body}
    answer = service.client.request(method, path, **content)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in OWN} == OWN
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize(
    ("said", "told"),
    [("https", "max-age=31536000"), ("https, http", "max-age=31536000"), ("http", None)],
)
def test_who_came_by_https_is_told_to_come_by_nothing_else(
    service: Any, said: str, told: str | None
) -> None:
    for path in ("/healthz", "/"):
        answer = service.client.get(path, headers={"X-Forwarded-Proto": said})
        assert answer.headers.get("Strict-Transport-Security") == told


def test_a_page_keeps_its_own_policy(service: Any) -> None:
    headers = service.client.get("/agreement").headers
    assert "style-src" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "same-origin"
    for name in OWN:
        assert len(headers.get_list(name)) == 1


def test_refusals_without_a_key_have_them_too(guarded: Any) -> None:
    answer = guarded.client.get("/v1/model")
    assert answer.status_code == 401
    assert {name: answer.headers.get(name) for name in OWN} == OWN
