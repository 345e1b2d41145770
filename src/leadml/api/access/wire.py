"""Requests on the wire: bounded in size and in time before anybody is asked who it is.

uvicorn bounds neither with httptools: a caller without a key could send headers without end, or one
byte a minute. It also takes the fields after a body for headers (RFC 9110, 6.5.1 forbids it), and
drops the body of a request that offers another protocol (7.8: an offer not taken is ignored). What
is here costs a request nothing that arrives in one piece.
"""

from asyncio import TimerHandle, Transport
from collections import deque
from collections.abc import Mapping
from http import HTTPStatus

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 65_536
"""Most bytes in a row that are no body: a head, fields after a body, extensions of its parts."""
HEAD_SECONDS = 30.0
"""How long a head, or the rest of a request that is answered already, may take."""
_NOWHERE: deque[tuple[bytes, bytes]] = deque(maxlen=0)


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with heads of at most 64 kB, which have 30 seconds to arrive.

    A connection that sends nothing at all is given the same time, and so is the rest of a request
    that was answered before all of it was there. Fields after a body are dropped; no other protocol
    is ever taken up.
    """

    _bytes = 0
    """How many came since the last head, part of a body or end of a request."""
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.scope = {"type": "http"}  # type: ignore[typeddict-item]
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived; refuse what grows beyond all measure."""
        self._unset_keepalive_if_required()
        self._bytes += len(data)
        self._parse(data)
        if self.transport.is_closing():
            return
        answering = self._has_head() and not self.cycle.response_complete
        if self._bytes > MOST_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif answering and self._timer is not None:
            self._arrived()
        elif not answering and self._timer is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """Begin to answer, unless another protocol is offered: then the head is read again."""
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            return
        self._bytes = 0
        super().on_headers_complete()
        self.headers = _NOWHERE  # type: ignore[assignment]  # what comes later is no header

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request, if it has begun."""
        if self._has_head():
            self._bytes = 0
            super().on_message_complete()

    def _parse(self, data: bytes) -> None:
        try:
            rest = self._fed(data)
            while rest is not None:
                self.parser.feed_data(self._head_without_offer())
                rest = self._fed(rest)
        except HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self.send_400_response("Invalid HTTP request received.")

    def _fed(self, data: bytes | memoryview) -> memoryview | None:
        """Parse bytes; return those that follow a head which offers another protocol."""
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            if not self._has_head():  # what follows CONNECT is no body
                return memoryview(data)[offer.args[0] :]
        return None

    def _head_without_offer(self) -> bytes:
        """Return the head that was read, as one that offers no other protocol."""
        version = self.parser.get_http_version().encode()
        first = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)
        kept = [b"%s: %s" % field for field in self.headers if field[0] != b"upgrade"]
        return b"\r\n".join([first, *kept, b"", b""])

    def _has_head(self) -> bool:
        scope: Mapping[str, object] = self.scope
        return "method" in scope

    def _wait(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def _arrived(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        if self._bytes:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: HTTPStatus) -> None:
        """Close the connection, and say why if no answer has begun that this would garble."""
        self._arrived()
        if self.transport.is_closing():
            return
        if not self._has_head():
            lines = [
                f"HTTP/1.1 {status.value} {status.phrase}",
                "content-length: 0",
                "cache-control: no-store",
                "connection: close",
            ]
            self.transport.write("\r\n".join([*lines, "", ""]).encode())
        self.transport.close()
