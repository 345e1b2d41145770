"""What every request passes before any route sees it: who may ask, and how much.

Without a key the service answers this machine only: the peer and the Host header must both be
loopback, so a web page that rebinds its name to 127.0.0.1 gets nothing; nor does who comes through
a proxy that names another address. With keys every path but the health checks, the description of
the service and the sign-in needs one. What a caller may do travels on as scopes, in the request's
state: see `leadml.api.scopes`.
"""

import asyncio
import hmac
import logging
import re
import time
from collections.abc import Collection
from hashlib import sha256
from http import HTTPStatus
from ipaddress import ip_address
from traceback import extract_tb
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadml.api.scopes import ADMIN_SCOPES, KEY_SCOPES, NO_SCOPES
from leadml.api.sessions import COOKIE, Sessions

MOST_BYTES = 5_000_000
MOST_BYTES_UNKNOWN = 16_000
"""Most that is read of a caller who showed no key: room for the form to sign in, not for memory."""
BODY_SECONDS = 30.0
LOGIN = "/login"
OPENAPI, OPENAPI_30 = "/openapi.json", "/openapi-3.0.json"
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/docs", OPENAPI, OPENAPI_30, LOGIN})

log = logging.getLogger("leadml.api")


class Refusal(Exception):
    """An answer other than the one asked for."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail

    def response(self) -> Response:
        """Return it as JSON."""
        asks_key = self.status == HTTPStatus.UNAUTHORIZED
        headers = {"WWW-Authenticate": "Bearer"} if asks_key else None
        return JSONResponse({"detail": self.detail}, self.status, headers)


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


class Gate:
    """ASGI middleware: authentication, the size of bodies, an access log without personal data.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    keys : collection of str
        Keys accepted for scoring, events and reading.
    paths : collection of str
        Paths the log may name; ``{name}`` in one stands for anything, and is all that is logged.
    admin_keys : collection of str, optional
        Keys that may do everything. Without any key of either kind this machine alone is answered,
        and may do everything.
    sessions : Sessions, optional
        Who signed in at a browser: asked for pages only.
    pages : collection of str
        Those of the paths that are pages.
    """

    def __init__(
        self,
        app: ASGIApp,
        keys: Collection[str],
        paths: Collection[str],
        admin_keys: Collection[str] = (),
        sessions: Sessions | None = None,
        pages: Collection[str] = (),
    ) -> None:
        self.app = app
        self._sessions, self._pages = sessions, frozenset(pages)
        self._paths = frozenset(paths)
        longest_first = sorted(paths, key=lambda path: (-len(path), path))
        self._templates = [(_pattern(path), path) for path in longest_first if "{" in path]
        self._digests = [(_digest(key.encode()), KEY_SCOPES) for key in keys]
        self._digests += [(_digest(key.encode()), ADMIN_SCOPES) for key in admin_keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = self._asked(scope)
        reply = _Reply(send)
        start = time.perf_counter()
        try:
            scope.setdefault("state", {})
            scopes = scope["state"]["scopes"] = self._admitted(scope)
            most = MOST_BYTES if scopes else MOST_BYTES_UNKNOWN
            body = await _body(Headers(scope=scope), receive, most)
            await self.app(scope, _Replay(body, receive), reply)
        except Refusal as refusal:
            await refusal.response()(scope, receive, reply)
        except Exception as fault:  # nothing of a lead may reach the server's log
            log_fault(asked, fault)
            await reply.fail(scope, receive)
        seconds = time.perf_counter() - start
        log.info("%s %d %.1f ms", asked, reply.status, 1000 * seconds)

    def _asked(self, scope: Scope) -> str:
        """Return method and path for the log: a path that is none may hold an address or a name."""
        return f"{scope['method']} {self._template(scope['path'])}"

    def _template(self, path: str) -> str:
        """Return the path as it is described, without the id of a lead that it names."""
        if path in self._paths:
            return path
        found = (plain for pattern, plain in self._templates if pattern.fullmatch(path))
        return next(found, "(no such path)")

    def _admitted(self, scope: Scope) -> frozenset[str]:
        """Return what the caller may do, or refuse it."""
        headers = Headers(scope=scope)
        if not self._digests:
            _only_from_here(scope, headers)
            return ADMIN_SCOPES
        scopes = self._scopes(headers) or self._signed_in(scope, headers)
        if not scopes and scope["path"] not in OPEN_PATHS:
            template = self._template(scope["path"])
            if template in self._pages and not template.endswith(".json"):
                raise SignInFirst(scope)
            raise Refusal(
                HTTPStatus.UNAUTHORIZED,
                "an API key is needed: send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'",
            )
        return scopes

    def _is_page(self, scope: Scope) -> bool:
        return self._template(scope["path"]) in self._pages

    def _signed_in(self, scope: Scope, headers: Headers) -> frozenset[str]:
        """Return what the person at a browser may do: on pages, and nowhere else."""
        if self._sessions is None or not self._is_page(scope):
            return NO_SCOPES
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        session = self._sessions.read(cookie)
        scope["state"]["session"] = session
        return NO_SCOPES if session is None else session.scopes

    def _scopes(self, headers: Headers) -> frozenset[str]:
        """Compare with every key, taking the same time whichever fits."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        key = token.strip() if scheme.casefold() == "bearer" else headers.get("x-api-key", "")
        given = _digest(key.encode("latin-1"))
        fits = [(hmac.compare_digest(digest, given), scopes) for digest, scopes in self._digests]
        return NO_SCOPES.union(*(scopes for fit, scopes in fits if fit))


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()


