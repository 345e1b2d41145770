"""The page of webhooks, and sending dead letters again."""

from functools import partial
from http import HTTPStatus

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from leadml.api.access.gate import log
from leadml.api.access.scopes import needs
from leadml.api.access.visits import visit_of
from leadml.api.pages.forms import own_form
from leadml.api.pages.page_answer import PageRoute, frame_of, in_ledger, page_answer
from leadml.pages.webhooks_page import Mail, webhooks_page
from leadml.store.outbox import Outbox
from leadml.workflows.webhooks import standing

webhook_pages = APIRouter(
    route_class=PageRoute, include_in_schema=False, dependencies=[Depends(needs("read"))]
)

MOST_LETTERS = 100
MOST_DIGITS = 9


@webhook_pages.get("/webhooks")
async def show_webhooks(request: Request) -> Response:
    """Show how messages stand, and the dead letters."""
    visit = visit_of(request)
    mail = await in_ledger(request, partial(_mail, request, may_change=visit.may_change))
    number = request.query_params.get("retried", "")
    notices: tuple[tuple[str, str], ...] = ()
    if number.isdecimal() and len(number) <= MOST_DIGITS:
        notices = (("good", _retried(int(number))),)
    frame = frame_of(request, "/webhooks", notices=notices)
    return page_answer(webhooks_page(mail, frame, token=visit.token))


@webhook_pages.post("/webhooks/retry", dependencies=[Depends(needs("admin"))])
async def retry(request: Request) -> Response:
    """Send one dead letter again, or all."""
    form = await own_form(request)
    if "id" not in form:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "the form lacks the letter's id")
    number = await in_ledger(request, partial(_retry, request, form["id"]))
    log.info("audit: %s sent %d dead letters again", visit_of(request).who, number)
    return RedirectResponse(f"/webhooks?retried={number}", HTTPStatus.SEE_OTHER)


def _mail(request: Request, *, may_change: bool) -> Mail:
    state = request.app.state
    ledger = state.ledger.open()
    endpoints = standing(state.settings, ledger)
    letters = Outbox(ledger).dead(limit=MOST_LETTERS)
    return Mail(endpoints, [letter.to_dict() for letter in letters], may_change)


def _retry(request: Request, identity: str) -> int:
    ledger = request.app.state.ledger.open()
    return Outbox(ledger).retry([identity] if identity else None)


def _retried(number: int) -> str:
    if not number:
        return "Nothing was sent again: it is no dead letter any more."
    letters = "dead letter is" if number == 1 else "dead letters are"
    return f"{number:,} {letters} sent again now."
