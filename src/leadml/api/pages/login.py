"""Signing in and out at a browser."""

import math
import re
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from leadml.api.access.attempts import Attempts
from leadml.api.access.gate import log
from leadml.api.access.refusals import LOGIN
from leadml.api.access.sessions import COOKIE, SECONDS
from leadml.api.access.visits import visit_of
from leadml.api.pages.forms import own_form
from leadml.api.pages.page_answer import PageRoute, frame_of, page_answer
from leadml.pages.site import login_page, logout_page

login = APIRouter(route_class=PageRoute, include_in_schema=False)

_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
_UNKNOWN = "This key is not known. Check that it was copied whole."
_NO_READING = (
    "This key is known, but it may not look at pages: they need the scope read, and it has {has}. "
    "Whoever runs the service makes one that may: leadml keys add NAME --scopes read"
)


@login.get(LOGIN)
async def ask_key(request: Request) -> Response:
    """Show the form to sign in, where there are keys."""
    if not visit_of(request).sessions.needed:
        return _go("/")
    return _form(request, request.query_params.get("next", "/"))


@login.post(LOGIN)
async def sign_in(request: Request) -> Response:
    """Begin a session for a key; failures in a row are slowed down."""
    form = await own_form(request)
    sessions, attempts = visit_of(request).sessions, _attempts(request)
    then, peer = _local(form.get("next", "/")), request.client.host if request.client else ""
    wait = attempts.wait(peer)
    if wait > 0:
        seconds = math.ceil(wait)
        pause = "1 second" if seconds == 1 else f"{seconds} seconds"
        problem = f"Too many keys were tried from here. Wait {pause}, then try again."
        return _form(request, then, problem, HTTPStatus.TOO_MANY_REQUESTS, seconds)
    caller = sessions.holder(form.get("key", "").strip())
    if caller is None:
        attempts.failed(peer)
        log.warning("audit: an unknown key was tried at the login page")
        return _form(request, then, _UNKNOWN, HTTPStatus.FORBIDDEN)
    attempts.succeeded(peer)
    if "read" not in caller.scopes:
        problem = _NO_READING.format(has=", ".join(sorted(caller.scopes)))
        return _form(request, then, problem, HTTPStatus.FORBIDDEN)
    log.info("audit: %s signed in", caller.name)
    answer, cookie = _go(then), sessions.begin(caller)
    answer.set_cookie(
        COOKIE, cookie, max_age=SECONDS, secure=_secure(request), httponly=True, samesite="strict"
    )
    return answer


@login.get("/logout")
async def ask_end(request: Request) -> Response:
    """Show the form to sign out, where somebody is signed in."""
    visit = visit_of(request)
    if visit.session is None:
        return _go("/")
    return page_answer(logout_page(frame_of(request, "/logout"), token=visit.token))


@login.post("/logout")
async def sign_out(request: Request) -> Response:
    """End the session."""
    await own_form(request)
    visit = visit_of(request)
    if visit.session is not None:
        visit.sessions.end(visit.session)
        log.info("audit: %s signed out", visit.who)
    answer = _go(LOGIN)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def _form(
    request: Request,
    then: str,
    problem: str = "",
    status: int = HTTPStatus.OK,
    wait: int | None = None,
) -> Response:
    html = login_page(
        frame_of(request, LOGIN),
        token=visit_of(request).token,
        then=_local(then),
        problem=problem,
        hours=SECONDS // 3600,
    )
    return page_answer(html, status, headers=None if wait is None else {"Retry-After": str(wait)})


def _secure(request: Request) -> bool:
    """Tell whether the browser came over HTTPS; a false word keeps its sender's own cookie back."""
    said = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().casefold()
    return "https" in {request.url.scheme, said}


def _local(then: str) -> str:
    """Return an address of this site alone: others could be made to look like it."""
    return then if _LOCAL.fullmatch(then) else "/"


def _go(where: str) -> RedirectResponse:
    return RedirectResponse(where, HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})


def _attempts(request: Request) -> Attempts:
    attempts: Attempts = request.app.state.attempts
    return attempts
