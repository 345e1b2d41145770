"""Answers that browsers show: headers that keep a page to itself, and readable refusals."""

from base64 import b64encode
from collections.abc import Callable, Coroutine, Mapping
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from typing import Any, TypeVar

from anyio import to_thread
from fastapi import HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.routing import APIRoute

import leadml
from leadml.api.access.gate import log, log_fault
from leadml.api.access.visits import visit_of
from leadml.api.recording.ledger_link import RETRY_SECONDS, LedgerLink
from leadml.errors import LeadmlError, StoreError
from leadml.pages.html import style_sheet
from leadml.pages.navigation import Link
from leadml.pages.site import Frame, message_page

LEDGER_AWAY = "the ledger cannot be used now; the log of the service says why"
FAILED = "this page failed; the log of the service says where"
T = TypeVar("T")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": browsers then send forms with the origin "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Frame-Options": "DENY",
}


@cache
def _policy(*, charts: bool) -> str:
    """Return the content security policy: our style sheet by its hash, no script at all."""
    sheet = f"'sha256-{b64encode(sha256(style_sheet().encode()).digest()).decode()}'"
    parts = [
        "default-src 'none'",
        f"style-src {sheet}",
        "img-src data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    if charts:  # the parts of a chart carry their colours with them
        parts.append("style-src-attr 'unsafe-inline'")
    return "; ".join(parts)


def page_answer(
    html: str,
    status: int = HTTPStatus.OK,
    *,
    charts: bool = False,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """Return a page; it is kept by nobody unless `headers` say otherwise."""
    policy = {"Content-Security-Policy": _policy(charts=charts), "Cache-Control": "no-store"}
    return HTMLResponse(html, status, {**_HEADERS, **policy, **(headers or {})})


def plain_answer(html: str) -> HTMLResponse:
    """Return a page that holds its own style and nothing secret."""
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(html, headers={**_HEADERS, "Content-Security-Policy": policy})


def frame_of(request: Request, current: str, *, notices: tuple[tuple[str, str], ...] = ()) -> Frame:
    """Return what stands around a page for whoever looks at it."""
    visit = visit_of(request)
    signed_in, known = visit.session is not None, "read" in visit.scopes
    webhooks = bool(request.app.state.settings.webhooks)
    return Frame(current, signed_in, leadml.__version__, notices, known, webhooks)


async def in_ledger(request: Request, work: Callable[[], T]) -> T:
    """Do work that waits for the ledger in the threads set apart for it."""
    link: LedgerLink = request.app.state.ledger
    return await to_thread.run_sync(work, limiter=link.threads)


class PageRoute(APIRoute):
    """A route whose refusals are pages; those of a path that ends in ``.json`` stay JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except HTTPException as refused:
                return refusal(request, refused.status_code, str(refused.detail), refused.headers)
            except StoreError as error:
                log.error("%s: %s", self.path, error)
                later = {"Retry-After": str(RETRY_SECONDS)}
                return refusal(request, HTTPStatus.SERVICE_UNAVAILABLE, LEDGER_AWAY, later)
            except LeadmlError as error:
                log.error("%s: %s", self.path, error)
                text = str(error).replace(f"{request.app.state.settings.root}/", "")
                return refusal(request, HTTPStatus.SERVICE_UNAVAILABLE, text)
            except Exception as fault:  # a page that failed is a page too; nothing of it is logged
                log_fault(f"{request.method} {self.path}", fault)
                return refusal(request, HTTPStatus.INTERNAL_SERVER_ERROR, FAILED)

        return handle


def refusal(
    request: Request, status: int, text: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return why a page is not shown."""
    if request.url.path.endswith(".json"):
        return JSONResponse({"detail": text}, status, dict(headers or {}))
    title = HTTPStatus(status).phrase
    told = _sentence(text)
    html = message_page(
        told, frame_of(request, ""), title=title, link=Link("Back to the overview", "/")
    )
    return page_answer(html, status, headers=headers)


def _sentence(text: str) -> str:
    """Write a refusal as a sentence; one that begins with a file's name begins as it is."""
    begun = text[:1].upper() if text.partition(" ")[0].isalpha() else text[:1]
    return f"{begun}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}"
