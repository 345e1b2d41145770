"""A post ends in time, whatever the other side does."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from leadml.workflows.exchange import Exchange

HEAD = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def server(first: bytes, then: bytes, pause: float = 0.0) -> Iterator[str]:
    """Answer with something, then with something else without end."""
    over = threading.Event()

    def answer() -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(first)
            while not over.wait(pause):
                connection.sendall(then)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        over.set()
        thread.join()


@pytest.mark.parametrize(
    ("first", "then", "pause"),
    [
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1_000, 0.001),
        (HEAD, b"a", 0.02),
    ],
)
def test_a_head_that_does_not_end_is_given_up(first: bytes, then: bytes, pause: float) -> None:
    exchange = Exchange(0.3, 1_000, {})
    begun = time.monotonic()
    with server(first, then, pause) as url:
        with pytest.raises(TimeoutError):
            exchange.post(url, b"{}", {})
        exchange.close()
    assert 0.3 <= time.monotonic() - begun < 5


def test_a_body_that_drips_is_given_as_far_as_it_came() -> None:
    exchange = Exchange(0.3, 1_000, {})
    with server(HEAD + b"content-length: 900\r\n\r\n", b"x", 0.02) as url:
        reply = exchange.post(url, b"{}", {})
        exchange.close()
    assert (reply.status, reply.is_whole, reply.is_long) == (200, False, False)
    assert 1 <= len(reply.content) < 900


def test_a_body_without_end_is_cut_and_not_unpacked() -> None:
    exchange = Exchange(20, 1_000, {})
    head = HEAD + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n"
    with server(head, b"2\r\nxy\r\n" * 200) as url:
        reply = exchange.post(url, b"{}", {})
        exchange.close()
    assert (bytes(reply.content), reply.is_whole, reply.is_long) == (b"xy" * 500, False, True)
