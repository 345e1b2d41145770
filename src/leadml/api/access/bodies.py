"""The bodies of requests: so large, so slow and so many at a time as the service has room for."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

from starlette.types import Message, Receive

from leadml.api.access.refusals import Crowded, Overload, Refusal

MOST_BYTES = 5_000_000
MOST_BYTES_UNKNOWN = 16_000
"""Most that is read of a caller who showed no key: room for the form to sign in, not for memory."""
MOST_BYTES_SIGNED = 1_000_000
"""Most that is read of a caller whose signature is looked at once the body is there."""
BODY_SECONDS = 30.0
MOST_HELD = 64_000_000
"""Bytes of large bodies held at a time, in all: one more is answered 503, small ones still fit."""
MOST_HELD_UNKNOWN = 8_000_000
"""The same of callers who showed no key, beside it: they must not use up the room of the others."""
SMALL = 16_384
"""Bytes up to which a body is not counted: no more than a connection's own buffers hold."""
MOST_AWAITED = 256
"""Bodies awaited at a time without hurry."""
HURRY_SECONDS = 1.0
"""How long a body may take while more are awaited: slow callers must not crowd out quick ones."""
_MOST_DIGITS = 20

Fields = Mapping[bytes, bytes]
"""A request's headers: the first value of each, by its lower-case name."""


class Body:
    """One body, and the room it takes until it is released; as `receive` it gives itself once."""

    __slots__ = ("_bodies", "_counted", "_given", "_receive", "content")

    def __init__(self, bodies: "Bodies", receive: Receive) -> None:
        self._bodies, self._receive = bodies, receive
        self._counted, self._given = 0, False
        self.content = b""

    async def __call__(self) -> Message:
        """Return the whole body, then whatever the connection says next."""
        if self._given:
            return await self._receive()
        self._given = True
        return {"type": "http.request", "body": self.content, "more_body": False}

    async def read(self, most: int) -> None:
        """Read it from the connection."""
        message = await self._receive()
        part = message.get("body", b"")
        if not message.get("more_body", False) and len(part) <= most:
            self.content = part
            return
        parts, size = [part], len(part)
        self._check(size, most)
        while message.get("more_body", False):
            message = await self._receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            self._check(size, most)
        self.content = b"".join(parts)

    def _check(self, size: int, most: int) -> None:
        if size > most:
            raise _too_large(most)
        self.grow(size)

    def grow(self, size: int) -> None:
        """Count it as so large, unless it is small; raise Crowded if there is no room."""
        more = size - self._counted
        if size <= SMALL or more <= 0:
            return
        if self._bodies.held + more > self._bodies.most_held:
            raise Crowded
        self._bodies.held += more
        self._counted = size

    def release(self) -> None:
        """Give the room back."""
        self._bodies.held -= self._counted
        self._counted = 0


class Bodies:
    """Reads bodies, and counts what is held of them and how many are awaited.

    Parameters
    ----------
    most_held : int
        Bytes of large bodies held at a time.

    Attributes
    ----------
    held : int
        Bytes of large bodies in memory, those announced and not yet there among them.
    awaited : int
        Bodies that have not arrived.
    """

    def __init__(self, most_held: int = MOST_HELD) -> None:
        self.most_held = most_held
        self.held = 0
        self.awaited = 0

    async def read(self, fields: Fields, receive: Receive, most: int) -> Body:
        """Read a whole body, no more than `most` bytes and no longer than 30 seconds.

        Raises
        ------
        Refusal
            If it is larger (413), slower (408) or there is no room for it (503).
        """
        announced = _announced(fields)
        if announced > most:
            raise _too_large(most)
        body = Body(self, receive)
        body.grow(announced)
        hurried = self.awaited >= MOST_AWAITED
        self.awaited += 1
        try:
            async with asyncio.timeout(HURRY_SECONDS if hurried else BODY_SECONDS):
                await body.read(most)
        except BaseException as error:
            body.release()
            if isinstance(error, TimeoutError):
                raise _too_slow(hurried=hurried) from None
            raise
        finally:
            self.awaited -= 1
        return body


def _announced(fields: Fields) -> int:
    length = fields.get(b"content-length", b"")
    return int(length) if length.isdigit() and len(length) < _MOST_DIGITS else 0


def _too_large(most: int) -> Refusal:
    detail = f"a request may have {MOST_BYTES // 1_000_000} MB at most; send fewer leads at a time"
    if most < MOST_BYTES:
        detail = f"without a known API key a request may have {most // 1_000} kB at most"
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


def _too_slow(*, hurried: bool) -> Refusal:
    if hurried:
        return Overload("too many requests whose body is still awaited")
    detail = f"the body did not arrive within {BODY_SECONDS:.0f} seconds"
    return Refusal(HTTPStatus.REQUEST_TIMEOUT, detail)
