"""HTTP requests that end: one deadline over each whole exchange, and so many bytes of an answer."""

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2


@dataclass
class Reply:
    """What came back.

    Attributes
    ----------
    status : int
        Of HTTP.
    headers : mapping of str to str
        Names in any case.
    content : bytes
        As it was sent, unpacked by nobody.
    is_whole : bool
        Whether the content ended, in time and in good order.
    is_long : bool
        Whether it was more than is taken.
    """

    status: int
    headers: Mapping[str, str]
    content: bytearray = field(default_factory=bytearray)
    is_whole: bool = False
    is_long: bool = False


class Exchange:
    """Posts over one kept connection; whatever the other side does, each post ends in time.

    A time-out of a single read would not do: who sends a byte a second, or interim answers without
    end, never runs into it. Redirects are not followed, cookies are not kept. Proxies and
    certificate authorities of the environment count (``HTTPS_PROXY``, ``SSL_CERT_FILE``).

    Parameters
    ----------
    seconds : float
        For one post, from looking up the name to the last byte.
    most_bytes : int
        Of an answer's content.
    headers : mapping of str to str
        Of every post.
    """

    def __init__(self, seconds: float, most_bytes: int, headers: Mapping[str, str]) -> None:
        self._seconds, self._most_bytes = seconds, most_bytes
        self._headers = {**headers, "accept-encoding": "identity"}
        self._client: httpx2.AsyncClient | None = None
        self._runner = asyncio.Runner()

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a body; return the answer, whose content may be cut once its head is there.

        Raises
        ------
        TimeoutError
            If no head of an answer came in time.
        ConnectionError
            If there was no connection, it broke or what came is no HTTP; says why.
        """
        return self._runner.run(self._posted(url, body, headers))

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._runner.run(self._client.aclose())
            self._client = None
        self._runner.close()
        self._runner = asyncio.Runner()

    async def _posted(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        import httpx2

        client = self._opened()
        client.cookies.clear()
        reply: Reply | None = None
        try:
            async with (
                asyncio.timeout(self._seconds),
                client.stream("POST", url, content=body, headers=dict(headers)) as response,
            ):
                reply = Reply(response.status_code, response.headers)
                await self._read(response, reply)
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            if reply is None and isinstance(error, TimeoutError):
                raise
            if reply is None:
                raise ConnectionError(_reason(error)) from None
        return reply

    async def _read(self, response: "httpx2.Response", reply: Reply) -> None:
        async for chunk in response.aiter_raw():
            reply.content += chunk
            if len(reply.content) > self._most_bytes:
                del reply.content[self._most_bytes :]
                reply.is_long = True
                return
        reply.is_whole = True

    def _opened(self) -> "httpx2.AsyncClient":
        if self._client is None:
            import httpx2

            self._client = httpx2.AsyncClient(
                timeout=None,  # one deadline stands over all
                follow_redirects=False,
                headers=self._headers,
            )
        return self._client


def _reason(error: BaseException) -> str:
    """Return why there was no answer, in the system's words where it gave a reason."""
    cause, below = error, error.__cause__ or error.__context__
    while below is not None:
        cause = below.exceptions[0] if isinstance(below, ExceptionGroup) else below
        below = cause.__cause__ or cause.__context__
    if isinstance(cause, OSError) and not isinstance(cause, (socket.gaierror, ssl.SSLError)):
        return os.strerror(cause.errno) if cause.errno else str(error)
    return str(error) or type(error).__name__
