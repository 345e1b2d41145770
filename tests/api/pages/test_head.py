"""HEAD is GET without a body: on pages, on the API, and where GET is refused."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from leadml.api.pages.head import Head

PATHS = [
    "/healthz", "/docs", "/openapi.json", "/v1/model", "/v1/leads/nobody", "/", "/leads", "/login",
    "/agreement", "/nowhere", "/v1/score",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("server", ["service", "guarded"])
def test_it_answers_as_get_does_without_a_body(
    request: pytest.FixtureRequest, server: str, path: str
) -> None:
    client = request.getfixturevalue(server).client
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code
    assert head.content == b""
    for name in ("Content-Type", "Content-Length", "Cache-Control", "Location", "Allow"):
        assert head.headers.get(name) == got.headers.get(name)


def test_a_page_is_there(service: Any) -> None:
    assert service.client.head("/agreement").status_code == 200


@pytest.mark.parametrize(
    ("method", "status", "body"), [("HEAD", 200, b""), ("GET", 200, b"hi"), ("POST", 405, b"Meth")]
)
def test_the_body_is_dropped_whatever_the_server(method: str, status: int, body: bytes) -> None:
    async def hi(_: Request) -> PlainTextResponse:
        return PlainTextResponse("hi")

    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    app = Head(Starlette(routes=[Route("/", hi)]))
    scope = {"type": "http", "method": method, "path": "/", "query_string": b"", "headers": []}
    asyncio.run(app(scope, receive, send))
    assert (sent[0]["status"], sent[1]["body"][:4]) == (status, body)
    assert scope["method"] == method
