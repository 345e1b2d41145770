"""Heads of requests: bounded in bytes and in time, whoever sends them."""

import socket
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
