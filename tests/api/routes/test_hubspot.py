"""`POST /v1/crm/hubspot`: HubSpot's signature opens it, nothing else does."""

import base64
import hashlib
import hmac
import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leadml.api.application import create_app
from leadml.settings import HubSpotSettings

SECRET, PATH = "client-secret", "/v1/crm/hubspot"
ACTION = {
    "callbackId": "ap-102670506-56776413549-7-0",
    "origin": {"portalId": 102670506, "actionDefinitionId": 10646377},
    "object": {"objectId": 904, "objectType": "CONTACT"},
    "inputFields": {"annual_budget": "5000", "source": "Ads", "created_at": "2026-03-01"},
}


@pytest.fixture(scope="module")
def make_wired(
    tmp_path_factory: pytest.TempPathFactory, make_version_once: Any, make_app: Any
) -> Callable[..., Any]:
    root = tmp_path_factory.mktemp("hubspot")
    make_version_once(root / "models")

    @contextmanager
    def wired(**changed: Any) -> Iterator[Any]:
        usual = {
            "hubspot_secret": SECRET,
            "hubspot": HubSpotSettings(columns={"annual_budget": "budget"}),
            "api_keys": ("plain",),
            "admin_keys": ("boss",),
        }
        with make_app(root, **usual | changed) as server:
            yield server

    return wired


@pytest.fixture(scope="module")
def wired(make_wired: Any) -> Iterator[Any]:
    with make_wired() as server:
        yield server


def signed(address: str, body: bytes, *, at: float | None = None, secret: str = SECRET) -> Any:
    stamp = str(int(1000 * (time.time() if at is None else at)))
    content = f"POST{address}".encode() + body + stamp.encode()
    digest = hmac.new(secret.encode(), content, hashlib.sha256).digest()
    return {
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
        "X-HubSpot-Request-Timestamp": stamp,
        "Content-Type": "application/json",
    }


def send(server: Any, content: Any, path: str = PATH, **options: Any) -> Any:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    address = options.pop("address", f"{server.url}{path}")
    extra = options.pop("headers", {})
    headers = signed(address, body, **options) | extra
    return server.client.post(path, content=body, headers=headers)


def test_an_action_is_scored_and_recorded_as_any_lead(wired: Any) -> None:
    fields = send(wired, ACTION).json()["outputFields"]
    lead = {"lead_id": "904", "budget": "5000", "source": "Ads", "created_at": "2026-03-01"}
    plain = wired.client.post("/v1/score", json={"lead": lead}, headers={"X-API-Key": "plain"})
    same = plain.json()
    assert fields["leadml_probability"] == same["probability"]
    assert (fields["leadml_points"], fields["leadml_band"]) == (same["points"], same["band"])
    assert fields["leadml_reasons"].count("\n") == len(same["reasons"]) - 1
    assert (fields["leadml_recorded"], fields["hs_execution_state"]) == ("true", "SUCCESS")
    assert fields["leadml_model_version"] == "3"
    history = wired.client.get("/v1/leads/904", headers={"X-API-Key": "boss"}).json()
    # The score asked for with a key is of the same content: one score.
    assert history["counts"]["scores"] == 1
    assert history["scores"][0]["probability"] == fields["leadml_probability"]


def test_a_webhook_too_and_sent_again_it_is_the_same_score(wired: Any) -> None:
    body = {"objectId": 11, "properties": {"annual_budget": {"value": "10"}}}
    first, again = (send(wired, body).json()["outputFields"] for _ in range(2))
    assert first["leadml_probability"] == again["leadml_probability"]
    history = wired.client.get("/v1/leads/11", headers={"X-API-Key": "boss"}).json()
    assert history["counts"]["scores"] == 1


def test_a_value_that_cannot_be_read_lets_the_workflow_go_on(wired: Any) -> None:
    body = {"objectId": 12, "properties": {"budget": "lots of jane@example.com"}}
    answer = send(wired, body)
    assert answer.status_code == 200
    fields = answer.json()["outputFields"]
    assert fields["hs_execution_state"] == "FAIL_CONTINUE"
    assert fields["leadml_error"].startswith("budget: ")
    assert fields["leadml_recorded"] == "false"
    assert "leadml_probability" not in fields


@pytest.mark.parametrize("content", [b"[]", b"{}", b"1", b'{"object": {"objectId": null}}'])
def test_a_body_that_is_none_of_hubspots_is_refused(wired: Any, content: bytes) -> None:
    answer = send(wired, content)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("expected ")