def _pattern(path: str) -> re.Pattern[str]:
    """Return what matches a path with anything in place of its parameters."""
    return re.compile(".*".join(map(re.escape, re.split(r"\{\w+\}", path))), re.DOTALL)


def _only_from_here(scope: Scope, headers: Headers) -> None:
    peer = scope.get("client")
    callers = [*_forwarded(headers), *([] if peer is None else [peer[0]])]
    if all(map(is_loopback, callers)) and is_loopback(_host(headers.get("host", ""))):
        return
    raise Refusal(
        HTTPStatus.FORBIDDEN,
        "without an API key this service answers its own machine only; set LEADML_API_KEYS",
    )


def _forwarded(headers: Headers) -> list[str]:
    """Return for whom proxies say that they ask; what is no address is nobody of this machine."""
    said = [*headers.getlist("x-forwarded-for"), *headers.getlist("x-real-ip")]
    return [caller.strip() for line in said for caller in line.split(",")]


_HOST = re.compile(r"(?:\[([0-9A-Fa-f]*:[0-9A-Fa-f:.]+)\]|([^\[\]:]+))(?::[0-9]{1,5})?")


def _host(header: str) -> str:
    """Return the host of a Host header, without port and IPv6 brackets; "" where it is none."""
    found = _HOST.fullmatch(header)
    return (found[1] or found[2]) if found else ""


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this machine and nothing else."""
    if host.casefold().removesuffix(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def _body(headers: Headers, receive: Receive, most: int) -> bytes:
    """Read the whole body, no more than `most` bytes and no longer than 30 seconds."""
    if _announced(headers) > most:
        raise _too_large(most)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(receive, most)
    except TimeoutError:
        detail = f"the body did not arrive within {BODY_SECONDS:.0f} seconds"
        raise Refusal(HTTPStatus.REQUEST_TIMEOUT, detail) from None


def _announced(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0


async def _read(receive: Receive, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise _too_large(most)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _too_large(most: int) -> Refusal:
    detail = f"a request may have {MOST_BYTES // 1_000_000} MB at most; send fewer leads at a time"
    if most < MOST_BYTES:
        detail = f"without a known API key a request may have {most // 1_000} kB at most"
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


class _Replay:
    """Gives the body that was read, then whatever the connection says next."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Reply:
    """Sends, and remembers the status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def fail(self, scope: Scope, receive: Receive) -> None:
        """Answer 500, unless an answer has begun."""
        if not self.status:
            detail = "the service failed on this request; its log says where"
            fault = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
            await fault.response()(scope, receive, self)


def log_fault(asked: str, fault: Exception) -> None:
    """Log the kind of a fault and where it arose, never its message: it may quote a lead."""
    frames = extract_tb(fault.__traceback__)
    where = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
    log.error("%s: %s at %s", asked, type(fault).__name__, where)
