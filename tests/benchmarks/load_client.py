"""A client for measuring: keep-alive connections to this machine, bounded in count and time."""

import select
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

HOST = "127.0.0.1"
JSON = "application/json"
PATIENCE_SECONDS = 30.0
_SPIN_SECONDS = 0.002
"""Before a request is due the client looks again and again: a wait is told in milliseconds."""

Bodies = Callable[[int], bytes]
"""Gives the body of each request, by its number."""
Check = Callable[[bytes], bool]
"""Tells whether an answer is complete."""


@dataclass
class Measured:
    """Seconds of every answer, by when it was due, and how many were not as they should be."""

    seconds: list[float] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    took: float = 0.0
    wrong: int = 0

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.took

    def quantile(self, share: float) -> float:
        """Return milliseconds."""
        return float(1000 * np.quantile(self.seconds, share))


class Connection:
    """One connection with one request under way at most."""

    def __init__(self, port: int, path: str, kind: str) -> None:
        self.socket = socket.create_connection((HOST, port), PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: {kind}\r\n"
            "Content-Length: "
        ).encode()
        self._got = b""
        self.due = 0.0

    def send(self, body: bytes, due: float) -> None:
        self.due, self._got = due, b""
        self.socket.sendall(b"%s%d\r\n\r\n%s" % (self._head, len(body), body))

    def received(self) -> tuple[bytes, bytes] | None:
        """Read what is there; return status line and body once the answer is whole."""
        part = self.socket.recv(1 << 20)
        if not part:
            msg = "the server closed a connection"
            raise ConnectionError(msg)
        self._got += part
        head, gap, body = self._got.partition(b"\r\n\r\n")
        if not gap:
            return None
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        return (head.partition(b"\r\n")[0], body) if len(body) >= length else None

    def close(self) -> None:
        self.socket.close()


def one_by_one(
    port: int,
    path: str,
    bodies: Bodies,
    check: Check,
    *,
    seconds: float,
    most: int = 1_000_000,
    kind: str = JSON,
) -> Measured:
    """Ask on one connection, the next when the answer is there."""
    return at_once(port, path, bodies, check, seconds=seconds, connections=1, most=most, kind=kind)


def at_once(
    port: int,
    path: str,
    bodies: Bodies,
    check: Check,
    *,
    seconds: float,
    connections: int,
    most: int = 1_000_000,
    kind: str = JSON,
) -> Measured:
    """Ask on several connections, on each the next when the answer is there."""
    with _Crowd(port, path, check, connections, kind) as crowd:
        start = time.perf_counter()
        number = 0
        while (now := time.perf_counter()) < start + seconds and number < most:
            for connection in crowd.free():
                connection.send(bodies(number), time.perf_counter())
                number += 1
            crowd.listen(now + PATIENCE_SECONDS)
        crowd.finish()
        crowd.measured.took = time.perf_counter() - start
        crowd.check()
        return crowd.measured


def paced(
    port: int, path: str, bodies: Bodies, check: Check, *, rate: float, seconds: float
) -> Measured:
    """Ask so many times a second whatever the answers do; waiting for a connection counts."""
    with _Crowd(port, path, check, 32) as crowd:
        start = time.perf_counter()
        for number in range(int(rate * seconds)):
            due = start + number / rate
            while time.perf_counter() < due or not crowd.idle:
                crowd.listen(min(due, time.perf_counter() + PATIENCE_SECONDS))
            crowd.idle.popleft().send(bodies(number), due)
        crowd.finish()
        crowd.measured.took = time.perf_counter() - start
        crowd.check()
        return crowd.measured


class _Crowd:
    """Connections, some of which wait for an answer."""

    def __init__(self, port: int, path: str, check: Check, count: int, kind: str = JSON) -> None:
        self.idle = deque(
            Connection(port, path, kind) for _ in range(count)
        )  # all are used in turn
        self._count = count
        self._check = check
        self._by_number = {each.socket.fileno(): each for each in self.idle}
        self._poll = select.epoll()
        for number in self._by_number:
            self._poll.register(number, select.EPOLLIN)
        self.measured = Measured()

    def __enter__(self) -> "_Crowd":
        return self

    def __exit__(self, *error: object) -> None:
        self._poll.close()
        for connection in self._by_number.values():
            connection.close()

    def free(self) -> list[Connection]:
        return [self.idle.popleft() for _ in range(len(self.idle))]

    def listen(self, until: float) -> None:
        """Take answers; return when one was taken, or at that time."""
        wait = until - time.perf_counter() - _SPIN_SECONDS
        for number, _ in self._poll.poll(max(0.0, wait)):
            connection = self._by_number[number]
            answer = connection.received()
            if answer is None:
                continue
            self.measured.seconds.append(time.perf_counter() - connection.due)
            status, body = answer
            self.measured.answers.append(body if status.startswith(b"HTTP/1.1 200") else b"")
            self.idle.append(connection)

    def finish(self) -> None:
        deadline = time.perf_counter() + PATIENCE_SECONDS
        while len(self.idle) < self._count and time.perf_counter() < deadline:
            self.listen(deadline)
        self.measured.wrong += self._count - len(self.idle)

    def check(self) -> None:
        """Look at every answer, when the time is taken: a client that thinks asks less."""
        measured = self.measured
        measured.wrong += sum(not (body and self._check(body)) for body in measured.answers)
        measured.answers.clear()
