"""The head of a request on the wire: bounded in size and in time before anybody is asked who it is.

uvicorn bounds neither with httptools: a caller without a key could send headers without end, or one
byte a minute. What is here costs a request nothing that arrives in one piece.
"""

from asyncio import TimerHandle
from collections.abc import Mapping
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 65_536
HEAD_SECONDS = 30.0


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with heads of at most 64 kB, which have 30 seconds to arrive.

    A connection that sends nothing at all is given the same time.
    """

    _head_bytes = 0
    _head_timer: TimerHandle | None = None

    def connection_made(self, transport) -> None:  # type: ignore[no-untyped-def]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.scope = {"type": "http"}  # type: ignore[typeddict-item]
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived; refuse a head that grows beyond all measure."""
        super().data_received(data)
        scope: Mapping[str, object] = self.scope
        if "method" in scope:  # the head is complete
            if self._head_timer is not None:
                self._arrived()
            return
        self._head_bytes += len(data)
        if self._head_bytes > MOST_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._head_timer is None:
            self._wait()

    def _wait(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def _arrived(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_late(self) -> None:
        if self._head_bytes:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: HTTPStatus) -> None:
        self._arrived()
        if self.transport.is_closing():
            return
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            "content-length: 0",
            "cache-control: no-store",
            "connection: close",
        ]
        self.transport.write("\r\n".join([*lines, "", ""]).encode())
        self.transport.close()
