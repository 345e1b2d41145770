"""Tryton's JSON-RPC: signing in, calling, and its types.

See ``trytond/protocols/jsonrpc.py`` and ``dispatcher.py`` of trytond 8.2.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from leadml.domain.tryton import TrytonConnection
from leadml.errors import CrmBusy, CrmError
from leadml.workflows.crm.patience import Pace, retry_after
from leadml.workflows.exchange import Exchange, Reply

TIMEOUT_SECONDS = 60.0
"""For one whole answer."""
MOST_BYTES = 16_000_000
"""Of one answer; unpacked into Python's objects it takes up to some twenty times as much."""
_ODD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading an answer of another shape than expected ends in."""
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
    seconds : float
        For one whole answer.
    """

    def __init__(
        self,
        connection: TrytonConnection,
        password: str,
        *,
        pace: Pace | None = None,
        seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._connection, self._password = connection, password
        self._pace = pace or Pace(connection.requests_per_second)
        self._seconds = seconds
        self._exchange = Exchange(seconds, MOST_BYTES, {"content-type": "application/json"})
        self._url = f"{connection.url.rstrip('/')}/{connection.database}/rpc/"
        self._session = ""
        self._context: dict[str, Any] = {}

    def close(self) -> None:
        """Sign out and hang up."""
        if self._session:
            with suppress(CrmError, _SignedOutError):  # the session ends by itself after a while
                self._answer("common.db.logout", [])
        self._exchange.close()

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
        for _ in range(2):
            try:
                if not self._session:
                    self._sign_in()
                return self._answer(method, [*given, {**self._context, **(context or {})}])
            except _SignedOutError:
                self._session = ""
        msg = f"{self._url}: Tryton signs {self._connection.user!r} in, and out again at once"
        raise CrmError(msg)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read an answer.

        Raises
        ------
        CrmError
            If it is not of the shape that Tryton's have.
        """
        try:
            yield
        except _ODD as error:
            raise self._odd(type(error).__name__) from None

    def _odd(self, why: str) -> CrmError:
        return CrmError(
            f"{self._url} does not answer as Tryton does ({why}): check [crm.tryton] "
            "url and database"
        )

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
        with self.reading():
            name = f"{connection.user}:{found[0]}:{found[1]}"
            session = "Session " + base64.b64encode(name.encode()).decode()
        self._session = session
        wanted = ("company", "companies", "employee", "employees", "company_filter")
        preferences = self._answer("model.res.user.get_preferences", [True, {}])
        with self.reading():
            known = {name: preferences[name] for name in wanted if name in preferences}
            json.dumps(known)  # it goes back with every call
            self._context = known

    def _answer(self, method: str, params: list[Any]) -> Any:
        self._pace.wait()
        body = json.dumps({"id": 1, "method": method, "params": params}, default=_packed)
        headers = {"authorization": self._session} if self._session else {}
        try:
            reply = self._exchange.post(self._url, body.encode(), headers)
        except TimeoutError:
            msg = f"{self._url} gave no answer within {self._seconds:g} seconds"
            raise CrmBusy(msg) from None
        except ConnectionError as error:
            msg = f"{self._url} cannot be reached ({_short(error)})"
            raise CrmBusy(msg) from None
        return self._result(reply)

    def _result(self, reply: Reply) -> Any:
        status = reply.status
        if status in _BUSY:
            msg = f"{self._url} is busy (status {status})"
            raise CrmBusy(msg, retry_after=retry_after(reply.headers.get("retry-after")))
        if status in (401, 403):
            raise _SignedOutError
        if reply.is_long:
            msg = f"{self._url} answers more than {MOST_BYTES:,} bytes: lower [crm.tryton] page"
            raise CrmError(msg)
        if not reply.is_whole:
            msg = f"{self._url} broke off its answer, or took over {self._seconds:g} seconds"
            raise CrmBusy(msg)
        found, refusal = None, None
        with suppress(*_ODD):
            found = json.loads(reply.content, object_hook=_unpacked)
            refusal = _refusal(found["error"]) if "error" in found else None
        if status != 200 or not isinstance(found, dict) or not {"result", "error"} & set(found):
            why = f"status {status}"
            raise self._odd(why)
        if refusal is not None:
            raise refusal
        return found.get("result")


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


def _refuse_halves(given: Mapping[str, Any]) -> None:
    """Refuse half a pair of surrogates: no text that can be kept."""
    for value in given.values():
        if isinstance(value, str):
            value.encode()


def _unpacked(given: dict[str, Any]) -> Any:
    """Read Tryton's types: times are UTC, a Decimal becomes a float."""
    _refuse_halves(given)
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
