"""One signed request to one endpoint, and what it answered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import leadml
from leadml.domain.webhook import Endpoint
from leadml.workflows.exchange import Exchange

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

    Parameters
    ----------
    endpoint : Endpoint
        Its address, and its time for one whole request.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        headers = {"user-agent": f"leadml/{leadml.__version__}", "content-type": "application/json"}
        self._exchange = Exchange(endpoint.timeout, MOST_READ, headers)

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body and return the answer; its status counts, whatever follows it.

        Raises
        ------
        SendError
            If none came within the endpoint's time.
        """
        try:
            reply = self._exchange.post(self._endpoint.url, body, headers)
        except TimeoutError:
            msg = f"no answer within {self._endpoint.timeout:g} seconds"
            raise SendError(msg) from None
        except ConnectionError as error:
            raise SendError(self._said(error)) from None
        text = reply.content.decode("utf-8", "replace")
        return Answer(reply.status, reply.headers.get("retry-after", ""), text)

    def close(self) -> None:
        """Close the connection."""
        self._exchange.close()

    def _said(self, error: Exception) -> str:
        text = re.sub(r"\[Errno -?\d+\] ", "", " ".join(str(error).split()))
        return text.replace(self._endpoint.url, self._endpoint.host)[:MOST_SAID]
