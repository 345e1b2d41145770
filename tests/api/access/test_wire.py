"""Heads of requests: bounded in bytes and in time, whoever sends them."""

import json
import socket
import time
from typing import Any

import pytest

from leadml.api.access import wire


def talk(port: int, *parts: bytes) -> bytes:
    """Send parts; return all that comes back until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass  # closed before all was sent
        received = b""
        try:
            while part := connection.recv(65_536):
                received += part
        except ConnectionResetError:
            pass
        return received


GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "endless",
    [
        [b"GET /" + b"x" * 70_000],
        [GET, b"X-Long: ", b"x" * 70_000],
        [GET, *[b"X-Many-%d: %s\r\n" % (n, b"x" * 500) for n in range(140)]],
    ],
)
def test_a_head_without_end_is_refused(service: Any, endless: list[bytes]) -> None:
    assert talk(service.port, *endless).startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


@pytest.mark.parametrize("begun", [b"", GET + b"X-Slow: x"])
def test_a_head_that_does_not_arrive_is_not_waited_for(
    service: Any, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(wire, "HEAD_SECONDS", 0.1)
    received = talk(service.port, begun) if begun else talk(service.port)
    assert received.partition(b"\r\n")[0] == (b"HTTP/1.1 408 Request Timeout" if begun else b"")


def test_a_head_in_pieces_is_put_together_again_and_again(service: Any) -> None:
    whole = GET + b"\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        for _ in range(2):
            for part in (whole[:5], whole[5:30], whole[30:]):
                connection.sendall(part)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK")


def test_a_hundred_headers_and_eight_thousand_bytes_of_address(service: Any) -> None:
    def status(head: bytes) -> int:
        answer = talk(service.port, head + b"Connection: close\r\n\r\n")
        return int(answer.split(b" ", 2)[1])

    many = b"".join(b"X-%d: x\r\n" % n for n in range(98))
    assert status(GET + many) == 200  # with Host and Connection a hundred
    assert status(GET + many + b"X-One: x\r\n") == 431
    line = b"GET /healthz?%s HTTP/1.1\r\nHost: localhost\r\n"
    assert status(line % (b"x" * (8_000 - len("/healthz")))) == 200
    assert status(line % (b"x" * (8_001 - len("/healthz")))) == 414


def send_for_ten_seconds(connection: socket.socket) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        connection.sendall(b"x")


CHUNKED = b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "endless",
    [
        [CHUNKED + b"0\r\n", *[b"a: b\r\n" * 10_000] * 30],
        [CHUNKED + b"0\r\na: ", *[b"x" * 60_000] * 30],
        [CHUNKED + b"1;", *[b"x" * 60_000] * 30],
        [GET + b"\r\n", *[b"\r\n" * 30_000] * 30],
    ],
)
@pytest.mark.parametrize("server", ["service", "guarded"])  # answered after the body, and before it
def test_what_is_no_body_has_an_end(
    server: str, endless: list[bytes], request: pytest.FixtureRequest
) -> None:
    received = talk(request.getfixturevalue(server).port, *endless)  # returns once it is closed
    assert received.count(b"HTTP/1.1") <= 1


def test_fields_after_a_body_are_no_headers(guarded: Any) -> None:
    head = b"GET /v1/model HTTP/1.1\r\nHost: localhost\r\n"
    key = b"X-API-Key: first\r\n"
    after = head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + key + b"\r\n"
    received = talk(guarded.port, after + head + key + b"Connection: close\r\n\r\n")
    assert [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]] == [b"401", b"200"]


def test_the_rest_of_an_answered_request_is_not_taken_for_ever(
    guarded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "HEAD_SECONDS", 0.1)
    head = b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=10) as connection:
        connection.sendall(head)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")
        with pytest.raises(OSError, match=r"Broken pipe|reset by peer"):
            send_for_ten_seconds(connection)


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_an_offer_of_another_protocol_is_ignored(
    service: Any, protocol: bytes, pieces: int
) -> None:
    body = json.dumps({"lead": {"lead_id": "a", "source": "Web"}}).encode()
    head = (
        b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\nHTTP2-Settings: AAEA\r\n"
    ) % protocol
    plain = head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    last = GET + b"Connection: close\r\n\r\n"
    cuts = {1: [], 2: [len(head) + 20], 3: [40, len(plain) - 20]}[pieces]
    whole = plain + chunked + last
    parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    answers = talk(service.port, *parts).split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"200"] * 3
    told = [json.loads(answer.partition(b"\r\n\r\n")[2])["lead_id"] for answer in answers[:2]]
    assert told == ["a", "a"]


def test_a_tunnel_is_not_opened(service: Any) -> None:
    head = b"CONNECT /v1/model HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert talk(service.port, head + GET + b"\r\n").startswith(b"HTTP/1.1 4")
