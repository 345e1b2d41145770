"""Answers other than the one asked for: raised anywhere behind the gate, answered by it as JSON."""

import math
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Scope

from leadml.domain.api_key import RateLimit

LOGIN = "/login"
OVERLOAD_SECONDS = 1
"""What callers are told to wait when there is more to do than room for it."""


class Refusal(Exception):
    """An answer other than the one asked for.

    Parameters
    ----------
    status : HTTPStatus
        Its status.
    detail : str
        Why, without repeating what was sent.
    headers : mapping, optional
        What else the answer says.
    """

    def __init__(
        self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers

    def response(self) -> Response:
        """Return it as JSON."""
        return JSONResponse({"detail": self.detail}, self.status, self.headers)


class NoKey(Refusal):
    """A key is needed, and none that is known was shown."""

    def __init__(self) -> None:
        detail = (
            "an API key is needed: send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'; "
            "where both are sent, both have to fit"
        )
        super().__init__(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})


class TooOften(Refusal):
    """A key with a limit asks more often than that."""

    def __init__(self, name: str, limit: RateLimit, wait: float) -> None:
        seconds = max(1, math.ceil(wait))
        detail = (
            f"the key {name} may make {limit.count:,} requests every {limit.seconds:,} seconds: "
            f"nothing of this one was done; send it again in {seconds} s"
        )
        super().__init__(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": str(seconds)})


class SignInFirst(Refusal):
    """A page was asked for by someone who has to sign in."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(HTTPStatus.UNAUTHORIZED, "sign in first")
        looked_at = scope["method"] in {"GET", "HEAD"}
        asked = quote(scope["path"], safe="/") if looked_at else "/"
        query = scope["query_string"].decode("latin-1") if looked_at else ""
        self._next = quote(f"{asked}?{query}" if query else asked, safe="")

    def response(self) -> Response:
        """Lead to the page on which to sign in, and from there to what was asked for."""
        return RedirectResponse(f"{LOGIN}?next={self._next}", HTTPStatus.SEE_OTHER)


class Overload(Refusal):
    """There is more to do than room for it: nothing of the request was done."""

    def __init__(self, why: str) -> None:
        detail = f"{why}: nothing of this request was done; send it again"
        headers = {"Retry-After": str(OVERLOAD_SECONDS)}
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers)


class Backlog(Overload):
    """So many scores wait to be written to the ledger that no more are given."""

    def __init__(self) -> None:
        super().__init__("too many scores wait to be recorded")


class Crowded(Overload):
    """So many large requests are held or worked on that no more are taken."""

    def __init__(self) -> None:
        super().__init__("too many large requests at a time")
