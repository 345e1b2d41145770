"""Whatever is sent, the service answers, and never with a fault of its own.

`make fuzz` draws 100,000 inputs: LEADML_FUZZ=20000 for each of the five tests.
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message

from leadml.api.application import create_app

MANY = settings(
    max_examples=int(os.environ.get("LEADML_FUZZ", "150")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
JSON_TYPE = (b"content-type", b"application/json")
CLIENT_FAULTS = {400, 403, 404, 405, 413, 422, 431}


@contextmanager
def asking(app: FastAPI) -> Iterator[Callable[..., tuple[int, Any]]]:
    """Run an application without a server, and give what sends it one request."""
    loop = asyncio.new_event_loop()
    lifespan = app.router.lifespan_context(app)
    loop.run_until_complete(lifespan.__aenter__())

    def ask(
        path: str,
        body: bytes = b"",
        *,
        method: str = "POST",
        query: bytes = b"",
        headers: tuple[tuple[bytes, bytes], ...] = (JSON_TYPE,),
    ) -> tuple[int, Any]:
        return loop.run_until_complete(_ask(app, path, body, method, query, headers))

    try:
        yield ask
    finally:
        loop.run_until_complete(lifespan.__aexit__(None, None, None))
        loop.close()


async def _ask(
    app: FastAPI,
    path: str,
    body: bytes,
    method: str,
    query: bytes,
    headers: tuple[tuple[bytes, bytes], ...],
) -> tuple[int, Any]:
    host = (b"host", b"127.0.0.1:8000")
    length = (b"content-length", str(len(body)).encode())
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": query,
        "root_path": "",
        "headers": [host, length, *headers],
        "client": ("127.0.0.1", 40_000),
        "server": ("127.0.0.1", 8000),
    }
    sent: list[Message] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], json.loads(content)


@pytest.fixture(scope="module")
def ask(
    service: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., tuple[int, Any]]]:
    """Return what asks a service of the small model, with a ledger of its own."""
    ledger: Path = tmp_path_factory.mktemp("any input") / "ledger.db"
    own = replace(service.app.state.settings, store_url=f"sqlite:///{ledger}")
    with asking(create_app(own)) as one:
        yield one


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", " ", "n/a", "-", "1,5", "1e400", "2026-03-02", "9999-12-31T23:59:59-12"])
    | st.dates().map(str)
    | st.datetimes().map(str),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["lead_id", "created_at", "handed_off_at", "budget", "source", "stage", "note"]
)
TOUCH = st.dictionaries(st.sampled_from(["timestamp", "event", "url", "lead_id"]), VALUES)
TOUCHES = st.lists(TOUCH, max_size=3) | VALUES
LEADS = st.dictionaries(NAMES | st.text(max_size=6), VALUES, max_size=7)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "lead": LEADS | VALUES,
        "activities": TOUCHES,
        "account_activities": TOUCHES,
        "as_of": VALUES,
        "more": VALUES,
    },
)
DETAILS = st.dictionaries(
    st.sampled_from(
        [
            "reason",
            "text",
            "amount",
            "margin_amount",
            "corrects",
            "void",
            "happened_at",
            "event",
            "attributes",
            "explored",
            "probability",
            "band",
            "reasons",
            "as_of",
            "owner",
            "detail",
        ]
    ),
    VALUES,
    max_size=4,
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from(
            [
                "scored",
                "handed_off",
                "accepted",
                "rejected",
                "followed_up",
                "won",
                "lost",
                "reopened",
                "corrected",
            ]
        )
        | VALUES,
        "lead": VALUES,
        "happened_at": st.datetimes().map(str) | VALUES,
        "account": VALUES,
        "owner": VALUES,
        "model_version": VALUES,
        "agreement_hash": VALUES,
        "idempotency_key": VALUES,
        "detail": DETAILS | VALUES,
    },
)


def written(value: object) -> bytes:
    """Write what need not be JSON: NaN, infinities and half surrogate pairs as Python does."""
    return json.dumps(value).encode()


def is_answer(status: int, content: Any, good: set[int]) -> bool:
    """Tell whether it is an answer, or a refusal that says why."""
    return status in good or (status in CLIENT_FAULTS and bool(content["detail"]))


@given(body=st.binary(max_size=200), path=st.sampled_from(["/v1/score", "/v1/events"]))
@MANY
def test_bytes(ask: Callable[..., tuple[int, Any]], body: bytes, path: str) -> None:
    status, content = ask(path, body)
    assert is_answer(status, content, set())


@given(request=REQUESTS)
@MANY
def test_requests_for_a_score(ask: Callable[..., tuple[int, Any]], request: object) -> None:
    status, content = ask("/v1/score", written(request))
    assert is_answer(status, content, {200})
    if status == 200:
        assert 0 <= content["probability"] <= 1


@given(requests=st.lists(REQUESTS | VALUES, max_size=4) | VALUES)
@MANY
def test_batches(ask: Callable[..., tuple[int, Any]], requests: object) -> None:
    status, content = ask("/v1/score/batch", written({"leads": requests}))
    assert is_answer(status, content, {200})
    if status == 200 and isinstance(requests, list):
        assert len(content["scores"]) == len(requests) == content["scored"] + content["failed"]
        for score in content["scores"]:
            assert (score["probability"] is None) == bool(score["error"])


@given(body=EVENTS | st.lists(EVENTS | VALUES, max_size=4).map(lambda all_: {"events": all_}))
@MANY
def test_events(ask: Callable[..., tuple[int, Any]], body: dict[str, Any]) -> None:
    status, content = ask("/v1/events", written(body))
    assert is_answer(status, content, {200})
    if status == 200:
        told = content["recorded"] + content["duplicates"] + content["failed"]
        assert told == len(content["results"])


@given(
    lead=st.text(min_size=1, max_size=30),
    query=st.binary(max_size=30) | st.integers().map(lambda n: f"limit={n}".encode()),
    headers=st.dictionaries(
        st.sampled_from([b"x-api-key", b"authorization", b"cookie", b"x-request-id", b"accept"])
        | st.sampled_from([b"x-forwarded-for", b"x-real-ip", b"if-none-match", b"range"]),
        st.binary(max_size=30),
    ),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]),
)
@MANY
def test_ids_queries_and_headers(
    ask: Callable[..., tuple[int, Any]],
    lead: str,
    query: bytes,
    headers: dict[bytes, bytes],
    method: str,
) -> None:
    path = f"/v1/leads/{lead}"
    status, content = ask(path, method=method, query=query, headers=tuple(headers.items()))
    assert is_answer(status, content, {200})
