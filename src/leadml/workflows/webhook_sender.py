"""One signed request to one endpoint, and what it answered."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import leadml
from leadml.domain.webhook import Endpoint

if TYPE_CHECKING:
    import httpx2

MOST_CONNECTING = 5.0
"""Seconds to wait for a connection."""
MOST_READ = 1_000
"""Bytes of an answer that are looked at."""
MOST_SAID = 200


class SendError(Exception):
    """No answer came; the message says why in words that name no path and no secret."""


@dataclass(frozen=True)
class Answer:
    """What an endpoint answered.

    Attributes
    ----------
    status : int
        Of HTTP.
    retry_after : str
        The header of this name, or empty.
    text : str
        How the answer begins.
    """

    status: int
    retry_after: str
    text: str

    @property
    def is_success(self) -> bool:
        """Whether the endpoint took the message."""
        return 200 <= self.status < 300


class Sender:
    """Posts to one endpoint over one kept connection.

    Redirects are not followed, cookies are not kept. Proxies and certificate authorities of the
    environment count (``HTTPS_PROXY``, ``SSL_CERT_FILE``).

    Parameters
    ----------
    endpoint : Endpoint
        Its address and its time.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client: httpx2.Client | None = None

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body and return the answer.

        Raises
        ------
        SendError
            If none came within the endpoint's time.
        """
        import httpx2

        client = self._opened()
        client.cookies.clear()
        try:
            with client.stream(
                "POST", self._endpoint.url, content=body, headers=dict(headers)
            ) as response:
                after = response.headers.get("retry-after", "")
                return Answer(response.status_code, after, self._beginning(response))
        except httpx2.TimeoutException:
            msg = f"no answer within {self._endpoint.timeout:g} seconds"
            raise SendError(msg) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise SendError(self._said(error)) from None

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _opened(self) -> "httpx2.Client":
        if self._client is None:
            import httpx2

            seconds = self._endpoint.timeout
            self._client = httpx2.Client(
                timeout=httpx2.Timeout(seconds, connect=min(seconds, MOST_CONNECTING)),
                follow_redirects=False,
                headers={
                    "user-agent": f"leadml/{leadml.__version__}",
                    "content-type": "application/json",
                    "accept-encoding": "identity",
                },
            )
        return self._client

    def _beginning(self, response: Any) -> str:
        """Return how an answer begins; a message counts as taken whatever follows its status."""
        import httpx2

        deadline = time.monotonic() + self._endpoint.timeout
        read = b""
        try:
            for chunk in response.iter_raw():
                read += chunk
                if len(read) >= MOST_READ or time.monotonic() > deadline:
                    break
        except (httpx2.HTTPError, OSError):
            pass
        return read[:MOST_READ].decode("utf-8", "replace")

    def _said(self, error: Exception) -> str:
        text = re.sub(r"\[Errno -?\d+\] ", "", " ".join(str(error).split()))
        text = text or type(error).__name__
        return text.replace(self._endpoint.url, self._endpoint.host)[:MOST_SAID]