def test_so_is_what_is_no_json(wired: Any) -> None:
    assert send(wired, b'{"objectId": NaN}').status_code == 422


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"secret": "other"}, "does not fit"),
        ({"address": "https://elsewhere.example/v1/crm/hubspot"}, "does not fit"),
        ({"at": time.time() - 3_600}, "more than 5 minutes"),
        ({"at": time.time() + 3_600}, "more than 5 minutes"),
        ({"headers": {"X-HubSpot-Signature-v3": ""}}, "are needed"),
    ],
)
def test_nobody_else_is_answered_whatever_the_body(
    wired: Any, options: dict[str, Any], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    for content in (ACTION, b"{"):
        with caplog.at_level(logging.WARNING, "leadml.api"):
            answer = send(wired, content, **options)
        assert answer.status_code == 401
        assert why in answer.json()["detail"]
        assert answer.headers["WWW-Authenticate"] == "HubSpot-Signature-v3"
    assert "was not HubSpot's" in caplog.text
    assert "904" not in caplog.text


def test_a_key_is_no_signature(wired: Any) -> None:
    answer = wired.client.post(PATH, json=ACTION, headers={"X-API-Key": "boss"})
    assert answer.status_code == 401


def test_the_query_is_signed_with_hubspots_characters_decoded(wired: Any) -> None:
    path = f"{PATH}?team=a%3Ab%20c"
    address = f"{wired.url}{PATH}?team=a:b%20c"
    assert send(wired, ACTION, path, address=address).status_code == 200
    assert send(wired, ACTION, path, address=f"{wired.url}{PATH}").status_code == 401


def test_hubspot_calls_by_https_whatever_the_proxy_says(wired: Any) -> None:
    address = wired.url.replace("http://", "https://") + PATH
    assert send(wired, ACTION, address=address).status_code == 200


def test_the_public_address_is_the_one_signed_where_it_is_said(make_wired: Any) -> None:
    with make_wired(public_url="https://leads.example.com/leadml") as server:
        address = f"https://leads.example.com/leadml{PATH}"
        assert send(server, ACTION, address=address).status_code == 200
        assert send(server, ACTION).status_code == 401


def test_a_proxy_that_is_trusted_says_the_host(make_wired: Any) -> None:
    address = f"https://leads.example.com{PATH}"
    said = {"X-Forwarded-Host": "leads.example.com"}
    with make_wired(trusted_proxies=("127.0.0.1",)) as server:
        assert send(server, ACTION, address=address, headers=said).status_code == 200
        host = {"Host": "leads.example.com"}
        assert send(server, ACTION, address=address, headers=host).status_code == 200
    with make_wired() as server:
        assert send(server, ACTION, address=address, headers=said).status_code == 401


def test_a_megabyte_with_a_signature_and_sixteen_kilobytes_without(wired: Any) -> None:
    history = [{"value": "x" * 100, "timestamp": n} for n in range(1_000)]
    large = {"vid": 13, "properties": {"source": {"value": "Ads", "versions": history}}}
    assert send(wired, large).status_code == 200
    assert send(wired, b" " * 1_000_001).status_code == 413
    unsigned = wired.client.post(PATH, content=b" " * 16_001)
    assert unsigned.status_code == 413


def test_without_the_secret_it_says_how_to_wire_it(guarded: Any) -> None:
    answer = send(guarded, ACTION)
    assert answer.status_code == 404
    assert "set LEADML_HUBSPOT_SECRET" in answer.json()["detail"]
    assert guarded.client.post(PATH, json=ACTION).status_code == 401


def test_without_a_champion_hubspot_is_to_come_again(
    tmp_path: Path, make_settings: Any, serve_app: Any
) -> None:
    settings = replace(make_settings(tmp_path), hubspot_secret=SECRET)
    with serve_app(create_app(settings)) as server:
        assert send(server, ACTION).status_code == 503


def test_it_is_described_with_a_name_that_apex_takes(wired: Any) -> None:
    for path in ("/openapi.json", "/openapi-3.0.json"):
        described = wired.client.get(path).json()
        operation = described["paths"][PATH]["post"]
        assert operation["operationId"] == "score_hubspot"
        assert operation["security"] == [{"HubSpotSignature": []}]
        output = described["components"]["schemas"]["HubSpotOutput"]["properties"]
        assert {kind["type"] for kind in output.values()} == {"string", "number"}


def test_who_has_no_key_takes_none_of_the_room_of_others(wired: Any) -> None:
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-HubSpot-Signature-v3: x\r\n"
        "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
    )
    with ExitStack() as stack:
        told = []
        for _ in range(65):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", wired.port)))
            connection.sendall(head.encode())
            told.append(connection.recv(12))
        assert told == [b"HTTP/1.1 100"] * 8 + [b"HTTP/1.1 503"] * 57
        large = {"lead": {"lead_id": "a"}, "activities": [{"x": "x" * 20_000}]}
        answer = wired.client.post("/v1/score", json=large, headers={"X-API-Key": "plain"})
        assert answer.status_code == 422  # it was read: the activity has no time


def test_a_signature_that_nobody_can_look_at_counts_for_nothing(make_wired: Any) -> None:
    with make_wired(hubspot_secret="") as server:
        headers = {"X-HubSpot-Signature-v3": "x"}
        answer = server.client.post(PATH, content=b" " * 16_001, headers=headers)
        assert answer.status_code == 413
