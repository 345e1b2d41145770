"""What every request passes before any route sees it: who may ask, and how much.

Without a key the service answers this machine only: the peer and the Host header must both be
loopback, so a web page that rebinds its name to 127.0.0.1 gets nothing; nor does who comes through
a proxy that names another address. With keys every path but the health checks, the description of
the service and the sign-in needs one. What a caller may do travels on as scopes, in the request's
state: see `leadml.api.access.scopes`.
"""

import logging
import re
import secrets
import time
from collections.abc import Collection, Iterable
from http import HTTPStatus

from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from leadml.api.access.bodies import (
    MOST_BYTES,
    MOST_BYTES_SIGNED,
    MOST_BYTES_UNKNOWN,
    MOST_HELD_UNKNOWN,
    Bodies,
    Fields,
)
from leadml.api.access.hubspot_signature import SIGNATURE
from leadml.api.access.keyring import Keyring
from leadml.api.access.loopback import is_loopback
from leadml.api.access.rate_limits import RateLimits
from leadml.api.access.refusals import LOGIN, NoKey, Overload, Refusal, SignInFirst
from leadml.api.access.reply import Reply
from leadml.api.access.sessions import COOKIE, Sessions
from leadml.api.monitoring.log_lines import REQUEST_ID, places
from leadml.api.monitoring.metrics import Metrics
from leadml.api.monitoring.request_log import RequestLog
from leadml.domain.api_key import ADMIN_SCOPES, NO_SCOPES

LOCAL = "local"
"""The caller's name where no key is needed."""
OPENAPI, OPENAPI_30 = "/openapi.json", "/openapi-3.0.json"
HUBSPOT = "/v1/crm/hubspot"
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/docs", OPENAPI, OPENAPI_30, LOGIN, HUBSPOT})
"""Paths that need no key; `HUBSPOT` has a signature of its own."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
MOST_HEADERS = 100
MOST_ADDRESS = 8_000
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORWARDED = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})

log = logging.getLogger("leadml.api")


class Gate:
    """ASGI middleware: authentication, the size of bodies, an access log without personal data.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    keyring : Keyring
        Who holds which key. Without any key this machine alone is answered, and may do everything.
    paths : collection of str
        Paths the log may name; ``{name}`` in one stands for anything, and is all that is logged.
    sessions : Sessions, optional
        Who signed in at a browser: asked for pages only.
    pages : collection of str
        Those of the paths that are pages.
    requests : RequestLog, optional
        Is told of every request answered.
    limits : RateLimits, optional
        Counts requests of keys that have a limit.
    signatures : bool
        Whether HubSpot's signatures can be looked at: else they say nothing about a caller.
    """

    def __init__(
        self,
        app: ASGIApp,
        keyring: Keyring,
        paths: Collection[str],
        sessions: Sessions | None = None,
        pages: Collection[str] = (),
        requests: RequestLog | None = None,
        limits: RateLimits | None = None,
        signatures: bool = False,
    ) -> None:
        self.app = app
        self._requests = requests or RequestLog(Metrics())
        self._sessions, self._pages = sessions, frozenset(pages)
        self._paths = frozenset(paths)
        self._bodies, self._bodies_unknown = Bodies(), Bodies(MOST_HELD_UNKNOWN)
        self._signatures = signatures
        longest_first = sorted(paths, key=lambda path: (-len(path), path))
        self._templates = [(_pattern(path), path) for path in longest_first if "{" in path]
        self._keyring, self._limits = keyring, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        state, fields = scope.setdefault("state", {}), first_fields(scope["headers"])
        state["fields"], state["request_id"] = fields, _request_id(fields)
        REQUEST_ID.set(state["request_id"])
        reply = Reply(send, state["request_id"].encode(), secure=_secure(scope, fields))
        try:
            await self._answer(scope, receive, reply)
        except Refusal as refusal:
            if isinstance(refusal, Overload):
                self._requests.overloaded()
            await refusal.response()(scope, receive, reply)
        except Exception as fault:  # nothing of a lead may reach the server's log
            log_fault(self._asked(scope), fault)
            await reply.fail(scope, receive)
        seconds = time.perf_counter() - start
        route = self._template(scope["path"])
        self._requests.tell(scope["method"], route, reply.status, seconds, state)

    async def _answer(self, scope: Scope, receive: Receive, reply: Send) -> None:
        state = scope["state"]
        _bounded(scope)
        scopes = state["scopes"] = self._admitted(scope, state["fields"])
        most = MOST_BYTES if scopes else self._most_unknown(scope)
        bodies = self._bodies if scopes else self._bodies_unknown
        body = await bodies.read(state["fields"], receive, most)
        try:
            state["body"] = body.content
            await self.app(scope, body, reply)
        finally:
            body.release()

    def _most_unknown(self, scope: Scope) -> int:
        """Return how many bytes a caller without a key may send: more where they are signed."""
        signed = scope["path"] == HUBSPOT and SIGNATURE in scope["state"]["fields"]
        return MOST_BYTES_SIGNED if signed and self._signatures else MOST_BYTES_UNKNOWN

    def _asked(self, scope: Scope) -> str:
        """Return method and path for the log: a path that is none may hold an address or a name."""
        return f"{scope['method']} {self._template(scope['path'])}"

    def _template(self, path: str) -> str:
        """Return the path as it is described, without the id of a lead that it names."""
        if path in self._paths:
            return path
        found = (plain for pattern, plain in self._templates if pattern.fullmatch(path))
        return next(found, "(no such path)")

    def _admitted(self, scope: Scope, fields: Fields) -> frozenset[str]:
        """Return what the caller may do, or refuse it."""
        state = scope["state"]
        if not self._keyring.needed:
            _only_from_here(scope, fields)
            if scope["method"] not in _SAFE and not self._is_page(scope):
                _from_no_other_page(fields)
            state["caller"] = LOCAL
            return ADMIN_SCOPES
        caller = self._keyring.caller(fields)
        state["caller"] = caller.name if caller else ""
        if caller and caller.limit and self._limits and scope["path"] not in OPEN_PATHS:
            self._limits.keep(caller.name, caller.limit)
        scopes = caller.scopes if caller else self._signed_in(scope, fields)
        if not scopes and scope["path"] not in OPEN_PATHS:
            template = self._template(scope["path"])
            if template in self._pages and not template.endswith(".json"):
                raise SignInFirst(scope)
            raise NoKey
        return scopes

    def _is_page(self, scope: Scope) -> bool:
        return self._template(scope["path"]) in self._pages

    def _signed_in(self, scope: Scope, fields: Fields) -> frozenset[str]:
        """Return what the person at a browser may do: on pages, and nowhere else."""
        if self._sessions is None or not self._is_page(scope):
            return NO_SCOPES
        cookie = cookie_parser(fields.get(b"cookie", b"").decode("latin-1")).get(COOKIE, "")
        session = self._sessions.read(cookie)
        if session is None:
            return NO_SCOPES
        scope["state"] |= {"session": session, "caller": session.who}
        return session.scopes


def first_fields(headers: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Return the first value of each header."""
    return dict(reversed([*headers]))


