"""Tryton's JSON-RPC: signing in, calling, and its types.

See ``trytond/protocols/jsonrpc.py`` and ``dispatcher.py`` of trytond 8.2.
"""

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from leadml.domain.tryton import TrytonConnection
from leadml.errors import CrmBusy, CrmError
from leadml.workflows.crm.patience import Pace, retry_after

if TYPE_CHECKING:
    import httpx2

TIMEOUT_SECONDS = 60.0
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_MOST_WORDS = 300
PASSWORD = "LEADML_TRYTON_PASSWORD"  # noqa: S105 - the variable's name  # nosec B105


class TrytonRefusalError(CrmError):
    """Tryton would not do what it was asked.

    Parameters
    ----------
    message : str
        In Tryton's words.
    kind : str
        Such as ``UserError`` or ``ConcurrencyException``; empty for a fault of the server.
    """

    def __init__(self, message: str, *, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class TrytonRpc:
    """A session with one Tryton database.

    Parameters
    ----------
    connection : TrytonConnection
    password : str
        Of its user; never printed.
    pace : Pace, optional
        Default as many requests a second as the connection allows.
    """

    def __init__(
        self, connection: TrytonConnection, password: str, *, pace: Pace | None = None
    ) -> None:
        import httpx2

        self._connection, self._password = connection, password
        self._pace = pace or Pace(connection.requests_per_second)
        self._client = httpx2.Client(timeout=TIMEOUT_SECONDS)
        self._url = f"{connection.url.rstrip('/')}/{connection.database}/rpc/"
        self._session = ""
        self._context: dict[str, Any] = {}

    def close(self) -> None:
        """Sign out and hang up."""
        if self._session:
            with suppress(CrmError, _SignedOutError):  # the session ends by itself after a while
                self._answer("common.db.logout", [])
        self._client.close()

    def call(self, method: str, *given: Any, context: Mapping[str, Any] | None = None) -> Any:
        """Call a method of a model, signed in; return its result in Python's types.

        Parameters
        ----------
        method : str
            Such as ``model.sale.opportunity.read``.
        given : sequence
            Its arguments without the context, which is the user's preferences.
        context : mapping, optional
            Added to them.

        Raises
        ------
        CrmBusy
            If Tryton cannot be reached or asks to wait.
        TrytonRefusalError
            If it refuses the call.
        CrmError
            If it does not let the user in.
        """
        if not self._session:
            self._sign_in()
        try:
            return self._answer(method, [*given, {**self._context, **(context or {})}])
        except _SignedOutError:
            self._sign_in()
            return self._answer(method, [*given, {**self._context, **(context or {})}])

    def _sign_in(self) -> None:
        connection = self._connection
        self._session = ""
        try:
            found = self._answer("common.db.login", [connection.user, {"password": self._password}])
        except _SignedOutError:
            msg = (
                f"{self._url}: Tryton does not let {connection.user!r} in: check [crm.tryton] "
                f"user and database, and {PASSWORD}"
            )
            raise CrmError(msg) from None
        name = f"{connection.user}:{found[0]}:{found[1]}"
        self._session = "Session " + base64.b64encode(name.encode()).decode()
        wanted = ("company", "companies", "employee", "employees", "company_filter")
        preferences = self._answer("model.res.user.get_preferences", [True, {}])
        self._context = {name: preferences[name] for name in wanted if name in preferences}

    def _answer(self, method: str, params: list[Any]) -> Any:
        import httpx2

        self._pace.wait()
        body = json.dumps({"id": 1, "method": method, "params": params}, default=_packed)
        headers = {"Content-Type": "application/json"}
        if self._session:
            headers["Authorization"] = self._session
        try:
            response = self._client.post(self._url, content=body.encode(), headers=headers)
        except httpx2.HTTPError as error:
            msg = f"{self._url} cannot be reached ({type(error).__name__}: {error})"
            raise CrmBusy(msg) from None
        return self._result(response)

    def _result(self, response: "httpx2.Response") -> Any:
        status = response.status_code
        if status in _BUSY:
            msg = f"{self._url} is busy (status {status})"
            raise CrmBusy(msg, retry_after=retry_after(response.headers.get("Retry-After")))
        if status in (401, 403):
            raise _SignedOutError
        try:
            found = json.loads(response.content, object_hook=_unpacked)
        except ValueError:
            found = None
        if status != 200 or not isinstance(found, dict) or not {"result", "error"} & set(found):
            msg = (
                f"{self._url} does not answer as Tryton does (status {status}): check [crm.tryton] "
                "url and database"
            )
            raise CrmError(msg)
        if "error" in found:
            raise _refusal(found["error"])
        return found["result"]


class _SignedOutError(Exception):
    """There is no session, or no longer."""


def _refusal(error: Any) -> TrytonRefusalError:
    """Return what Tryton says: ``[kind, [message, …]]``, or ``[message, traceback]``."""
    parts = error if isinstance(error, list) else [error]
    kind = str(parts[0]) if parts else ""
    if kind.isidentifier() and len(parts) > 1:
        words = parts[1][0] if isinstance(parts[1], list) and parts[1] else parts[1]
        return TrytonRefusalError(_short(words), kind=kind)
    return TrytonRefusalError(f"Tryton failed: {_short(kind)}")


def _short(words: object) -> str:
    plain = "".join(sign if sign.isprintable() else " " for sign in str(words))
    text = " ".join(plain.split())
    return text if len(text) <= _MOST_WORDS else text[: _MOST_WORDS - 1] + "…"


_PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")


def _packed(value: object) -> dict[str, Any]:
    """Write what JSON does not know as Tryton does."""
    if isinstance(value, datetime):
        told = value.astimezone(UTC)
        return {"__class__": "datetime", **{name: getattr(told, name) for name in _PARTS}}
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    msg = f"{type(value).__name__} has no form in Tryton's JSON"
    raise TypeError(msg)


def _unpacked(given: dict[str, Any]) -> Any:
    """Read Tryton's types: times are UTC, a Decimal becomes a float."""
    kind = given.get("__class__")
    if kind == "datetime":
        return datetime(**{name: int(given[name]) for name in _PARTS}, tzinfo=UTC)
    if kind == "date":
        return date(given["year"], given["month"], given["day"])
    if kind == "time":
        return time(given["hour"], given["minute"], given["second"], given["microsecond"])
    if kind == "timedelta":
        return timedelta(seconds=given["seconds"]).total_seconds() / 86_400
    if kind == "Decimal":
        return float(given["decimal"])
    if kind == "bytes":
        return None
    return given