def _bounded(scope: Scope) -> None:
    """Refuse a head that no caller of ours has need of."""
    if len(scope["headers"]) > MOST_HEADERS:
        detail = f"a request may have {MOST_HEADERS} headers at most"
        raise Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
    if len(scope.get("raw_path", b"")) + len(scope["query_string"]) > MOST_ADDRESS:
        detail = f"path and query may have {MOST_ADDRESS:,} bytes at most"
        raise Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, detail)


def _secure(scope: Scope, fields: Fields) -> bool:
    """Tell whether a request came by HTTPS; a false word concerns its sender alone."""
    said = fields.get(b"x-forwarded-proto", b"").partition(b",")[0]
    return scope.get("scheme") == "https" or said.strip() == b"https"


def _request_id(fields: Fields) -> str:
    """Return the id that the caller gave its request, or a new one."""
    given = fields.get(b"x-request-id", b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _pattern(path: str) -> re.Pattern[str]:
    """Return what matches a path with anything in place of its parameters."""
    return re.compile(".*".join(map(re.escape, re.split(r"\{\w+\}", path))), re.DOTALL)


def _only_from_here(scope: Scope, fields: Fields) -> None:
    peer, host = scope.get("client"), fields.get(b"host", b"").decode("latin-1")
    callers = [*_forwarded(scope), *([] if peer is None else [peer[0]])]
    if all(map(is_loopback, callers)) and is_loopback(_host(host)):
        return
    raise Refusal(
        HTTPStatus.FORBIDDEN,
        "without an API key this service answers its own machine only; set LEADML_API_KEYS "
        "or make a key with leadml keys add",
    )


def _from_no_other_page(fields: Fields) -> None:
    """Refuse what a page of another site sends to this machine through the browser of its user.

    Pages have tokens for that; a program sends neither header, and a script cannot forge them.
    """
    site, origin = fields.get(b"sec-fetch-site"), fields.get(b"origin")
    own = site in {b"same-origin", b"none"}
    if site is None:
        own = origin is None or origin.partition(b"://")[2] == fields.get(b"host")
    if not own:
        detail = "without an API key nothing is taken from pages of other sites; send a key"
        raise Refusal(HTTPStatus.FORBIDDEN, detail)


def _forwarded(scope: Scope) -> list[str]:
    """Return for whom proxies say that they ask; what is no address is nobody of this machine."""
    said = [value.decode("latin-1") for name, value in scope["headers"] if name in _FORWARDED]
    return [caller.strip() for line in said for caller in line.split(",")]


_HOST = re.compile(r"(?:\[([0-9A-Fa-f]*:[0-9A-Fa-f:.]+)\]|([^\[\]:]+))(?::[0-9]{1,5})?")


def _host(header: str) -> str:
    """Return the host of a Host header, without port and IPv6 brackets; "" where it is none."""
    found = _HOST.fullmatch(header)
    return (found[1] or found[2]) if found else ""


def log_fault(asked: str, fault: Exception) -> None:
    """Log the kind of a fault and where it arose, never its message: it may quote a lead."""
    kind, where = type(fault).__name__, places(fault.__traceback__)
    log.error("%s: %s at %s", asked, kind, where, extra={"fault": kind, "at": where})
